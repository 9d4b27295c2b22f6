"""Cost against work: the same patient on finer grids, and with ever more lesions.

``python -m benchmarks.scaling [--quick] [--picture docs/scaling.png]``. Lines that are straight cost the same for each
further voxel or lesion: the last columns hold what one costs in the first part of the line and in the last.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import ndimage

from benchmarks.bench import console, machine, table
from benchmarks.charts import Panel, draw_lines
from benchmarks.whole_body import Timed, ct_grid, grouped, pet_grid, run_study, write_patient
from config.settings import Settings
from config.volume import Volume
from inference.patient.lesions import DigitalLesion
from inference.patient.patient import SMALL_CT_GRID, SMALL_PET_GRID, DigitalPatient
from node.models import Models

ROUNDS = 3
COLUMNS = {1: (200, 256), 2: (283, 362), 4: (400, 512)}
"""Of PET and CT, for 1, 2 and 4 times the voxels."""

QUICK_COLUMNS = {1: (64, 80), 2: (91, 113), 4: (128, 160)}
LESIONS = (1, 10, 100, 300)
LESIONS_OF_VOLUMES = 10
RADIUS_MM, LESION_SUV, LESION_HU = 8.0, 8.0, 45.0
APART_MM = 24.0
_QUIET_SUV, _TISSUE_HU = 2.2, -200.0
_LEAST_S = 0.15
"""Stages that never cost so much are not divided by their work: the rest would be noise."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "read": ("find instances", "choose and digest", "read", "quantify"),
    "resample": ("resampling",),
    "anatomy": ("anatomy",),
    "segment": ("segmentation",),
    "classify": ("classification",),
    "measure": ("measurement",),
    "locate": ("location", "caption"),
    "encode SEG": ("SEG",),
    "encode SR": ("SR",),
    "draw picture": ("picture",),
    "write": ("write",),
}
TOTAL = "all"


@dataclass(frozen=True)
class Measured:
    """A series of runs: the work of each, and what it took."""

    work: tuple[float, ...]
    runs: tuple[Timed, ...]

    def seconds(self) -> dict[str, list[float]]:
        """By group of stages, the sum first, one number for each run."""
        by_run = [grouped(run.seconds, GROUPS) for run in self.runs]
        found = {TOTAL: [sum(one.values()) for one in by_run]}
        return found | {group: [one[group] for one in by_run] for group in GROUPS}


def main() -> None:
    """Print what each stage costs at each size; draw it where ``--picture`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="coarse grids, once")
    parser.add_argument("--picture", type=Path, help="where to write the picture")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else ROUNDS
    columns = QUICK_COLUMNS if chosen.quick else COLUMNS
    volumes, lesions = _volumes(columns, rounds), _lesions(columns[1], rounds)
    _print(volumes, "Against voxels of the PET, millions; the CT grows likewise", "s per million", 1.0)
    _print(lesions, f"Against findings, on {columns[1][0]} × {columns[1][0]} × 336", "ms per finding", 1000.0)
    if chosen.picture:
        panels = (
            _panel(volumes, "1, 2 and 4 times the voxels", "million voxels of the PET"),
            _panel(lesions, "1, 10, 100 and 300 lesions", "findings, lesions and others"),
        )
        draw_lines(chosen.picture, "Cost against work, from files to result objects", machine(), panels)


def _volumes(columns: Mapping[int, tuple[int, int]], rounds: int) -> Measured:
    patient = _with_lesions(LESIONS_OF_VOLUMES)
    runs = tuple(_run(patient, *of_size, rounds) for of_size in columns.values())
    return Measured(tuple(run.outcome.context.suv.values.size / 1e6 for run in runs), runs)


def _lesions(columns: tuple[int, int], rounds: int) -> Measured:
    runs = tuple(_run(_with_lesions(count), *columns, rounds) for count in LESIONS)
    return Measured(tuple(float(len(run.outcome.context.analysis.findings)) for run in runs), runs)


def _run(patient: DigitalPatient, pet_columns: int, ct_columns: int, rounds: int) -> Timed:
    console.print(f"[dim]{len(patient.lesions)} lesions, PET {pet_columns}², CT {ct_columns}²[/]")
    with TemporaryDirectory() as folder:
        study = write_patient(
            Path(folder), patient, patient.suv(pet_grid(pet_columns)), patient.ct(ct_grid(ct_columns))
        )
        settings = Settings()
        return run_study(study, settings, Models(settings), rounds)


def _with_lesions(count: int) -> DigitalPatient:
    """A patient with so many equal lesions, spread evenly over all tissue that takes up little."""
    healthy = DigitalPatient.healthy(seed=1)
    places = _places(healthy.suv(SMALL_PET_GRID), healthy.ct(SMALL_CT_GRID))
    chosen = places[np.linspace(0, len(places) - 1, count).round().astype(int)]
    radii = (RADIUS_MM, RADIUS_MM, RADIUS_MM)
    return replace(
        healthy,
        lesions=tuple(
            DigitalLesion("L3 vertebra", (float(x), float(y), float(z)), radii, LESION_SUV, LESION_HU)
            for x, y, z in chosen
        ),
    )


def _places(suv: Volume, ct: Volume) -> np.ndarray:
    """LPS points (N, 3) on a lattice ``APART_MM`` wide, around which is nothing but quiet tissue."""
    apart = np.ceil(APART_MM / suv.spacing_mm).astype(int)
    around = tuple(2 * (apart // 2) + 1)
    cold = ndimage.maximum_filter(suv.values, around) < _QUIET_SUV
    voxels = np.argwhere(cold)
    points = suv.points_mm(voxels[(voxels % apart == 0).all(axis=1)].astype(float))
    tissue = ndimage.minimum_filter(ct.values, around) > _TISSUE_HU
    index = np.rint((np.c_[points, np.ones(len(points))] @ np.linalg.inv(ct.affine).T)[:, :3]).astype(int)
    inside = ((index >= 0) & (index < ct.shape)).all(axis=1)
    return points[inside][tissue[tuple(index[inside].T)]]


def _print(measured: Measured, title: str, unit: str, factor: float) -> None:
    headings = [f"{work:.1f}" if work != int(work) else f"{work:.0f}" for work in measured.work]
    rows = table(title, "seconds at", *headings, f"first {unit}", f"last {unit}", "last / first")
    for group, seconds in measured.seconds().items():
        if group == TOTAL:
            rows.add_row(*_cells(group, seconds, measured.work, factor))
            rows.add_section()
        else:
            rows.add_row(*_cells(group, seconds, measured.work, factor))
    console.print(rows)


def _cells(group: str, seconds: Sequence[float], work: Sequence[float], factor: float) -> tuple[str, ...]:
    shown = tuple(f"{value:.2f}" for value in seconds)
    if max(seconds) - min(seconds) < _LEAST_S:
        return (group, *shown, "", "", "")
    first = factor * (seconds[-2] - seconds[0]) / (work[-2] - work[0])
    last = factor * (seconds[-1] - seconds[-2]) / (work[-1] - work[-2])
    ratio = f"{last / first:.2f}" if min(first, last) > 0 else ""
    return (group, *shown, f"{first:.3g}", f"{last:.3g}", ratio)


def _panel(measured: Measured, title: str, axis: str) -> Panel:
    """The sum and the costliest groups."""
    seconds = measured.seconds()
    kept = [TOTAL, *sorted(GROUPS, key=lambda group: -seconds[group][-1])[:5]]
    return Panel(title, axis, {group: list(zip(measured.work, seconds[group], strict=True)) for group in kept})


if __name__ == "__main__":
    main()
