import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra train)")

from inference.retrieval.coarse_to_fine import TextIndex, softmax
from training.location.calibration import calibrate, expected_calibration_error, fit_temperature


def overconfident(count: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Similarities whose classes were drawn with the softmax at ``temperature``."""
    generator = np.random.default_rng(0)
    similarity = generator.normal(0.0, 1.0, (count, 5)).astype(np.float32)
    cumulated = softmax(similarity / temperature).cumsum(axis=1)
    return similarity, (generator.random((count, 1)) > cumulated).sum(axis=1)


def test_the_temperature_that_the_classes_were_drawn_with_is_found() -> None:
    similarity, classes = overconfident(20_000, 0.7)
    everything = np.ones(similarity.shape, dtype=bool)
    assert fit_temperature(similarity, classes, everything) == pytest.approx(0.7, rel=0.05)


def test_calibration_lowers_the_loss_and_the_calibration_error() -> None:
    similarity, classes = overconfident(5_000, 0.7)
    fitted = fit_temperature(similarity, classes, np.ones(similarity.shape, dtype=bool))
    losses, errors = [], []
    for temperature in (0.1, fitted):
        shares = softmax(similarity / temperature)
        losses.append(-np.log(shares[np.arange(5_000), classes]).mean())
        errors.append(expected_calibration_error(shares.max(axis=1), shares.argmax(axis=1) == classes))
    assert losses[1] < losses[0]
    assert errors[1] < 0.03 < errors[0]


def test_leaves_are_calibrated_among_those_of_their_coarse_name_only() -> None:
    similarity, classes = overconfident(4_000, 0.5)
    elsewhere = np.full((4_000, 3), 50.0, dtype=np.float32)
    index = TextIndex(np.eye(8, dtype=np.float32), np.eye(8, dtype=np.float32)[:2], np.asarray([0] * 5 + [1] * 3))
    found = calibrate(np.concatenate([similarity, elsewhere], axis=1), classes, index)
    assert found.leaf == pytest.approx(0.5, rel=0.1)


def test_the_calibration_error_is_the_weighted_distance_of_confidence_and_accuracy() -> None:
    confidence = np.asarray([0.9, 0.9, 0.9, 0.9, 0.3, 0.3])
    right = np.asarray([True, True, True, False, False, False])
    assert expected_calibration_error(confidence, right) == pytest.approx(4 / 6 * 0.15 + 2 / 6 * 0.3)
