"""Where the time of a whole-body case goes, from files to files, stage by stage.

``python -m benchmarks.stages [--quick] [--picture docs/stages.png]``. A digital patient on the grids of a scanner of
today, by the baseline and by a network of nnU-Net's size, and the real study that ``UPTAKE_TEST_STUDY`` names.
"""

import argparse
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import console, machine, table
from benchmarks.charts import Bar, draw_bars
from benchmarks.peers import peer_python
from benchmarks.whole_body import Timed, ct_grid, grouped, pet_grid, run_study, write_patient
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.tracers import Tracer
from inference.bundles.specification import (
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
)
from inference.bundles.store import write_bundle
from inference.patient.patient import DigitalPatient
from node.models import Models

ROUNDS, NETWORK_ROUNDS = 3, 1
PET_COLUMNS, CT_COLUMNS = 400, 512
QUICK_COLUMNS = 128
NETWORK_SPACING_MM = (3.0, 2.04, 2.04)
BASELINE = "baseline"
NETWORK = "31 M-parameter network"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "find, choose, digest": ("find instances", "choose and digest"),
    "read": ("read", "quantify"),
    "resample": ("resampling",),
    "anatomy": ("anatomy",),
    "segment": ("segmentation",),
    "classify, locate, caption": ("classification", "location", "caption"),
    "measure": ("measurement",),
    "encode": ("SEG", "SR", "picture"),
    "write": ("write",),
}


@dataclass(frozen=True)
class Case:
    """A study and what looks at it."""

    name: str
    study: Path
    settings: Settings
    rounds: int


def main() -> None:
    """Print seconds by stage for each case; draw them where ``--picture`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a coarse patient, once, without the network")
    parser.add_argument("--picture", type=Path, help="where to write the picture")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        timed = [(case.name, _run(case)) for case in _cases(Path(folder), quick=chosen.quick)]
    rows = table("From files to result objects, seconds by stage", "stage", *(name for name, _ in timed))
    for stages in GROUPS.values():
        for stage in stages:
            rows.add_row(stage, *(f"{run.seconds.get(stage, 0.0):.2f}" for _, run in timed))
    rows.add_section()
    rows.add_row("all", *(f"{run.total_s:.1f}" for _, run in timed))
    rows.add_row("lesions, other findings", *(_counts(run) for _, run in timed))
    rows.add_row("PET", *(_shape(run) for _, run in timed))
    rows.add_row("segmented by", *(_segmenter(run) for _, run in timed))
    console.print(rows)
    if chosen.picture:
        bars = [Bar(f"{name}, PET {_shape(run)}", grouped(run.seconds, GROUPS)) for name, run in timed]
        draw_bars(chosen.picture, "A whole-body case from files to result objects", machine(), bars)


def _cases(folder: Path, *, quick: bool) -> Iterator[Case]:
    if named := os.environ.get("UPTAKE_TEST_STUDY"):
        yield Case(f"real study, {BASELINE}", Path(named), Settings(), ROUNDS)
    columns = (QUICK_COLUMNS, QUICK_COLUMNS) if quick else (PET_COLUMNS, CT_COLUMNS)
    patient = DigitalPatient.default(seed=1)
    study = write_patient(folder / "study", patient, patient.suv(pet_grid(columns[0])), patient.ct(ct_grid(columns[1])))
    yield Case(f"digital patient, {BASELINE}", study, Settings(), 1 if quick else ROUNDS)
    if not quick:
        yield Case(f"digital patient, {NETWORK}", study, _with_network(folder / "models"), NETWORK_ROUNDS)


def _run(case: Case) -> Timed:
    """Models are loaded before, as a node does when it starts."""
    console.print(f"[dim]{case.name}[/]")
    models = Models(case.settings)
    models.load_all()
    return run_study(case.study, case.settings, models, case.rounds)


def _with_network(folder: Path) -> Settings:
    bundle = folder / "benchmark"
    bundle.mkdir(parents=True)
    script = Path(__file__).with_name("network_peer.py")
    subprocess.run(
        [peer_python(), "-W", "ignore::FutureWarning", script, bundle / "fold_0.onnx"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    specification = Specification(
        name=bundle.name,
        version="1",
        task=Task.LESION_SEGMENTATION,
        channels=(Channel("PET", Normalisation.NONE), Channel("CT", Normalisation.NONE)),
        labels=Labels((Label("background"), Label("lesion"))),
        network=Network(
            graphs=("fold_0.onnx",),
            patch=(96, 96, 96),
            spacing_mm=NETWORK_SPACING_MM,
            resample_data=Resampling(order=3),
            resample_logits=Resampling(order=1),
        ),
    )
    write_bundle(specification, bundle)
    return Settings(models=ModelSettings(folder=folder, lesion_segmentation={Tracer.FDG: bundle.name}))


def _counts(run: Timed) -> str:
    analysis = run.outcome.context.analysis
    return f"{len(analysis.lesions)}, {len(analysis.findings) - len(analysis.lesions)}"


def _segmenter(run: Timed) -> str:
    """The engine of the network, or thresholds."""
    identity = run.outcome.models.get(str(Task.LESION_SEGMENTATION))
    return "thresholds" if identity is None else identity["engine"]


def _shape(run: Timed) -> str:
    slices, rows, columns = run.outcome.context.suv.shape
    return f"{columns} × {rows} × {slices}"


if __name__ == "__main__":
    main()
