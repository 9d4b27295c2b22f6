"""Lesions are what their tissue allows, as large as their place, and confined where they must be."""

from dataclasses import replace

import numpy as np
import pytest

from config.tracers import Tracer
from config.vocabulary import vocabulary
from inference.captioning.tokens import CT_FINDINGS
from training.cohort.lesion import Lesion, draw_lesion


def drawn(name: str, seed: int, room_mm: float = 20.0) -> Lesion:
    leaf = vocabulary().leaf(name)
    return draw_lesion(np.random.default_rng(seed), leaf, (5.0, 6.0, 7.0), room_mm, (50.0, 2.0), Tracer.FDG)


def test_every_leaf_has_findings_that_the_captioner_can_say() -> None:
    for leaf in vocabulary():
        assert drawn(leaf.name, 1).ct_finding in CT_FINDINGS


def test_nodes_are_enlarged_from_ten_millimetres_of_short_axis() -> None:
    for seed in range(60):
        lesion = drawn("subcarinal node (station 7)", seed)
        assert (2.0 * min(lesion.radii_mm) >= 10.0) == (lesion.ct_finding == "enlarged lymph node")


def test_lesions_are_not_much_larger_than_their_region() -> None:
    assert all(max(drawn("right testis", seed, room_mm=8.0).radii_mm) <= 20.0 for seed in range(60))


def test_lesions_are_hotter_than_their_surroundings() -> None:
    assert all(drawn("liver segment II", seed).suv > 2.0 for seed in range(60))


def test_depth_is_one_on_the_surface_of_a_smooth_lesion() -> None:
    lesion = drawn("L3 vertebra", 3)
    smooth = replace(lesion, bumps=np.zeros((0, 4), dtype=np.float32))
    along = np.asarray(smooth.turn[0]) * smooth.radii_mm[0] + np.array([5.0, 6.0, 7.0])
    assert float(smooth.depth(*along[::-1].astype(np.float32).reshape(3, 1))[0]) == pytest.approx(1.0, abs=1e-3)
