"""Guards on memory: a budget for the process, and every library's way of saying "no room" as one error."""

import ctypes
import resource
from collections.abc import Iterator
from contextlib import contextmanager

_MMAP_THRESHOLD = -3
_NO_ROOM = (
    "bad_alloc",
    "bad alloc",
    "out of memory",
    "cannot allocate memory",
    "can't allocate memory",
    "could not allocate",
    "not enough memory",
    "failed to allocate",
    "cuda_error_out_of_memory",
)


def limit_memory(budget_mb: int) -> None:
    """Let this process write to at most ``budget_mb`` MiB of its own memory from now on.

    An allocation past the budget fails, so that the analysis ends with a reason and the process lives on, before the
    kernel kills it, or another process, without one. Counts private writable memory (``RLIMIT_DATA``, getrlimit(2)),
    which is what arrays and activations are made of; mapped files and reserved address space are not counted. A limit
    that is already lower stays.
    """
    budget = budget_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or budget < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (budget, hard))


def give_back_large_arrays() -> None:
    """Let arrays of 1 MiB and more go back to the system when they are freed, for the rest of this process.

    glibc by itself raises that limit to 32 MiB as such arrays come and go (mallopt(3), ``M_MMAP_THRESHOLD``), and holes
    between those that stay then count for nothing but the peak.
    """
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 2**20)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn a library's RuntimeError about memory (OpenVINO, torch, CUDA, TensorRT) into MemoryError."""
    try:
        yield
    except RuntimeError as error:
        telling = [line.strip() for line in str(error).splitlines() if says_no_room(line)]
        if telling:
            raise MemoryError(telling[0]) from error
        raise


def says_no_room(message: str) -> bool:
    """Whether a library's message is about memory that could not be had."""
    lowered = message.lower()
    return any(words in lowered for words in _NO_ROOM)
