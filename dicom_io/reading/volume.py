"""Volumes: the voxels of a series, rescaled, with their place in the patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused, Remark
from config.volume import FloatArray, Unit, Volume
from dicom_io.header_values import number, text
from dicom_io.reading.frames import Frame
from dicom_io.reading.geometry import Stack, stack
from dicom_io.reading.kinds import Series
from dicom_io.reading.parallel import for_each_slice
from dicom_io.reading.pixels import PixelFormat, StoredValues

AIR_HU = -1024.0
_LEAST_TISSUE_HU = -900.0
_DENSEST_HU = 3071.0
_LARGEST_STORED = 2.0**32


@dataclass(frozen=True, slots=True)
class SourceImage:
    """The image that a slice comes from. ``frame`` counts from 1, as in DICOM; None in a single-frame image."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None


@dataclass(frozen=True, eq=False)
class Acquisition:
    """A series as a volume. ``sources`` has one image a slice, ``headers`` each instance once, both in array order."""

    volume: Volume
    sources: tuple[SourceImage, ...]
    headers: tuple[Dataset, ...]
    remarks: tuple[Remark, ...]


Padding = Callable[[Frame], tuple[float, float] | None]
"""The range of stored values that are padding in a frame, or None."""


def read_ct(series: Series) -> Acquisition:
    """A CT in Hounsfield units, float32.

    Padding (PS3.3 Section C.7.5.1.1.2), and whatever else is below it, becomes -1024 HU. A padding value that tissue
    has (-900 to 3071 HU) is taken for tissue, with a remark.

    Raises ``Refused`` as ``geometry.stack`` does, or with TRUNCATED, NO_PIXEL_DATA, PIXEL_DATA_UNREADABLE, or
    IMPLAUSIBLE_VALUES if a slope or intercept makes voxels that no float32 holds.
    """
    found = stack(series)
    paddings = {id(header): _ct_padding(header, found.frames) for header in found.headers}
    values = _read(found, lambda frame: paddings[id(frame.header)][0], AIR_HU)
    np.maximum(values, np.float32(AIR_HU), out=values)
    remarks = dict.fromkeys(remark for _, remark in paddings.values() if remark is not None)
    return _acquisition(found, values, Unit.HOUNSFIELD, tuple(remarks))


def read_pet(series: Series) -> Acquisition:
    """A PET's rescaled values, float32, each slice with its own slope; in Bq/ml if its Units say so.

    Padding becomes 0. To SUV they are brought by ``dicom_io.suv.quantify``. Raises ``Refused`` as ``read_ct`` does, and
    IMPLAUSIBLE_VALUES if a slice has a slope that is not above 0.
    """
    found = stack(series)
    for frame in found.frames:
        _require_positive_slope(frame)
    paddings = {id(header): _padding(header) for header in found.headers}
    values = _read(found, lambda frame: paddings[id(frame.header)], 0.0)
    unit = Unit.BQML if text(found.frames[0].header, "Units") == "BQML" else Unit.RESCALED
    return _acquisition(found, values, unit, ())


def _acquisition(found: Stack, values: FloatArray, unit: Unit, remarks: tuple[Remark, ...]) -> Acquisition:
    sources = tuple(
        SourceImage(text(frame.header, "SOPClassUID"), text(frame.header, "SOPInstanceUID"), frame.number)
        for frame in found.frames
    )
    return Acquisition(Volume(values, found.affine, unit), sources, found.headers, (*found.remarks, *remarks))


def _read(found: Stack, padding: Padding, padded: float) -> FloatArray:
    """The rescaled voxels; beside them no more than a few slices a core are held at any time."""
    values: FloatArray = np.empty(found.shape, np.float32)

    def rescale(index: int, stored: StoredValues) -> None:
        frame = found.frames[index]
        if frame.rescale is None:
            raise Refused(Reason.PIXEL_DATA_UNREADABLE, f"{_rescale_in_words(frame)}; expected numbers, no slope of 0.")
        slope, intercept = frame.rescale
        if abs(slope) * _LARGEST_STORED + abs(intercept) > np.finfo(np.float32).max:
            raise Refused(Reason.IMPLAUSIBLE_VALUES, f"{_rescale_in_words(frame)}; no voxel is that large.")
        # In float64 and rounded once, so that neither 32-bit stored values nor large intercepts lose digits.
        values[index] = stored.astype(np.float64) * slope + intercept
        limits = padding(frame)
        if limits is not None:
            values[index][(stored >= limits[0]) & (stored <= limits[1])] = padded

    for_each_slice(found.frames, rescale)
    return values


def _require_positive_slope(frame: Frame) -> None:
    """Raises IMPLAUSIBLE_VALUES for a slope that is zero, negative or not finite; ``_read`` refuses an absent one."""
    if "missing" in frame.rescale_as_written:
        return
    if frame.rescale is None or frame.rescale[0] < 0.0:
        raise Refused(
            Reason.IMPLAUSIBLE_VALUES, f"{_rescale_in_words(frame)}; expected finite numbers, the slope above 0."
        )


def _rescale_in_words(frame: Frame) -> str:
    slope, intercept = frame.rescale_as_written
    return f"Rescale Slope of {frame.name} is {slope} and Rescale Intercept {intercept}"


def _padding(header: Dataset) -> tuple[float, float] | None:
    value = number(header, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(header, "PixelPaddingRangeLimit")
    form = PixelFormat(header)
    ends = sorted(form.wrapped(end) for end in (value, value if limit is None else limit))
    return ends[0], ends[1]


def _ct_padding(header: Dataset, frames: Sequence[Frame]) -> tuple[tuple[float, float] | None, Remark | None]:
    limits = _padding(header)
    rescale = next((frame.rescale for frame in frames if frame.header is header), None)
    if limits is None or rescale is None:
        return limits, None
    slope, intercept = rescale
    highest, lowest = max(v * slope + intercept for v in limits), min(v * slope + intercept for v in limits)
    if highest < _LEAST_TISSUE_HU or lowest > _DENSEST_HU:
        return limits, None
    return None, Remark(Reason.PADDING_IGNORED, f"Pixel Padding Value stands for {lowest:g} to {highest:g} HU.")
