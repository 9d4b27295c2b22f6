"""The other objects that an object speaks of: its siblings and the images that it was made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydicom.dataset import Dataset

from dicom_io.header_values import items, number, text, texts
from dicom_io.identity import PRODUCT
from dicom_io.sop_classes import SEGMENTATION

PATIENT_AND_STUDY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
)


@dataclass(frozen=True)
class Relative:
    """One of the other objects; only what is asked of it is read."""

    dataset: Dataset

    @cached_property
    def sop_instance_uid(self) -> str:
        return text(self.dataset, "SOPInstanceUID")

    @cached_property
    def sop_class_uid(self) -> str:
        return text(self.dataset, "SOPClassUID")

    @cached_property
    def series_uid(self) -> str:
        return text(self.dataset, "SeriesInstanceUID")

    @cached_property
    def study_uid(self) -> str:
        return text(self.dataset, "StudyInstanceUID")

    @property
    def uids(self) -> tuple[str, ...]:
        """Of study, series, instance and frame of reference."""
        return self.study_uid, self.series_uid, self.sop_instance_uid, self.frame_of_reference_uid

    @cached_property
    def is_of_node(self) -> bool:
        """Whether this node made it."""
        return text(self.dataset, "ManufacturerModelName") == PRODUCT

    @cached_property
    def frames(self) -> int:
        """How many; 1 if the object says nothing of frames."""
        return int(number(self.dataset, "NumberOfFrames") or 1)

    @cached_property
    def size(self) -> tuple[float, float] | None:
        """Columns and rows; None of what is no image."""
        columns, rows = number(self.dataset, "Columns"), number(self.dataset, "Rows")
        return None if columns is None or rows is None else (columns, rows)

    @cached_property
    def frame_of_reference_uid(self) -> str:
        return text(self.dataset, "FrameOfReferenceUID")

    @cached_property
    def position(self) -> tuple[float, ...]:
        """Image Position (Patient) in mm; empty if absent, as in multi-frame objects."""
        values = texts(self.dataset, "ImagePositionPatient")
        try:
            return tuple(map(float, values)) if len(values) == 3 else ()
        except ValueError:
            return ()

    @cached_property
    def thickness(self) -> float:
        """Slice Thickness in mm; 0 if absent."""
        return number(self.dataset, "SliceThickness") or 0.0

    @cached_property
    def is_segmentation(self) -> bool:
        return self.sop_class_uid in SEGMENTATION

    @cached_property
    def tracking(self) -> Mapping[int, str]:
        """The Tracking UID (``""`` for none) of every segment, by number."""
        segments = items(self.dataset, "SegmentSequence")
        return {int(number(segment, "SegmentNumber") or 0): text(segment, "TrackingUID") for segment in segments}

    @cached_property
    def patient_and_study(self) -> Mapping[str, str]:
        """Who and which examination, in the attributes that all objects of a study share."""
        return {keyword: text(self.dataset, keyword) for keyword in PATIENT_AND_STUDY}

    @cached_property
    def source_series(self) -> frozenset[str]:
        """The series that the object lists as referred to."""
        listed = items(self.dataset, "ReferencedSeriesSequence")
        return frozenset(text(series, "SeriesInstanceUID") for series in listed)


class Among:
    """The other objects by SOP Instance UID; ``complete`` if there is nothing else that may be referred to."""

    def __init__(self, relatives: Iterable[Relative], *, complete: bool) -> None:
        self.relatives = tuple(relatives)
        self.by_instance = {relative.sop_instance_uid: relative for relative in self.relatives}
        self.complete = complete and bool(self.relatives)
