"""Trouble of the machine or the database: it says nothing of the study that was worked on when it came."""

import errno

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError, TimeoutError

from config.reasons import Reason
from dicom_io import trouble


def is_of_machine(error: Exception) -> bool:
    """Whether a failure is that of a disk, of memory, or of a database that is away or has no room."""
    return trouble.is_of_machine(error) or isinstance(
        error, OperationalError | InterfaceError | InternalError | TimeoutError
    )


def reason_of(error: Exception) -> Reason:
    """What a person is told of it."""
    if isinstance(error, SQLAlchemyError):
        return Reason.DATABASE_UNREACHABLE
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Reason.DISK_FULL if full else Reason.INTERNAL_ERROR
