"""Reading the object in a file, of whatever kind, to check it."""

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from dicom_io.reading.elements import read_layout

# Values are checked here, in words that do not quote the patient's; pydicom's warnings do.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

_LEFT_IN_FILE = 2**20
"""Bytes from which on a value is not read before somebody asks for it."""


def read_object(path: Path) -> Dataset:
    """The data set in a file, with its File Meta Information if it has any.

    Raises
    ------
    Refused
        NOT_DICOM or TRUNCATED.
    OSError
        If the file can't be read.
    """
    with path.open("rb") as stream:
        read_layout(stream)
    try:
        return pydicom.dcmread(path, force=True, defer_size=_LEFT_IN_FILE)
    except Exception as error:  # a boundary: hostile bytes raise anything
        raise Refused(Reason.NOT_DICOM, f"The data set can't be parsed: {type(error).__name__}: {error}.") from error
