"""DICOM KOS: which of a study's new objects belong to the report, for a PACS that attaches or marks key images."""

from collections.abc import Sequence

import highdicom
from highdicom import ko, sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary

from config.result_kind import ResultKind
from dicom_io.identity import PRODUCT, Provenance
from dicom_io.results.result import Result, ResultContext, complete, construction, stand_in

_FIRST = (ResultKind.KEY_IMAGES, ResultKind.PICTURE)


def encode_key_objects(context: ResultContext, results: Sequence[Result]) -> Dataset:
    """A Key Object Selection (PS3.3 A.35.4, TID 2010) of the other results, pictures first.

    Its title is (113020, DCM, "For Report Attachment").

    Raises
    ------
    ValueError
        If there are no results.
    """
    order = [*_FIRST, *(kind for kind in ResultKind if kind not in _FIRST)]
    selected = [
        stand_in(result.dataset) for result in sorted(results, key=lambda one: (order.index(one.kind), one.part))
    ]
    arguments = construction(context, ResultKind.KEY_OBJECTS, "AI key objects")
    selection = ko.KeyObjectSelectionDocument(
        **arguments,
        evidence=selected,
        content=ko.KeyObjectSelection(
            document_title=dictionary.DCM.ForReportAttachment,
            referenced_objects=selected,
            observer_device_context=_device(context.provenance),
            description=_description(context),
        ),
    )
    for item in selection.ContentSequence:
        if item.ValueType in ("IMAGE", "COMPOSITE"):
            del item.ConceptNameCodeSequence  # highdicom's "Source"; the template has no name there
    return complete(selection, context)


def _device(provenance: Provenance) -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=dictionary.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=highdicom.UID(provenance.device_uid),
            name=PRODUCT,
            manufacturer_name=provenance.manufacturer,
            model_name=PRODUCT,
        ),
    )


def _description(context: ResultContext) -> str:
    """What the objects are of, and how many lesions there are."""
    count = len(context.analysis.lesions)
    found = "No lesion found" if count == 0 else f"{count} lesion{'s' if count > 1 else ''} found"
    made = f"{found} by {PRODUCT} {context.provenance.version}, not reviewed by a physician."
    return f"{context.provenance.label}: {made}" if context.provenance.label else made
