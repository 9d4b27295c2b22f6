"""Slices read on all cores: by threads, or by processes where a decoder lets no second thread run."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from config.reasons import Reason, Refused
from dicom_io.header_values import text
from dicom_io.reading.frames import Frame
from dicom_io.reading.pixels import PIXEL_KEYWORDS, StoredValues, read_frames

WORTH_PROCESSES_PIXELS = 2**25
"""128 slices of 512 × 512, some four seconds of decoding; processes take more than half a second to start."""

_SHARES_PER_CORE = 8

Use = Callable[[int, StoredValues], None]


def for_each_slice(frames: Sequence[Frame], use: Use) -> None:
    """Call ``use(index, stored values)`` once for each frame, from several threads, in any order.

    Raises what ``use`` and ``PixelReader`` raise; PIXEL_DATA_UNREADABLE too if a decoder crashes its process.
    """
    cores = len(os.sched_getaffinity(0))
    shares = _shares(len(frames), cores)
    if cores > 1 and _worth_processes(frames) and not multiprocessing.current_process().daemon:
        _use_processes(frames, shares, use, cores)
    else:
        _use_threads(frames, shares, use, cores)


def _use_threads(frames: Sequence[Frame], shares: Sequence[range], use: Use, cores: int) -> None:
    def read(share: range) -> None:
        for index, stored in zip(share, read_frames([frames[index] for index in share]), strict=True):
            use(index, stored)

    with ThreadPoolExecutor(max_workers=cores) as pool:
        for _ in pool.map(read, shares):
            pass


def _use_processes(frames: Sequence[Frame], shares: Sequence[range], use: Use, cores: int) -> None:
    slim = {id(header): _slim(header) for header in {id(frame.header): frame.header for frame in frames}.values()}
    light = [replace(frame, header=slim[id(frame.header)]) for frame in frames]
    with ProcessPoolExecutor(max_workers=cores, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            for share, stored in zip(shares, _in_turn(pool, light, shares), strict=True):
                for index, values in zip(share, stored, strict=True):
                    use(index, values)
        except BrokenProcessPool as error:
            first = Path(str(frames[0].header.filename)).parent
            raise Refused(Reason.PIXEL_DATA_UNREADABLE, f"The decoder crashed on an image in {first}.") from error
        except Refused:
            pool.shutdown(cancel_futures=True)
            raise


def _in_turn(
    pool: ProcessPoolExecutor, frames: Sequence[Frame], shares: Sequence[range]
) -> Iterator[list[StoredValues]]:
    return pool.map(_read_share, ([frames[index] for index in share] for share in shares))


def _read_share(frames: Sequence[Frame]) -> list[StoredValues]:
    return list(read_frames(frames))


def _slim(header: Dataset) -> Dataset:
    """What a process needs of a header, which is quicker to send than the whole."""
    slim = Dataset()
    for keyword in PIXEL_KEYWORDS:
        if keyword in header:
            slim[keyword] = header[keyword]
    slim.filename = header.filename
    return slim


def _shares(slices: int, cores: int) -> list[range]:
    """Consecutive slices, a share each task: many, to keep the cores busy and few slices in flight."""
    step = max(1, -(-slices // (_SHARES_PER_CORE * cores)))
    return [range(start, min(start + step, slices)) for start in range(0, slices, step)]


def _worth_processes(frames: Sequence[Frame]) -> bool:
    syntax = UID(text(frames[0].header.file_meta, "TransferSyntaxUID"))
    if syntax.is_private or not syntax.is_transfer_syntax or not syntax.is_encapsulated or syntax == RLELossless:
        return False
    return sum(frame.rows * frame.columns for frame in frames) >= WORTH_PROCESSES_PIXELS
