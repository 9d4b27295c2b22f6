"""The images that an object's frames are derived from, listed by series (PS3.3 C.12.2, Common Instance Reference)."""

from collections.abc import Iterator

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node, nodes

_SERIES = "ReferencedSeriesSequence"
_OTHER_STUDIES = "StudiesContainingOtherReferencedInstancesSequence"
_REFERENCES = frozenset({"SourceImageSequence", "ReferencedImageSequence"})
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def faults(root: Node) -> Iterator[Fault]:
    """References of the functional groups that are not among the series referred to, or of another class there."""
    classes: dict[str, str] = {}
    for series in listed_series(root):
        for instance in series.items("ReferencedInstanceSequence"):
            uid = instance.text("ReferencedSOPInstanceUID")
            if uid in classes:
                yield instance.fault("ReferencedSOPInstanceUID", "Listed twice.", Rule.SOURCES)
            classes[uid] = instance.text("ReferencedSOPClassUID")
    if not classes:
        yield root.fault(_SERIES, "Missing or empty: viewers do not find the images to lie upon.", Rule.SOURCE_SERIES)
    for keyword in _FUNCTIONAL_GROUPS:
        for group in root.items(keyword):
            yield from _references(group, classes, root.text("SOPInstanceUID"))


def listed_series(root: Node) -> Iterator[Node]:
    """The items of Referenced Series Sequence (0008,1115), of the object's study and of others."""
    yield from root.items(_SERIES)
    for study in root.items(_OTHER_STUDIES):
        yield from study.items(_SERIES)


def _references(group: Node, classes: dict[str, str], own_uid: str) -> Iterator[Fault]:
    for keyword, reference in nodes(group):
        uid = reference.text("ReferencedSOPInstanceUID")
        if keyword not in _REFERENCES or not uid:
            continue
        if uid == own_uid:
            yield reference.fault("ReferencedSOPInstanceUID", "The object itself.", Rule.SOURCES)
        elif uid not in classes:
            what = f"{uid} is not listed in {_SERIES}."
            yield reference.fault("ReferencedSOPInstanceUID", what, Rule.SOURCES)
        elif reference.text("ReferencedSOPClassUID") != classes[uid]:
            what = f"Not the SOP Class that {_SERIES} gives to {uid}."
            yield reference.fault("ReferencedSOPClassUID", what, Rule.SOURCES)
