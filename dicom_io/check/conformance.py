"""The conformance check: every rule that an object's kind has, over one data set."""

from collections.abc import Collection, Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import (
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from config.reasons import UptakeError
from dicom_io.check import (
    attributes,
    content,
    dimensions,
    document,
    document_state,
    evidence,
    frame_geometry,
    frames,
    identity,
    pixels,
    presentation,
    references,
    regions,
    segments,
    sources,
    templates,
    terms,
)
from dicom_io.check.among import Among, Relative
from dicom_io.check.fault import Fault, Rule, Scope, Severity
from dicom_io.check.inherited import softened
from dicom_io.check.opened import Node, open_dataset
from dicom_io.check.tables import object_definition
from dicom_io.identity import PRODUCT
from dicom_io.sop_classes import SEGMENTATION, STRUCTURED_REPORT

_DOCUMENTS = STRUCTURED_REPORT | {KeyObjectSelectionDocumentStorage}


def check(dataset: Dataset, among: Collection[Dataset] = (), *, among_is_all: bool = False) -> tuple[Fault, ...]:
    """What is wrong with an object, errors first; without an error it may be sent.

    Parameters
    ----------
    dataset
        A SEG, SR, key object selection, presentation state, secondary capture or encapsulated PDF, with its File Meta
        Information if it has any. Of other storage SOP Classes only attributes and values are checked. Not changed,
        but what was not yet decoded of it is.
    among
        Headers of the images that it was made of, and of the objects made with it: what is said of them must be true.
    among_is_all
        Whether ``among`` has everything that the object may refer to but its predecessors; then what is not there is
        a fault.

    Raises
    ------
    TablesMissing
        If the installed highdicom does not carry the standard's module tables.

    Notes
    -----
    Hostile data sets give faults, never an exception. Pixel data are measured, not read.
    """
    return _check(dataset, [Relative(one) for one in among], among_is_all)


def check_all(
    datasets: Sequence[Dataset], among: Collection[Dataset] = (), *, among_is_all: bool = False
) -> tuple[tuple[Fault, ...], ...]:
    """The same of each of some objects among the others and ``among``, of which what is asked is read once."""
    relatives = [Relative(one) for one in (*among, *datasets)]
    return tuple(_check(dataset, relatives, among_is_all) for dataset in datasets)


def _check(dataset: Dataset, known: Collection[Relative], known_is_all: bool) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    root = open_dataset(dataset, faults)
    meta = open_dataset(getattr(dataset, "file_meta", None) or Dataset(), faults)
    relatives = Among((one for one in known if one.dataset is not dataset), complete=known_is_all)
    try:
        faults += _faults(root, meta, relatives)
    except UptakeError:
        raise
    except Exception as error:  # a boundary: what is not judged is not sent
        what = f"The rules could not all be applied: {type(error).__name__}."
        faults.append(Fault("the object", what, Rule.APPLICABLE))
    of_node = root.text("ManufacturerModelName") == PRODUCT
    faults = [fault if of_node else _of_others(fault) for fault in softened(faults, root, relatives)]
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.severity is not Severity.ERROR))


def _of_others(fault: Fault) -> Fault:
    """What the node asks of its own objects alone is a warning for those of others."""
    if fault.rule.scope is Scope.STANDARD:
        return fault
    return Fault(fault.where, fault.what, fault.rule, fault.section, Severity.WARNING)


def _faults(root: Node, meta: Node, among: Among) -> Iterator[Fault]:
    sop_class = root.text("SOPClassUID")
    definition = object_definition(sop_class)
    if definition is None:
        yield root.fault("SOPClassUID", f"{sop_class!r} is no storage SOP Class.", Rule.SOP_CLASS)
        return
    tree = content.Item(root) if sop_class in _DOCUMENTS else None
    yield from identity.faults(root, meta)
    yield from attributes.faults(root, definition)
    yield from terms.class_faults(root, sop_class)
    yield from pixels.faults(root, meta.text("TransferSyntaxUID"))
    if sop_class in SEGMENTATION:
        for rules in (segments, frames, frame_geometry, dimensions, sources):
            yield from rules.faults(root)
    if tree is not None:
        yield from content.faults(tree, sop_class)
        yield from templates.faults(tree)
        yield from regions.faults(tree)
        yield from evidence.faults(root, tree)
        yield from document_state.faults(root)
    if sop_class == GrayscaleSoftcopyPresentationStateStorage:
        yield from presentation.faults(root)
    if sop_class == EncapsulatedPDFStorage:
        yield from document.faults(root)
    yield from references.faults(root, tree, among)
