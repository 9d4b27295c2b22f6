"""Trouble of the machine: it says nothing of the file that was read when it came."""


def is_of_machine(error: Exception) -> bool:
    """Whether a failure is that of a disk or of memory.

    Libraries raise an ``OSError`` without a number about the content of files; that is none.
    """
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)
