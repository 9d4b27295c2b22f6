"""Geometry of the reference body: tubes, hulls and distances, on an anatomy of a few boxes."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from training.cohort.anatomy import LABELS, NAMES, Anatomy, load_anatomy
from training.cohort.body import Body
from training.cohort.regions.region import along_z

STEP_MM = 3.0


@pytest.fixture
def body() -> Body:
    """A grid of 30 × 20 × 24 voxels; x, y and z start at -34.5, -28.5 and 0 mm."""
    labels = np.zeros((30, 20, 24), dtype=np.uint16)
    affine = np.zeros((4, 4))
    affine[[0, 1, 2], [2, 1, 0]] = STEP_MM
    affine[:, 3] = (-34.5, -28.5, 0.0, 1.0)
    return Body(Anatomy(labels, affine, {}, {}))


def test_an_anatomy_stored_in_any_orientation_is_read_alike(tmp_path: Path) -> None:
    labels = np.zeros((5, 6, 7), dtype=np.uint16)
    labels[1, 2, 3] = 8
    ras = np.diag((3.0, 3.0, 3.0, 1.0))
    ras[:3, 3] = (-10.0, -20.0, 30.0)
    found = []
    for turn in ([0, 1, 2], [2, 0, 1]):
        nibabel.save(nibabel.Nifti1Image(labels.transpose(turn), ras[:, [*turn, 3]]), tmp_path / LABELS)
        (tmp_path / NAMES).write_text(json.dumps([{"id": 8, "name": "Spleen", "system": "lymph"}]))
        anatomy = load_anatomy(tmp_path)
        index = np.argwhere(anatomy.structure("Spleen"))[0]
        found.append(anatomy.affine[:3, :3] @ index + anatomy.affine[:3, 3])
    # RAS (-7, -14, 39) is LPS (7, 14, 39)
    assert found[0] == pytest.approx([7.0, 14.0, 39.0])
    assert found[1] == pytest.approx(found[0])


def test_an_unknown_structure_is_an_error(body: Body) -> None:
    with pytest.raises(KeyError):
        body.structure("Third kidney")


def test_a_tube_has_the_volume_of_a_capsule(body: Body) -> None:
    tube = body.tube([(0.0, 0.0, 30.0), (0.0, 0.0, 60.0)], 12.0)
    capsule_mm3 = np.pi * 12.0**2 * 30.0 + 4.0 / 3.0 * np.pi * 12.0**3
    assert tube.sum() * STEP_MM**3 == pytest.approx(capsule_mm3, rel=0.06)


def test_near_and_core_measure_from_the_surface(body: Body) -> None:
    ball = body.ellipsoid((0.0, 0.0, 45.0), (15.0, 15.0, 15.0))
    volume = 4.0 / 3.0 * np.pi / STEP_MM**3
    assert body.near(ball, 6.0).sum() == pytest.approx(volume * 21.0**3, rel=0.12)
    assert body.core(ball, 6.0).sum() == pytest.approx(volume * 10.5**3, rel=0.3)


def test_a_shell_is_filled(body: Body) -> None:
    ball = body.ellipsoid((0.0, 0.0, 45.0), (18.0, 18.0, 18.0))
    shell = ball & ~body.core(ball, 4.0)
    assert np.array_equal(body.filled(shell), ball)


def test_the_hull_closes_a_bay_within_a_slice(body: Body) -> None:
    mask = body.none()
    mask[10, 5:15, 5:15] = True
    mask[10, 8:12, 8:15] = False
    assert body.hull(mask)[10, 5:15, 5:15].all()
    assert body.hull(mask).sum() == 100


def test_each_voxel_goes_to_the_nearest_seed(body: Body) -> None:
    seeds = [body.ellipsoid((x, 0.0, 45.0), (4.0, 4.0, 4.0)) for x in (-20.0, 20.0)]
    number = body.nearest(seeds, np.ones(body.shape, dtype=bool))
    assert np.array_equal(number == 1, np.broadcast_to(body.half(-1.0), body.shape))


def test_a_bone_is_cut_into_shares_of_its_height(body: Body) -> None:
    bone = body.tube([(0.0, 0.0, 6.0), (0.0, 0.0, 80.0)], 4.0)
    low, middle, high = along_z(body, bone, (0.2, 0.78))
    assert np.array_equal(low | middle | high, bone)
    assert body.bounds(low)[1][2] < body.bounds(middle)[0][2] < body.bounds(high)[0][2]
