"""Frames: the slices of single-frame and multi-frame images in one form (PS3.3 Sections C.7.6.2 and C.7.6.16)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from dicom_io.header_values import as_number, as_written, items, number, text, texts

MAXIMUM_ROWS_OR_COLUMNS = 8192
MAXIMUM_VOXELS = 2**30
_FARTHEST_MM = 1e5
_WIDEST_MM = 100.0

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One slice: its header, its place and how its stored values are rescaled.

    Parameters
    ----------
    number
        Frame number, counted from 1 as in Referenced Frame Number (0008,1160); None in a single-frame image.
    position
        Image Position (Patient): LPS, mm, the centre of the first pixel.
    orientation
        Image Orientation (Patient): direction of increasing column index, then of increasing row index.
    pixel_spacing
        Pixel Spacing: between rows, then between columns, mm.
    rescale
        Slope and intercept; None if one is absent or unusable.
    rescale_as_written
        The same two as the header has them: see ``header_values.as_written``.
    """

    header: Dataset
    number: int | None
    rows: int
    columns: int
    position: Numbers
    orientation: Numbers
    pixel_spacing: Numbers
    rescale: tuple[float, float] | None
    rescale_as_written: tuple[str, str]
    temporal_position: float | None

    @property
    def name(self) -> str:
        """Which slice it is, for messages."""
        instance = text(self.header, "InstanceNumber") or text(self.header, "SOPInstanceUID")
        return f"instance {instance}" if self.number is None else f"frame {self.number} of instance {instance}"


def frames_of(headers: Iterable[Dataset]) -> tuple[Frame, ...]:
    """Every frame of every instance, in no particular order.

    Raises
    ------
    Refused
        NO_GEOMETRY if one lacks size, position, orientation or spacing, or has values that no image has.
    """
    frames = tuple(frame for header in headers for frame in _frames(header))
    voxels = sum(frame.rows * frame.columns for frame in frames)
    if voxels > MAXIMUM_VOXELS:
        raise Refused(Reason.NO_GEOMETRY, f"{voxels} voxels; a volume has {MAXIMUM_VOXELS} at most.")
    return frames


def _frames(header: Dataset) -> Iterator[Frame]:
    per_frame = items(header, "PerFrameFunctionalGroupsSequence")
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    declared = number(header, "NumberOfFrames") or 1.0
    if not per_frame and not shared and declared == 1.0:
        yield _frame(header, None, (header,), (header,), (header,), (header,), None)
        return
    if len(per_frame) != declared:
        raise Refused(
            Reason.NO_GEOMETRY, f"Number of Frames is {declared:g}, but {len(per_frame)} frames say where they lie."
        )
    for index, groups in enumerate(per_frame):
        sources = (groups, *shared)
        content = _macro(sources, "FrameContentSequence")
        yield _frame(
            header,
            index + 1,
            _macro(sources, "PlanePositionSequence"),
            _macro(sources, "PlaneOrientationSequence"),
            _macro(sources, "PixelMeasuresSequence"),
            _macro(sources, "PixelValueTransformationSequence"),
            number(content[0], "TemporalPositionIndex") if content else None,
        )


def _macro(sources: Iterable[Dataset], keyword: str) -> tuple[Dataset, ...]:
    """The item of a functional group macro: the frame's own, or else the shared one."""
    return next((found[:1] for source in sources if (found := items(source, keyword))), ())


def _frame(
    header: Dataset,
    frame_number: int | None,
    position: Sequence[Dataset],
    orientation: Sequence[Dataset],
    measures: Sequence[Dataset],
    transformation: Sequence[Dataset],
    temporal_position: float | None,
) -> Frame:
    frame = Frame(
        header=header,
        number=frame_number,
        rows=_extent(header, "Rows"),
        columns=_extent(header, "Columns"),
        position=_required(header, position, "ImagePositionPatient", 3),
        orientation=_required(header, orientation, "ImageOrientationPatient", 6),
        pixel_spacing=_required(header, measures, "PixelSpacing", 2),
        rescale=_rescale(transformation),
        rescale_as_written=_rescale_as_written(transformation),
        temporal_position=temporal_position,
    )
    if max(map(abs, frame.position)) > _FARTHEST_MM:
        raise Refused(Reason.NO_GEOMETRY, f"Image Position of {frame.name} is {frame.position} mm.")
    if not all(0.0 < spacing <= _WIDEST_MM for spacing in frame.pixel_spacing):
        raise Refused(Reason.NO_GEOMETRY, f"Pixel Spacing of {frame.name} is {frame.pixel_spacing} mm.")
    return frame


def _extent(header: Dataset, keyword: str) -> int:
    value = number(header, keyword)
    if value is None or not 1.0 <= value <= MAXIMUM_ROWS_OR_COLUMNS:
        raise Refused(Reason.NO_GEOMETRY, f"{keyword} is {value}; expected 1 to {MAXIMUM_ROWS_OR_COLUMNS}.")
    return int(value)


def _required(header: Dataset, sources: Sequence[Dataset], keyword: str, count: int) -> Numbers:
    values = _numbers(sources[0], keyword) if sources else None
    if values is None or len(values) != count:
        where = text(header, "InstanceNumber") or text(header, "SOPInstanceUID")
        raise Refused(Reason.NO_GEOMETRY, f"{keyword} of instance {where} is absent or not {count} numbers.")
    return values


def _rescale(sources: Sequence[Dataset]) -> tuple[float, float] | None:
    slope, intercept = (number(sources[0], k) if sources else None for k in ("RescaleSlope", "RescaleIntercept"))
    return None if slope is None or intercept is None or slope == 0.0 else (slope, intercept)


def _rescale_as_written(sources: Sequence[Dataset]) -> tuple[str, str]:
    source = sources[0] if sources else Dataset()
    return as_written(source, "RescaleSlope"), as_written(source, "RescaleIntercept")


def _numbers(dataset: Dataset, keyword: str) -> Numbers | None:
    values = [as_number(part) for part in texts(dataset, keyword)]
    numbers = tuple(value for value in values if value is not None)
    return numbers if len(numbers) == len(values) else None
