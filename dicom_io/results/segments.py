"""Segments: where a finding's segment is among the segmentations of one analysis."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class SegmentReference:
    """One segment: its segmentation, and its Segment Number (0062,0004) there, from 1."""

    sop_class_uid: str
    sop_instance_uid: str
    number: int


def segment_of(segmentations: Iterable[Dataset], tracking_uid: str) -> SegmentReference:
    """The segment with a Tracking UID (0062,0021).

    Raises
    ------
    KeyError
        If no segmentation has one.
    """
    found = tracked_segments(segmentations).get(tracking_uid)
    if found is None:
        raise KeyError(f"No segment has the Tracking UID {tracking_uid}.")
    return found


def tracked_segments(segmentations: Iterable[Dataset]) -> dict[str, SegmentReference]:
    """Every segment by its Tracking UID."""
    return {
        str(segment.TrackingUID): SegmentReference(
            str(segmentation.SOPClassUID), str(segmentation.SOPInstanceUID), int(segment.SegmentNumber)
        )
        for segmentation in segmentations
        for segment in segmentation.SegmentSequence
    }
