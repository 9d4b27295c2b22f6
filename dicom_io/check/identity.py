"""What an object says it is: SOP Class and Instance, in the data set and in the File Meta Information (PS3.10 7.1)."""

from collections.abc import Iterator

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_SAME = (("MediaStorageSOPClassUID", "SOPClassUID"), ("MediaStorageSOPInstanceUID", "SOPInstanceUID"))
_DISTINCT = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def faults(root: Node, meta: Node) -> Iterator[Fault]:
    """Identifiers that contradict one another; ``meta`` is empty where there is no File Meta Information yet."""
    for of_file, of_dataset in _SAME:
        if meta.text(of_file) and meta.text(of_file) != root.text(of_dataset):
            what = f"{meta.text(of_file)!r}, but the data set has {root.text(of_dataset)!r}."
            yield meta.fault(of_file, what, Rule.IDENTITY)
    seen: dict[str, str] = {}
    for keyword in _DISTINCT:
        uid = root.text(keyword)
        other = seen.setdefault(uid, keyword) if uid else keyword
        if other != keyword:
            yield root.fault(keyword, f"The same UID as {other}.", Rule.IDENTITY, "PS3.5 9")
