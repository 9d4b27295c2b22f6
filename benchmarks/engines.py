"""Engines window by window: ours against the frameworks it would otherwise run in, the same graphs in one run.

The peers (torch, ONNX Runtime) live in a virtual environment of their own, ``.bench-venv``, which the first run makes.
Networks are nnU-Net's PlainConvUNet with random weights: time does not depend on their values.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.table import Table

from benchmarks.bench import console, table
from benchmarks.peers import peer_python
from config.volume import FloatArray
from inference.engines.engine import Precision, WindowShape
from inference.engines.openvino import OpenVinoEngine
from inference.engines.processors import usable_processors

PATCH = (96, 96, 96)
CHANNELS, CLASSES = 2, 2
NETWORKS = {
    "31 M parameters": (32, 64, 128, 256, 320, 320),
    "4 M parameters": (16, 32, 64, 128, 160),
}
ROUNDS = 3
PEERS = ("torch", "onnxruntime")


def main() -> None:
    """Print seconds a window, the median of ``ROUNDS`` after one to warm up, and how far logits lie from torch's."""
    python = peer_python()
    rows = table(
        f"One window of {' × '.join(map(str, PATCH))} × {CHANNELS} channels, {usable_processors()} threads",
        *("engine", "precision", "load", "a window", "against torch", "peak memory", "largest difference"),
    )
    with TemporaryDirectory() as folder:
        for name, features in NETWORKS.items():
            rows.add_section()
            rows.add_row(f"[bold]{name}[/]")
            _measure(rows, python, Path(folder), features)
    console.print(rows)


def _measure(rows: Table, python: Path, folder: Path, features: Sequence[int]) -> None:
    _peer(python, "export", str(folder), json.dumps(features))
    window = np.random.default_rng(1).normal(size=(1, CHANNELS, *PATCH)).astype(np.float32)
    np.save(folder / "window.npy", window)
    results = [(peer, "fp32", *_peer_result(python, peer, folder)) for peer in PEERS]
    for precision in (Precision.FP32, Precision.BF16):
        measured = _own(folder, precision)
        if measured is not None:
            results.append(("OpenVINO, ours", str(precision), *measured))
    reference_s, reference = results[0][3], results[0][5]
    for engine, precision, load_s, window_s, peak_mib, logits in results:
        rows.add_row(
            f"  {engine}",
            precision,
            f"{load_s:.1f} s",
            f"{window_s:.2f} s",
            f"{reference_s / window_s:.2f}×",
            f"{peak_mib:.0f} MiB",
            f"{np.abs(logits - reference).max():.1e} of ±{np.abs(reference).max():.1f}",
        )


def _own(folder: Path, precision: Precision) -> tuple[float, float, float, FloatArray] | None:
    """In a process of its own, as the peers; None if this processor lacks the precision."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.engines", str(folder), precision], capture_output=True, check=True, text=True
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    return None if measured is None else (*_figures(measured), np.load(folder / "logits.npy"))


def _run_own(folder: Path, precision: Precision) -> None:
    begin = time.perf_counter()
    engine = OpenVinoEngine(folder / "graph.onnx", WindowShape(CHANNELS, CLASSES, PATCH), precision)
    load_s = time.perf_counter() - begin
    if engine.remarks:
        print("null")
        return
    window = np.load(folder / "window.npy")
    engine(window)
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        logits = engine(window)
        seconds.append(time.perf_counter() - begin)
    np.save(folder / "logits.npy", logits)
    print(json.dumps({"load_s": load_s, "window_s": statistics.median(seconds), "peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peer_result(python: Path, peer: str, folder: Path) -> tuple[float, float, float, FloatArray]:
    measured = json.loads(_peer(python, peer, str(folder), str(ROUNDS)).splitlines()[-1])
    return (*_figures(measured), np.load(folder / "logits.npy"))


def _figures(measured: dict[str, float]) -> tuple[float, float, float]:
    return measured["load_s"], measured["window_s"], measured["peak_mib"]


def _peer(python: Path, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": str(usable_processors())}
    script = Path(__file__).with_name("engine_peers.py")
    done = subprocess.run(
        [python, "-W", "ignore::FutureWarning", script, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=environment,
    )
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _run_own(Path(sys.argv[1]), Precision(sys.argv[2]))
    else:
        main()
