"""Planes of segments: slices of an acquisition, with a segment's number in each voxel, become a segmentation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from config.label_grid import Box
from dicom_io.identity import PRODUCT, Provenance, derived_uid
from dicom_io.reading.frames import frames_of
from dicom_io.reading.volume import Acquisition
from dicom_io.results import codes
from dicom_io.results.result import stand_in

Numbers = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Mask:
    """The voxels of one segment: those that are true in a box of an acquisition's grid."""

    box: Box
    inside: NDArray[np.bool_]

    @property
    def slices(self) -> NDArray[np.intp]:
        """The slices that it has voxels in, ascending: as many frames it takes."""
        return np.asarray(np.flatnonzero(self.inside.any(axis=(1, 2))) + self.box[0].start)


@dataclass(frozen=True, eq=False)
class Planes:
    """Some slices of an acquisition, ascending, and in each voxel the number of a segment, from 1, or 0.

    ``numbers`` has the shape (slices, rows, columns).
    """

    source: Acquisition
    slices: NDArray[np.intp]
    numbers: Numbers

    @classmethod
    def of(cls, masks: Sequence[Mask], source: Acquisition) -> "Planes":
        """The slices that any of the masks, which do not overlap, has voxels in."""
        slices = np.unique(np.concatenate([mask.slices for mask in masks]))
        shape = (len(slices), *source.volume.shape[1:])
        numbers: Numbers = np.zeros(shape, np.uint8 if len(masks) < 256 else np.uint16)
        for number, mask in enumerate(masks, start=1):
            where = np.searchsorted(slices, mask.slices)
            for plane, inside in zip(where, mask.inside[mask.slices - mask.box[0].start], strict=True):
                numbers[plane][mask.box[1:]][inside] = number
        return cls(source, slices, numbers)


def boxes_of(labels: Numbers) -> dict[int, Box]:
    """The box that each label of a map fills."""
    found = ndimage.find_objects(labels)
    return {number: (box[0], box[1], box[2]) for number, box in enumerate(found, start=1) if box is not None}


def parts(frames: Sequence[int], most_frames: int) -> list[slice]:
    """Runs of segments, whole and in order, of ``most_frames`` together; one that has more by itself stays whole."""
    starts, together = [0], 0
    for index, count in enumerate(frames):
        if together and together + count > most_frames:
            starts.append(index)
            together = 0
        together += count
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(frames)], strict=True)]


def encode_planes(
    planes: Planes, segments: Sequence[highdicom.seg.SegmentDescription], **arguments: Any
) -> highdicom.seg.Segmentation:
    """A segmentation (PS3.3 A.51) without empty frames, each frame on the source image of its slice.

    ``arguments`` are those of highdicom's class that say what is told beside the frames.
    """
    images, positions = _images(planes)
    segmentation = highdicom.seg.Segmentation(
        source_images=images if positions is None else images[:1],
        further_source_images=None if positions is None else images[1:],
        plane_positions=positions,
        pixel_array=planes.numbers,
        segment_descriptions=segments,
        omit_empty_frames=True,
        content_creator_name=f"{PRODUCT}^",
        **arguments,
    )
    (measures,) = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    measures.SpacingBetweenSlices = f"{planes.source.volume.spacing_mm[0]:.10g}"
    _fix_dimension_organization(segmentation)
    return segmentation


def algorithm_identification(provenance: Provenance) -> highdicom.AlgorithmIdentificationSequence:
    """Algorithm Identification with the values that device observer and contributing equipment carry, too."""
    return highdicom.AlgorithmIdentificationSequence(
        name=PRODUCT,
        family=codes.ARTIFICIAL_INTELLIGENCE,
        version=provenance.version,
        source=provenance.manufacturer,
    )


def _images(planes: Planes) -> tuple[list[Dataset], list[highdicom.PlanePositionSequence] | None]:
    """The source images; with positions of the planes where frames of a multi-frame image are found by them."""
    source = planes.source
    if source.sources[0].frame is None:
        return [stand_in(source.headers[index]) for index in planes.slices], None
    places = {(str(frame.header.SOPInstanceUID), frame.number): frame.position for frame in frames_of(source.headers)}
    images = [source.sources[index] for index in planes.slices]
    return [stand_in(header) for header in source.headers], list(
        _positions(places[image.sop_instance_uid, image.frame] for image in images)
    )


def _positions(places: Iterable[tuple[float, ...]]) -> Iterable[highdicom.PlanePositionSequence]:
    for place in places:
        yield highdicom.PlanePositionSequence(highdicom.CoordinateSystemNames.PATIENT, image_position=place)


def _fix_dimension_organization(segmentation: Dataset) -> None:
    """Replaces the random UID that highdicom gives to the dimension organization."""
    uid = derived_uid("dimension organization", str(segmentation.SOPInstanceUID))
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
