"""The way of a received file: reading, series, SUV and volume, as intake and the worker take it."""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from config.reasons import Refused
from dicom_io.reading.elements import read_layout
from dicom_io.reading.evidence import missing_slices_remarks
from dicom_io.reading.files import read_header
from dicom_io.reading.identifiers import complete_series
from dicom_io.reading.series import Pair, choose_pair, group_series
from dicom_io.reading.volume import Acquisition, read_ct, read_pet
from dicom_io.results.patient_study import copy_patient_and_study
from dicom_io.suv.quantify import quantify, to_suv


class Pathway:
    """What becomes of any bytes beside the instances of a good study: a sane result, or a coded refusal.

    Everything else, an exception of another kind or a value that is not finite, is a defect and is raised.
    """

    def __init__(self, scratch: Path, study: Sequence[Path]) -> None:
        self._file = scratch / f"instance-{os.getpid()}"
        self._study = tuple(read_header(path) for path in study)

    def walk(self, content: bytes) -> None:
        """The elements of a file are walked."""
        self._file.write_bytes(content)
        with self._file.open("rb") as stream:
            _unless_refused(lambda: read_layout(stream))

    def read(self, content: bytes) -> None:
        """A header is read, what results take from it is copied, and it is quantified if it can be."""
        header = self._header(content)
        if header is None:
            return
        group_series([header])
        copy_patient_and_study(header, Dataset())
        _unless_refused(lambda: _require_sane_factors([header]))

    def analyse(self, content: bytes) -> None:
        """A file takes the place of the study's instance of that UID; a pair is chosen, read and quantified."""
        header = self._header(content)
        if header is None:
            return
        headers = [header, *(one for one in self._study if one.SOPInstanceUID != header.SOPInstanceUID)]
        complete_series(headers)
        _unless_refused(lambda: _require_sane_volumes(choose_pair(group_series(headers), pet_only=True)))

    def _header(self, content: bytes) -> Dataset | None:
        self._file.write_bytes(content)
        try:
            return read_header(self._file)
        except Refused:
            return None


def _unless_refused(step: Callable[[], object]) -> None:
    with contextlib.suppress(Refused):
        step()


def _require_sane_factors(headers: Sequence[Dataset]) -> None:
    quantification = quantify(headers)
    assert all(math.isfinite(factor) and factor > 0 for factor in quantification.factors)


def _require_sane_volumes(pair: Pair) -> None:
    missing_slices_remarks(pair.pet)
    if pair.ct is not None:
        _require_finite(read_ct(pair.ct))
    pet = read_pet(pair.pet)
    _require_finite(pet)
    suv = to_suv(pet, quantify(pet.headers, pair.mappings))
    assert np.isfinite(suv.values).all()


def _require_finite(acquisition: Acquisition) -> None:
    assert np.isfinite(acquisition.volume.affine).all()
    assert np.isfinite(acquisition.volume.values).all()
    assert len(acquisition.sources) == acquisition.volume.values.shape[0]
