from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

import numpy as np  # noqa: E402

from training.loop import Figures, Schedule, train  # noqa: E402


def run(folder: Path, stop_after: int | None = None) -> "torch.nn.Module":
    """Eight steps on a line with dropout; ``stop_after``: a step before which the power fails."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))

    def batch_of(step: int) -> tuple[int, "torch.Tensor"]:
        inputs = np.random.default_rng((7, step)).normal(size=(16, 4)).astype(np.float32)
        return step, torch.from_numpy(inputs)

    def loss_of(batch: tuple[int, "torch.Tensor"]) -> tuple["torch.Tensor", Figures]:
        step, inputs = batch
        if step == stop_after:
            raise KeyboardInterrupt
        return ((network(inputs) - inputs.sum(dim=1, keepdim=True)) ** 2).mean(), {"step": float(step)}

    schedule = Schedule(steps=8, learning_rate=0.01, warm_up=2, validate_every=4, checkpoint_every=3)
    train(network, schedule, batch_of, loss_of, lambda: {"right": 1.0}, folder, seed=7)
    return network


def test_a_run_that_was_stopped_and_resumed_gives_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", stop_after=5)
    resumed = run(tmp_path / "stopped")
    for expected, found in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(expected, found)
    curves = [(tmp_path / name / "curves.json").read_text() for name in ("whole", "stopped")]
    assert curves[0] == curves[1]


def test_a_finished_run_draws_its_curves_and_does_nothing_when_started_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert (tmp_path / "curves.png").stat().st_size > 1000
    again = run(tmp_path, stop_after=0)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_the_learning_rate_rises_and_then_falls_to_nothing() -> None:
    schedule = Schedule(steps=100, learning_rate=1.0, warm_up=10)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(50) == pytest.approx(0.5)
    assert schedule.rate(99) < 0.001


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    with pytest.raises(FloatingPointError, match="loss is nan at step 1"):
        train(
            network,
            Schedule(steps=2),
            lambda step: torch.full((1, 1), torch.nan),
            lambda values: (network(values).sum(), {}),
            dict,
            tmp_path,
            seed=0,
        )
