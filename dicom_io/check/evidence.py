"""What a document refers to, and the evidence in which it must be listed (PS3.3 C.17.2.3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.uid import KeyObjectSelectionDocumentStorage

from dicom_io.check.content import Item
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.templates import SOURCE_SERIES

CURRENT = "CurrentRequestedProcedureEvidenceSequence"
OTHER = "PertinentOtherEvidenceSequence"
_REFERRING = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})


@dataclass(frozen=True, slots=True)
class _Instance:
    """A reference to an instance."""

    node: Node

    @property
    def sop_class_uid(self) -> str:
        return self.node.text("ReferencedSOPClassUID")

    @property
    def sop_instance_uid(self) -> str:
        return self.node.text("ReferencedSOPInstanceUID")


@dataclass(frozen=True, slots=True)
class Listed(_Instance):
    """An instance as evidence lists it, with the study and series under which it stands."""

    study_uid: str
    series_uid: str


@dataclass(frozen=True, slots=True)
class Reference(_Instance):
    """A reference of a content item to an instance."""

    item: Item


def listed(root: Node, *keywords: str) -> Iterator[Listed]:
    """Every instance below the sequences of ``keywords`` (by default all evidence)."""
    for keyword in keywords or (CURRENT, OTHER):
        for study in root.items(keyword):
            for series in study.items("ReferencedSeriesSequence"):
                for instance in series.items("ReferencedSOPSequence"):
                    yield Listed(instance, study.text("StudyInstanceUID"), series.text("SeriesInstanceUID"))


def references(tree: Item) -> Iterator[Reference]:
    """Every reference of the content to an instance."""
    for item in tree.all:
        if item.value_type in _REFERRING:
            for node in item.node.items("ReferencedSOPSequence"):
                yield Reference(node, item)


def faults(root: Node, tree: Item) -> Iterator[Fault]:
    """References without evidence, evidence listed twice, and in key object selections what is not selected."""
    classes: dict[str, str] = {}
    series = set()
    for instance in listed(root):
        if instance.sop_instance_uid in classes:
            what = f"{instance.sop_instance_uid} is listed more than once."
            yield instance.node.fault("ReferencedSOPInstanceUID", what, Rule.EVIDENCE)
        classes[instance.sop_instance_uid] = instance.sop_class_uid
        series.add(instance.series_uid)
    referred = set()
    for reference in references(tree):
        referred.add(reference.sop_instance_uid)
        yield from _listed(reference, classes)
    for item in tree.all:
        if item.name == SOURCE_SERIES and item.node.text("UID") not in series:
            what = f"No instance of the series {item.node.text('UID')} is listed as evidence."
            yield item.node.fault("UID", what, Rule.EVIDENCE)
    if root.text("SOPClassUID") == KeyObjectSelectionDocumentStorage:
        for instance in listed(root):
            if instance.sop_instance_uid not in referred:
                what = "Listed as evidence, but not selected."
                yield instance.node.fault("ReferencedSOPInstanceUID", what, Rule.EVIDENCE, "PS3.3 C.17.6.2.1")


def _listed(reference: Reference, classes: dict[str, str]) -> Iterator[Fault]:
    uid = reference.sop_instance_uid
    if uid and uid not in classes:
        yield reference.node.fault("ReferencedSOPInstanceUID", f"{uid} is not listed as evidence.", Rule.EVIDENCE)
    elif uid and reference.sop_class_uid != classes[uid]:
        what = f"Not the SOP Class under which {uid} is listed as evidence."
        yield reference.node.fault("ReferencedSOPClassUID", what, Rule.EVIDENCE)
