"""References to images: items of Referenced Image Sequence (0008,1140) and its like (PS3.3 Table 10-3)."""

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
    return [_reference(*instance, numbers) for instance, numbers in frames.items()]


def _reference(sop_class_uid: str, sop_instance_uid: str, frames: list[int]) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if frames:
        item.ReferencedFrameNumber = frames
    return item
