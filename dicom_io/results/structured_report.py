"""What all structured reports share: the document round a tree of content items (PS3.3 C.17)."""

from collections.abc import Iterable

import highdicom
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code
from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
)

from config.result_kind import ResultKind
from dicom_io.identity import PRODUCT, Provenance, ResultReference
from dicom_io.results.codes import PRIVATE_SCHEME
from dicom_io.results.content_items import Relation, code, text, uid
from dicom_io.results.references import instance_reference
from dicom_io.results.result import Origin, complete, construction

REPORTS = frozenset(
    (
        BasicTextSRStorage,
        EnhancedSRStorage,
        ComprehensiveSRStorage,
        Comprehensive3DSRStorage,
        EncapsulatedPDFStorage,
    )
)
"""The classes of document that a report can supersede or take something over from."""

_ENGLISH = Code("en", "RFC5646", "English")


def structured_report(
    origin: Origin,
    kind: ResultKind,
    description: str,
    *,
    sop_class_uid: str,
    root: Dataset,
    evidence: Iterable[ResultReference],
) -> Dataset:
    """A report that is complete, preliminary and unverified.

    Parameters
    ----------
    description
        The Series Description, without the label.
    root
        The container that holds everything.
    evidence
        What was looked at or is referred to, of the study of ``origin``.
    """
    report = highdicom.SOPClass(
        **construction(origin, kind, description),
        study_instance_uid=str(origin.headers[0].StudyInstanceUID),
        sop_class_uid=sop_class_uid,
        modality="SR",
        coding_schemes=[private_coding_scheme()],
    )
    report.CompletionFlag = "COMPLETE"
    report.VerificationFlag = "UNVERIFIED"
    report.PreliminaryFlag = "PRELIMINARY"
    report.PerformedProcedureCodeSequence = []
    report.ReferencedPerformedProcedureStepSequence = []
    if used := references(evidence):
        report.CurrentRequestedProcedureEvidenceSequence = used
    if earlier := predecessors(origin.provenance):
        report.PredecessorDocumentsSequence = earlier
    report.update(root)
    return complete(report, origin)


def heading(provenance: Provenance) -> list[Dataset]:
    """The language (TID 1204), and the software as the only observer (TID 1004), with no role: nobody else looked."""
    observer = Relation.OBSERVATION_CONTEXT
    return [
        code(dictionary.DCM.LanguageOfContentItemAndDescendants, _ENGLISH, Relation.CONCEPT_MODIFIER),
        code(dictionary.DCM.ObserverType, dictionary.DCM.Device, observer),
        uid(dictionary.DCM.DeviceObserverUID, provenance.device_uid, observer),
        text(dictionary.DCM.DeviceObserverName, PRODUCT, observer),
        text(dictionary.DCM.DeviceObserverManufacturer, provenance.manufacturer, observer),
        text(dictionary.DCM.DeviceObserverModelName, PRODUCT, observer),
    ]


def predecessors(provenance: Provenance) -> list[Dataset]:
    """Items of Predecessor Documents Sequence (0040,A360): earlier reports, of this study and of others."""
    return references(one for one in provenance.predecessor if one.sop_class_uid in REPORTS)


def references(instances: Iterable[ResultReference]) -> list[Dataset]:
    """Instances by study and series, each once (PS3.3 Table C.17-3, Hierarchical SOP Instance Reference Macro)."""
    studies: dict[str, dict[str, list[Dataset]]] = {}
    for one in dict.fromkeys(instances):
        item = instance_reference(one.sop_class_uid, one.sop_instance_uid)
        studies.setdefault(one.study_instance_uid, {}).setdefault(one.series_instance_uid, []).append(item)
    return [_study(study_uid, series) for study_uid, series in studies.items()]


def private_coding_scheme() -> CodingSchemeIdentificationItem:
    """Item of Coding Scheme Identification Sequence (0008,0110) for the codes that only this software has."""
    return CodingSchemeIdentificationItem(designator=PRIVATE_SCHEME, name=f"Codes of {PRODUCT}")


def _study(study_uid: str, series: dict[str, list[Dataset]]) -> Dataset:
    study = Dataset()
    study.StudyInstanceUID = study_uid
    study.ReferencedSeriesSequence = []
    for series_uid, instances in series.items():
        item = Dataset()
        item.SeriesInstanceUID = series_uid
        item.ReferencedSOPSequence = instances
        study.ReferencedSeriesSequence.append(item)
    return study
