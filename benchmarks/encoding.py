"""Encoding of many lesions on a large PET: SEG, SR and picture, seconds and megabytes, as their number grows."""

import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import Dataset

from benchmarks.bench import console, table
from config.finding import Analysis, Finding, FindingKind, LocationAnswer
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from dicom_io.identity import Provenance
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import group_series
from dicom_io.reading.volume import Acquisition, read_pet
from dicom_io.results.picture import encode_picture
from dicom_io.results.report import encode_report
from dicom_io.results.result import ResultContext
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import write_study
from dicom_io.scanner.vendors import SIEMENS
from dicom_io.suv.quantify import quantify, to_suv
from inference.measurement.measure import measure, totals

SHAPE = (300, 400, 400)
SPACING_MM = (3.0, 1.65, 1.65)
RADIUS_MM = 11.0
LESIONS = (0, 1, 10, 50, 100, 300)


def main() -> None:
    """Print what each object costs for each number of lesions."""
    with TemporaryDirectory() as folder:
        affine = np.diag([0.0, 0.0, 0.0, 1.0])
        affine[2, 0], affine[1, 1], affine[0, 2] = SPACING_MM
        affine[:3, 3] = (-330.0, -330.0, -450.0)
        labels = _balls(max(LESIONS))
        suv = Volume(np.where(labels > 0, 9.0, 0.6).astype(np.float32), affine, Unit.SUVBW)
        identity = PatientIdentity("Bench^Mark", "BENCH", date(1960, 1, 1), "M", 75.0, 1.75)
        write_study(Path(folder), identity, None, suv, SIEMENS)
        (series,) = group_series(find_instances(Path(folder)).headers)
        pet = read_pet(series)
        rows = table(
            f"Encoding on {SHAPE[1]} × {SHAPE[2]} × {SHAPE[0]}, balls of {2 * RADIUS_MM:.0f} mm",
            *("lesions", "SEG", "SR", "picture", "SEG objects"),
            *("masks", "SEG beyond", "SR", "picture", "together beyond"),
        )
        for count in LESIONS:
            rows.add_row(str(count), *_measure(pet, suv, np.where(labels <= count, labels, 0), Path(folder)))
    console.print(rows)


def _measure(pet: Acquisition, suv: Volume, labels: np.ndarray, folder: Path) -> tuple[str, ...]:
    context = _context(pet, suv, labels.astype(np.uint16))
    segmentations, segmentation_s, segmentation_mb = _encode(lambda: encode_segmentations(context), folder)
    _, report_s, report_mb = _encode(lambda: [encode_report(context, segmentations)], folder)
    _, picture_s, picture_mb = _encode(lambda: [encode_picture(context)], folder)
    masks_mb = sum(len(one.PixelData) for one in segmentations) / 1e6
    seconds = tuple(f"{value:.2f} s" for value in (segmentation_s, report_s, picture_s))
    beyond_mb = (segmentation_mb - masks_mb, report_mb, picture_mb)
    sizes = tuple(f"{value:.2f} MB" for value in (masks_mb, *beyond_mb, sum(beyond_mb)))
    return (*seconds, str(len(segmentations)), *sizes)


def _encode(encode: Callable[[], Sequence[Dataset]], folder: Path) -> tuple[Sequence[Dataset], float, float]:
    """The objects, seconds to make and write them, and their size in MB."""
    begin = time.perf_counter()
    made = encode()
    files = [folder / f"object{number}.dcm" for number in range(len(made))]
    for one, file in zip(made, files, strict=True):
        one.save_as(file, enforce_file_format=True)
    return made, time.perf_counter() - begin, sum(file.stat().st_size for file in files) / 1e6


def _context(pet: Acquisition, suv: Volume, labels: np.ndarray) -> ResultContext:
    leaves = vocabulary().leaves
    findings = tuple(
        Finding(
            number=number,
            kind=FindingKind.LESION,
            reason="benchmark",
            threshold_suv=4.0,
            measurements=measured,
            location=LocationAnswer(leaves[number], 0.9, ((leaves[number], 0.9),)),
            caption=f"{leaves[number].name}: focus, SUVmax {measured.suv_max:.1f}.",
        )
        for number, measured in measure(labels, suv).items()
    )
    analysis = Analysis(
        tracer=Tracer.FDG,
        findings=findings,
        labels=labels,
        totals=totals([finding.measurements for finding in findings]),
        methods=(),
        remarks=(),
        references={},
        timings_s={},
    )
    quantification = quantify(pet.headers)
    provenance = Provenance("0", "RESEARCH", "uptake", "0" * 64, "0" * 64, 1, 9000)
    return ResultContext(pet, to_suv(pet, quantification), None, quantification, analysis, provenance)


def _balls(count: int) -> np.ndarray:
    """``count`` balls on a lattice, numbered from 1."""
    labels = np.zeros(SHAPE, np.uint16)
    reach = [int(np.ceil(RADIUS_MM / spacing)) for spacing in SPACING_MM]
    offsets = np.meshgrid(*(np.arange(-r, r + 1) * s for r, s in zip(reach, SPACING_MM, strict=True)), indexing="ij")
    ball = sum(offset**2 for offset in offsets) <= RADIUS_MM**2
    lattice = [(k, j, i) for k in range(20, 290, 28) for j in range(60, 360, 50) for i in range(60, 360, 50)]
    for number, centre in enumerate(lattice[:count], start=1):
        box = tuple(slice(c - r, c + r + 1) for c, r in zip(centre, reach, strict=True))
        labels[box][ball] = number
    return labels


if __name__ == "__main__":
    main()
