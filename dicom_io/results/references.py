"""References to instances and to frames of images (PS3.3 Tables 10-3 and 10-11)."""

from collections import defaultdict
from collections.abc import Iterable

from pydicom.dataset import Dataset

from dicom_io.reading.volume import SourceImage


def image_references(sources: Iterable[SourceImage]) -> list[Dataset]:
    """An item for each instance, with the frames where it has some. highdicom's own take 5 ms each."""
    frames: dict[tuple[str, str], list[int]] = defaultdict(list)
    for source in sources:
        numbers = frames[source.sop_class_uid, source.sop_instance_uid]
        if source.frame is not None:
            numbers.append(source.frame)
    items = []
    for instance, numbers in frames.items():
        item = instance_reference(*instance)
        if numbers:
            item.ReferencedFrameNumber = numbers
        items.append(item)
    return items


def instance_reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An item that refers to a whole instance (PS3.3 Table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item
