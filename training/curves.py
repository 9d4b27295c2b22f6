"""Curves: how training went, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_SMOOTHED_OVER = 51


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """One panel for losses, one for everything else; per-step figures are shown as running means."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for name, points in curves.items():
        steps, values = np.asarray(points, dtype=np.float64).T
        panels[0 if "loss" in name else 1].plot(*_smooth(steps, values), label=name)
    for panel, title in zip(panels, ("loss", "figures"), strict=True):
        panel.set(xlabel="step", title=title)
        panel.grid(alpha=0.3)
        if panel.lines:
            panel.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _smooth(steps: "np.ndarray", values: "np.ndarray") -> tuple["np.ndarray", "np.ndarray"]:
    if len(values) < 4 * _SMOOTHED_OVER:
        return steps, values
    window = np.ones(_SMOOTHED_OVER) / _SMOOTHED_OVER
    half = _SMOOTHED_OVER // 2
    return steps[half:-half], np.convolve(values, window, mode="valid")
