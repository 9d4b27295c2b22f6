"""Analyses of a small digital PET, written and read as DICOM, whose findings are known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from config.finding import (
    Analysis,
    Finding,
    FindingKind,
    LocationAnswer,
    Measurements,
    Method,
    Totals,
)
from config.reasons import Remark
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from dicom_io.identity import Provenance
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import group_series
from dicom_io.reading.volume import read_pet
from dicom_io.results.result import ResultContext
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Storage, StudyPlan, write_study
from dicom_io.scanner.vendors import VENDORS
from dicom_io.suv.quantify import quantify, to_suv

SHAPE = (12, 30, 40)
SPACING_MM = 4.0
PATIENT = PatientIdentity("Patient^Digital", "P-1", date(1950, 2, 3), "F", 70.0, 1.7, ("ISO_IR 100",))

# First slice, row and column of each finding's cube of 3 × 4 × 5 voxels, its location, and the SUV at its centre.
PLACES = (
    ((2, 5, 5), "right lower lobe medial basal segment (S7)", 12.5),
    ((6, 20, 10), "subcarinal node (station 7)", 8.25),
    ((7, 5, 30), "left pubic bone", 6.0),
    ((1, 20, 30), "left kidney", 30.0),
)

Contexts = Callable[..., ResultContext]


@pytest.fixture(scope="session")
def suv() -> Volume:
    """Head first, right at the first column: uptake of 1 g/ml, and four hot cubes with a hotter centre."""
    values = np.ones(SHAPE, dtype=np.float32)
    for (k, j, i), _, hottest in PLACES:
        values[k : k + 3, j : j + 4, i : i + 5] = 5.0
        values[k + 1, j + 1, i + 2] = hottest
    affine = np.array([(0, 0, SPACING_MM, -80), (0, SPACING_MM, 0, -60), (SPACING_MM, 0, 0, -300), (0, 0, 0, 1)], float)
    return Volume(values, affine, Unit.SUVBW)


@pytest.fixture(scope="session")
def contexts(suv: Volume, tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """Makes a context: ``contexts(lesions=2, physiologic=1, patient=…, storage=…, edit=…, provenance=…, remarks=…)``.

    ``edit`` changes each header before anything is made of it; ``provenance`` holds fields to replace.
    """
    read: dict[object, ResultContext] = {}

    def make(
        lesions: int = 2,
        physiologic: int = 1,
        *,
        patient: PatientIdentity = PATIENT,
        storage: Storage = Storage.CLASSIC,
        edit: Callable[[Dataset], None] | None = None,
        remarks: tuple[Remark, ...] = (),
        tracer: Tracer = Tracer.FDG,
        **provenance: object,
    ) -> ResultContext:
        key = (patient, storage)
        if key not in read or edit is not None:
            folder = tmp_path_factory.mktemp("study")
            write_study(folder, patient, None, suv, VENDORS["UIH"], plan=StudyPlan(storage=storage))
            read[key] = _context(folder, edit)
            if edit is not None:
                return _analysed(read.pop(key), lesions, physiologic, remarks, tracer, provenance)
        return _analysed(read[key], lesions, physiologic, remarks, tracer, provenance)

    return make


def _context(folder: Path, edit: Callable[[Dataset], None] | None) -> ResultContext:
    (series,) = group_series(find_instances(folder).headers)
    acquisition = read_pet(series)
    quantification = quantify(acquisition.headers)
    suv = to_suv(acquisition, quantification)
    for header in acquisition.headers if edit else ():
        edit(header)
    provenance = Provenance("1.2.3", "RESEARCH", "A hospital", "a" * 64, "b" * 64, 1, 9000)
    return ResultContext(acquisition, suv, None, quantification, _analysis(suv, (), (), Tracer.FDG), provenance)


def _analysed(
    context: ResultContext,
    lesions: int,
    physiologic: int,
    remarks: tuple[Remark, ...],
    tracer: Tracer,
    provenance: dict[str, object],
) -> ResultContext:
    chosen = [(place, FindingKind.LESION) for place in PLACES[:lesions]]
    chosen += [(place, FindingKind.PHYSIOLOGIC) for place in PLACES[::-1][:physiologic]]
    return replace(
        context,
        analysis=_analysis(context.suv, tuple(chosen), remarks, tracer),
        provenance=replace(context.provenance, **provenance),
    )


def _analysis(suv: Volume, chosen: tuple, remarks: tuple[Remark, ...], tracer: Tracer) -> Analysis:
    labels = np.zeros(SHAPE, dtype=np.uint16)
    findings = []
    for number, (((k, j, i), name, hottest), kind) in enumerate(chosen, start=1):
        labels[k : k + 3, j : j + 4, i : i + 5] = number
        location = vocabulary().leaf(name)
        centre = suv.points_mm(np.array([(k + 1, j + 1.5, i + 2)]))[0]
        measurements = Measurements(
            hottest,
            5.5,
            5.125,
            3.84,
            19.68,
            20.0,
            16.0,
            tuple(float(x) for x in centre),
            (k + 1, j + 1, i + 2),
            (k, k + 2),
            60,
        )
        answer = LocationAnswer(location, 0.8, ((location, 0.8),))
        caption = f"{name.capitalize()}: 2.0 × 1.6 cm mass, intense uptake (SUVmax {hottest:.1f})."
        findings.append(Finding(number, kind, "hot", 4.0, measurements, answer, caption))
    lesions = [finding for finding in findings if finding.kind is FindingKind.LESION]
    totals = Totals(
        len(lesions),
        3.84 * len(lesions),
        19.68 * len(lesions),
        max((finding.measurements.suv_max for finding in lesions), default=None),
        65.5 if len(lesions) > 1 else None,
    )
    methods = (Method("segmentation", "iterative threshold", "1", {"rule": "iterative"}),)
    references = {"liver_mean": 2.1, "liver_sd": 0.25, "blood_pool_mean": 1.4}
    summary = f"{tracer} PET: {len(lesions) or 'no'} lesions."
    return Analysis(tracer, tuple(findings), labels, totals, methods, remarks, references, {}, summary)
