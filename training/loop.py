"""Loop: steps of training that can be stopped anywhere and go on as if they had not been."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from pydantic import ConfigDict
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.curves import draw_curves
from training.recipe import STRICT

Figures = Mapping[str, float]
Batch = TypeVar("Batch")


class Precision(StrEnum):
    """What convolutions are computed in while training; weights and losses are float32 always.

    bfloat16 took 0.6 of the time on a processor with AVX-512 BF16; without such instructions it is slower.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"

    @property
    def autocast(self) -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=self is Precision.BFLOAT16
        )
        return context


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: AdamW with a short linear warm-up and then half a cosine down to nothing."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warm_up: int = 100
    validate_every: int = 500
    checkpoint_every: int = 250

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warm_up))
        return self.learning_rate * rising * 0.5 * (1.0 + math.cos(math.pi * step / max(1, self.steps)))


def train(
    network: torch.nn.Module,
    schedule: Schedule,
    batch_of: Callable[[int], Batch],
    loss_of: Callable[[Batch], tuple[torch.Tensor, Figures]],
    validate: Callable[[], Figures],
    folder: Path,
    seed: int,
) -> None:
    """Train a network in place.

    Whatever is random in a batch must come from the number of its step (``numpy.random.default_rng((seed, step))``),
    in the network from torch's generator, which is seeded with it; so a run that was stopped and resumed gives the
    weights of one that was not.

    Parameters
    ----------
    batch_of
        What a step learns from; called in a thread, while the step before is computed.
    loss_of
        The loss of a batch, and figures to record with it.
    validate
        Figures of the network as it is, in evaluation mode and without gradients.
    folder
        Gets ``checkpoint.pt``, from which it resumes, ``curves.json`` and ``curves.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(_groups(network, schedule.weight_decay), lr=schedule.learning_rate)
    checkpoint = folder / "checkpoint.pt"
    first, curves = _resumed(checkpoint, network, optimiser)
    with _progress() as progress:
        bar = progress.add_task("training", total=schedule.steps, completed=first, note="")
        for step, batch in _prefetched(batch_of, first, schedule.steps):
            torch.manual_seed(_seed_of(seed, step))
            network.train()
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(step)
            loss, figures = loss_of(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            done = step + 1
            _record(curves, done, {"loss": float(loss.detach()), **figures})
            if done % schedule.validate_every == 0 or done == schedule.steps:
                network.eval()
                with torch.no_grad():
                    _record(curves, done, {f"validation {name}": value for name, value in validate().items()})
            if done % schedule.checkpoint_every == 0 or done == schedule.steps:
                _save(checkpoint, done, network, optimiser, curves)
            progress.update(bar, completed=done, note=_note(curves))
    (folder / "curves.json").write_text(json.dumps(curves, indent=1), encoding="utf-8")
    draw_curves(curves, folder / "curves.png")


def _prefetched(batch_of: Callable[[int], Batch], first: int, last: int) -> Iterator[tuple[int, Batch]]:
    if first == last:
        return
    with ThreadPoolExecutor(max_workers=1) as thread:
        following = thread.submit(batch_of, first)
        for step in range(first, last - 1):
            batch, following = following.result(), thread.submit(batch_of, step + 1)
            yield step, batch
        yield last - 1, following.result()


def _groups(network: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Matrices and kernels decay; biases, norms and temperatures don't."""
    parameters = list(network.parameters())
    return [
        {"params": [each for each in parameters if each.ndim >= 2], "weight_decay": weight_decay},
        {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
    ]


Curves = dict[str, list[tuple[int, float]]]


def _record(curves: Curves, step: int, figures: Figures) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise FloatingPointError(f"{name} is {value} at step {step}; a lower learning rate may help")
        curves.setdefault(name, []).append((step, float(value)))


def _resumed(checkpoint: Path, network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, Curves]:
    if not checkpoint.is_file():
        return 0, {}
    state = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"]), state["curves"]


def _save(path: Path, step: int, network: torch.nn.Module, optimiser: torch.optim.Optimizer, curves: Curves) -> None:
    """Written beside and moved over, so that a power cut leaves the last one."""
    part = path.with_suffix(".part")
    state = {"step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict(), "curves": curves}
    torch.save(state, part)
    part.replace(path)


def _seed_of(seed: int, step: int) -> int:
    return (seed * 1_000_003 + step) % 2**63


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[note]}"), transient=False)


def _note(curves: Curves) -> str:
    """The mean of the last losses, and what validation last said."""
    recent = [value for _, value in curves["loss"][-50:]]
    said = [f"{name} {values[-1][1]:.3f}" for name, values in curves.items() if name.startswith("validation")]
    return ", ".join([f"loss {sum(recent) / len(recent):.3f}", *said])
