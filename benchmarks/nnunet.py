"""Same weights, same case: our imported bundle against nnU-Net's own predictor and MONAI's sliding window, on this CPU.

``python -m benchmarks.nnunet [--quick]``. The peers live in ``.bench-venv``. A case is a digital patient, and a
network nnU-Net's PlainConvUNet: trained for a while, so that its mask means something, and with random weights.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openvino
from rich.table import Table

from benchmarks.bench import console, table
from benchmarks.peers import peer_python
from config.volume import Unit, Volume
from inference.engines.engine import Precision
from inference.engines.processors import usable_processors
from inference.engines.selection import EngineKind
from inference.grid import on_grid_of
from inference.network.segment import find_body
from inference.patient.patient import DigitalPatient, Grid

PEER = Path(__file__).with_name("nnunet_peer.py")
SHAPE, QUICK_SHAPE = (300, 200, 200), (120, 120, 120)
SPACING_MM, QUICK_SPACING_MM = (3.0, 2.05, 2.05), (3.0, 3.4, 3.4)
TRAINING_STEPS = 60
HOT_SUV = 4.0
DICE_BUDGET, FASTER_BUDGET, MEMORY_BUDGET = 0.999, 3.0, 0.5


def main() -> None:
    """Print seconds, peak memory and Dice of each, on a 300 × 200 × 200 case and on a small one."""
    quick = "--quick" in sys.argv
    python = peer_python()
    rows = table(
        f"Two channels, patch 96³, step ½, no mirroring, {usable_processors()} threads",
        *("what", "load", "segment", "faster", "less CPU", "peak", "of nnU-Net's", "Dice", "in the body"),
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_training(folder)
        small = _write_case(folder / "small", QUICK_SHAPE, QUICK_SPACING_MM)
        cases = [("random weights", 0, small)]
        if quick:
            cases.append(("trained", TRAINING_STEPS // 3, small))
        else:
            cases.append(("trained", TRAINING_STEPS, _write_case(folder / "large", SHAPE, SPACING_MM)))
        for weights, steps, case in cases:
            _compare(rows, python, folder / weights.replace(" ", "-"), weights, steps, case)
    console.print(rows)
    console.print(
        f"[dim]Budgets: Dice ≥ {DICE_BUDGET}, ≥ {FASTER_BUDGET}× faster, peak ≤ {MEMORY_BUDGET} of nnU-Net's.[/]"
    )


def _compare(rows: Table, python: Path, folder: Path, weights: str, steps: int, case: Path) -> None:
    model, bundle = folder / "model", folder / "bundle"
    folder.mkdir()
    for name in ("train.npy", "truth.npy"):
        (folder / name).symlink_to(folder.parent / name)
    _run([python, PEER, "make", model, str(steps)])
    _run([python, PEER, "import", model, bundle])
    reference_mask = folder / "nnunet.npy"
    runs = {"nnUNetPredictor": _peer(python, "nnunet", model, case, reference_mask)}
    runs["MONAI, windows only"] = _peer(python, "monai", model, case, folder / "monai.npy")
    for precision in _precisions():
        mask = folder / f"{precision}.npy"
        arguments = [sys.executable, "-m", "benchmarks.nnunet", "segment", bundle, case, mask, precision]
        runs[f"uptake, {precision}"] = {"mask": mask, **json.loads(_run(arguments))}
    peer, reference = runs["nnUNetPredictor"], np.load(reference_mask)
    shape, air = " × ".join(map(str, reference.shape)), 1.0 - np.load(case / "body.npy").mean()
    rows.add_section()
    rows.add_row(f"[bold]{weights}, {shape}, {air:.0%} air, {reference.mean():.2%} marked[/]")
    for title, found in runs.items():
        rows.add_row(
            title,
            f"{found['load_s']:.1f} s",
            f"{found['predict_s']:.1f} s",
            f"{peer['predict_s'] / found['predict_s']:.2f} ×",
            f"{peer['cpu_s'] / found['cpu_s']:.2f} ×",
            f"{found['peak_mib']:.0f} MiB",
            f"{found['peak_mib'] / peer['peak_mib']:.2f}",
            *_agreement(np.load(found["mask"]), reference, np.load(case / "body.npy")),
        )


def _peer(python: Path, name: str, model: Path, case: Path, mask: Path) -> dict[str, Any]:
    return {"mask": mask, **json.loads(_run([python, PEER, name, model, case, mask]))}


def _precisions() -> list[Precision]:
    """float32, and what this processor computes in as well."""
    supported = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return [Precision.FP32, *(one for one in (Precision.BF16, Precision.FP16) if one.upper() in supported)]


def segment(bundle: Path, case: Path, out: Path, precision: Precision) -> None:
    """Our side, in a process of its own."""
    from inference.bundles.store import load_bundle
    from inference.engines.load import load_engine
    from inference.network.segment import segment_volume

    image = np.load(case / "image.npy")
    affine = Grid.axial(image.shape[1:], tuple(np.load(case / "spacing.npy")), (0.0, 0.0, 0.0)).affine
    channels = {"CT": Volume(image[0], affine, Unit.HOUNSFIELD), "PET": Volume(image[1], affine, Unit.SUVBW)}
    begin = time.perf_counter()
    verified = load_bundle(bundle)
    engines = load_engine(verified, EngineKind.OPENVINO, precision=precision)
    loaded, cpu = time.perf_counter(), time.process_time()
    mask = segment_volume(channels, verified, engines)
    done, cpu = time.perf_counter(), time.process_time() - cpu
    np.save(out, mask.astype(np.uint8))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"load_s": loaded - begin, "predict_s": done - loaded, "cpu_s": cpu, "peak_mib": peak_mib}
    print(json.dumps(found))


def _write_case(folder: Path, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Path:
    folder.mkdir()
    suv, ct = _volumes(DigitalPatient.default(seed=5), Grid.axial(shape, spacing_mm, (0.0, 0.0, 33.5)))
    body = find_body({"PET": suv, "CT": ct})
    assert body is not None
    np.save(folder / "image.npy", np.stack([ct.values, suv.values]))
    np.save(folder / "spacing.npy", np.array(spacing_mm))
    np.save(folder / "body.npy", body)
    return folder


def _write_training(folder: Path) -> None:
    """Another patient, and its hot tissue."""
    suv, ct = _volumes(DigitalPatient.default(seed=6), Grid.axial(QUICK_SHAPE, QUICK_SPACING_MM, (0.0, 0.0, 33.5)))
    np.save(folder / "train.npy", np.stack([ct.values, suv.values]))
    np.save(folder / "truth.npy", suv.values > HOT_SUV)


def _volumes(patient: DigitalPatient, grid: Grid) -> tuple[Volume, Volume]:
    suv = patient.suv(grid)
    return suv, on_grid_of(suv, patient.ct(grid))


def _run(command: list[Any]) -> str:
    """The last line that a command prints; what it does now is said on standard error."""
    begin = time.perf_counter()
    threads = {"OMP_NUM_THREADS": str(usable_processors()), "nnUNet_def_n_proc": str(usable_processors())}
    paths = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), "/nonexistent")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads, **paths})
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr[-4000:]}")
    print(f"{' '.join(map(str, command[2:]))}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _agreement(mask: np.ndarray, reference: np.ndarray, body: np.ndarray) -> tuple[str, str]:
    """Dice everywhere and in the body; nothing for a mask on another grid."""
    if mask.shape != reference.shape:
        return "–", "–"
    return f"{_dice(mask, reference):.5f}", f"{_dice(mask * body, reference * body):.5f}"


def _dice(mask: np.ndarray, reference: np.ndarray) -> float:
    total = np.count_nonzero(mask) + np.count_nonzero(reference)
    return 2.0 * np.count_nonzero(mask & reference) / total if total else 1.0


if __name__ == "__main__":
    if sys.argv[1:2] == ["segment"]:
        segment(*(Path(argument) for argument in sys.argv[2:5]), Precision(sys.argv[5]))
    else:
        main()
