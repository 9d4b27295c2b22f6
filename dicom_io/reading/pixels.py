"""Pixels: the stored values of frames, in any transfer syntax (PS3.5 Section 8)."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from config.reasons import Reason, Refused
from dicom_io.header_values import number
from dicom_io.reading.codestream import CodestreamSize, codestream_size
from dicom_io.reading.elements import Layout, read_layout
from dicom_io.reading.frames import Frame
from dicom_io.trouble import is_of_machine

StoredValues = NDArray[np.integer[Any]]
"""Integers of shape (rows, columns)."""


PIXEL_KEYWORDS = (
    *("SOPInstanceUID", "InstanceNumber", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
    "PixelRepresentation",
)
"""What reading pixels needs of a header, beside its ``filename``."""


def read_frames(frames: Iterable[Frame]) -> Iterator[StoredValues]:
    """The stored values of frames in their order; neighbours of one instance share a reader."""
    for _, of_one in groupby(frames, key=lambda frame: id(frame.header)):
        reader: PixelReader | None = None
        for frame in of_one:
            reader = reader or PixelReader(frame.header)
            yield reader.stored_values(frame)


class PixelReader:
    """Reads frames of one instance. Uncompressed frames are read alone; others with the instance's pixel data."""

    def __init__(self, header: Dataset) -> None:
        self._path = Path(str(header.filename))
        self._format = PixelFormat(header)
        with self._path.open("rb") as stream:
            self._layout: Layout = read_layout(stream)
        if self._layout.pixel_data is None:
            raise Refused(Reason.NO_PIXEL_DATA, f"{self._path.name} has no Pixel Data (7FE0,0010).")
        self._extent = self._layout.pixel_data

    def stored_values(self, frame: Frame) -> StoredValues:
        """The stored values of a frame, sign-extended from Bits Stored.

        Raises
        ------
        Refused
            TRUNCATED if there are fewer pixels than the header says, PIXEL_DATA_UNREADABLE if they can't be decoded.
        """
        index = (frame.number or 1) - 1
        if self._extent.encapsulated:
            return self._decoded(index, frame)
        return self._format.significant(self._uncompressed(index, frame))

    def _uncompressed(self, index: int, frame: Frame) -> StoredValues:
        dtype = self._format.dtype.newbyteorder("<" if self._layout.little_endian else ">")
        count = frame.rows * frame.columns
        length = count * dtype.itemsize
        start = index * length
        if start + length > self._extent.length:
            raise Refused(
                Reason.TRUNCATED,
                f"{self._path.name}: {frame.name} needs bytes {start} to {start + length} of Pixel Data; "
                f"{self._extent.length} are there.",
            )
        if self._layout.inflated is not None:
            values = np.frombuffer(self._layout.inflated, dtype, count, self._extent.offset + start)
        else:
            values = np.fromfile(self._path, dtype, count, offset=self._extent.offset + start)
        if values.size < count:
            raise Refused(Reason.TRUNCATED, f"{self._path.name} became shorter while it was read.")
        return values.reshape(frame.rows, frame.columns)

    def _decoded(self, index: int, frame: Frame) -> StoredValues:
        values: StoredValues
        try:
            self._require_size(index, frame)
            values, _ = get_decoder(self._layout.transfer_syntax_uid).as_array(self._dataset, index=index, raw=True)
        except Refused:
            raise
        except Exception as error:  # a boundary: decoders raise anything
            if is_of_machine(error):
                raise
            raise Refused(
                Reason.PIXEL_DATA_UNREADABLE,
                f"{self._path.name}: {frame.name} can't be decoded: {type(error).__name__}: {str(error)[:200]}.",
            ) from error
        if values.shape != (frame.rows, frame.columns):
            raise Refused(
                Reason.PIXEL_DATA_UNREADABLE,
                f"{self._path.name}: {frame.name} decodes to {values.shape}; expected {(frame.rows, frame.columns)}.",
            )
        return values

    def _require_size(self, index: int, frame: Frame) -> None:
        """Refuse a codestream of another size than the frame, before a decoder fills memory with it."""
        if self._layout.transfer_syntax_uid == RLELossless:
            return
        count = int(number(self._dataset, "NumberOfFrames") or 1)
        named = codestream_size(get_frame(self._dataset.PixelData, index, number_of_frames=count))
        if named != CodestreamSize(frame.rows, frame.columns, 1):
            raise Refused(
                Reason.PIXEL_DATA_UNREADABLE,
                f"{self._path.name}: the codestream of {frame.name} says {named or 'nothing of its size'}; "
                f"expected {frame.rows} rows, {frame.columns} columns and one sample.",
            )

    @cached_property
    def _dataset(self) -> Dataset:
        return pydicom.dcmread(self._path, force=True)


class PixelFormat:
    """How stored values lie in their cells (PS3.5 Section 8.1.1), from Bits Allocated, Bits Stored and High Bit.

    Raises ``Refused(PIXEL_DATA_UNREADABLE)`` if there is more than one sample a pixel, or cells of another size than 8,
    16 or 32 bits.
    """

    def __init__(self, header: Dataset) -> None:
        samples = number(header, "SamplesPerPixel")
        allocated = number(header, "BitsAllocated")
        if samples not in (None, 1.0) or allocated not in (8.0, 16.0, 32.0):
            raise Refused(
                Reason.PIXEL_DATA_UNREADABLE,
                f"{samples} samples of {allocated} bits a pixel; expected one of 8, 16 or 32.",
            )
        bits = int(allocated)
        stored = int(number(header, "BitsStored") or bits)
        high_bit = int(number(header, "HighBit") or stored - 1)
        if not 1 <= stored <= high_bit + 1 <= bits:
            raise Refused(Reason.PIXEL_DATA_UNREADABLE, f"{stored} bits up to bit {high_bit} do not fit {bits} bits.")
        self.dtype: np.dtype[np.integer[Any]] = np.dtype(
            f"{'i' if number(header, 'PixelRepresentation') == 1.0 else 'u'}{bits // 8}"
        )
        self._shift_up, self._shift_down = bits - 1 - high_bit, bits - stored

    def significant(self, values: StoredValues) -> StoredValues:
        """Values without the bits of their cells that aren't theirs."""
        if not self._shift_down:
            return values
        shifted: StoredValues = np.right_shift(np.left_shift(values, self._shift_up), self._shift_down)
        return shifted

    def wrapped(self, value: float) -> float:
        """A value as a cell would hold it; headers give the padding value signed or unsigned as they please."""
        bits = 8 * self.dtype.itemsize
        cell = np.array(int(value) % 2**bits, dtype=f"u{self.dtype.itemsize}").astype(self.dtype)
        return float(self.significant(np.atleast_1d(cell))[0])
