"""Anatomy from HU and SUV: what is found, where, and that the orientation of the arrays does not matter."""

import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.anatomy.describe import describe
from inference.anatomy.landmarks import Part
from inference.anatomy.levels import ANCHORS, fit_levels, level_of
from inference.anatomy.lungs import aerated_planes

FLIPS = {
    "slices from the top": np.diag((-1.0, 1.0, 1.0)),
    "feet first": np.diag((-1.0, 1.0, -1.0)),
    "prone": np.diag((1.0, -1.0, -1.0)),
    "sagittal": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
}


def oblique(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])


def test_body_is_the_patient_without_the_table(phantom, anatomy):
    table = phantom.points[:, 1] > 130.0
    inside = np.linalg.norm(phantom.points[:, :2] / (150.0, 95.0), axis=1) < 1.0
    trunk = inside & (np.abs(phantom.points[:, 2]) < 200.0)
    assert anatomy.body.shape == phantom.suv.shape
    assert not anatomy.body.ravel()[table].any()
    assert anatomy.body.ravel()[trunk].all()


def test_lungs_lie_on_their_sides_with_their_volumes(anatomy):
    ellipsoid_ml = 4.0 / 3.0 * np.pi * 5.5 * 8.0 * 12.5
    for lung, sign in ((anatomy.lungs.right, -1.0), (anatomy.lungs.left, 1.0)):
        x = anatomy.frame.x_mm(np.argwhere(lung)[:, 2])
        assert (sign * x > 0.0).all()
        assert 0.75 * ellipsoid_ml < lung.sum() * 0.125 < ellipsoid_ml


def test_landmarks_are_where_the_phantom_has_them(anatomy):
    truth = {"lung apex": 250.0, "carina": 180.0, "lung base": 10.0, "iliac crest": -135.0, "pelvic floor": -375.0}
    assert anatomy.landmarks == pytest.approx(truth, abs=12.0)


def test_midline_follows_the_spine_and_not_x_0(phantom, make_phantom):
    moved = make_phantom()
    for volume in (moved.suv, moved.ct):
        volume.affine[0, 3] += 31.0
    described = moved.describe()
    trunk = slice(40, 120)
    assert described.frame.x_mm(described.spine.x[trunk]) == pytest.approx(31.0, abs=3.0)


def test_liver_reference_is_the_mean_of_the_liver(anatomy):
    assert anatomy.references["liver_mean"] == pytest.approx(2.0, abs=0.01)
    assert anatomy.references["liver_sd"] == pytest.approx(0.0, abs=0.01)
    assert anatomy.frame.x_mm(np.argwhere(anatomy.liver)[:, 2].mean()) < -40.0


def test_legs_are_told_from_the_trunk(anatomy):
    heights = anatomy.frame.heights_mm()
    assert set(np.unique(anatomy.parts[heights < -385.0])) == {Part.OUTSIDE, Part.LEG}
    assert Part.LEG not in anatomy.parts[heights > -360.0]


@pytest.mark.parametrize("turn", FLIPS.values(), ids=FLIPS.keys())
def test_the_order_of_the_arrays_changes_nothing(turn, make_phantom, anatomy):
    other = make_phantom(turn=turn).describe()
    assert other.landmarks == pytest.approx(dict(anatomy.landmarks), abs=0.01)
    assert other.references == pytest.approx(dict(anatomy.references), rel=1e-4)
    assert np.array_equal(other.lungs.right, anatomy.lungs.right)
    assert np.array_equal(other.liver, anatomy.liver)


def test_an_oblique_acquisition_finds_the_same_landmarks(make_phantom, anatomy):
    other = make_phantom(turn=oblique(14.0)).describe()
    for name, height in anatomy.landmarks.items():
        assert other.landmarks.get(name, height) == pytest.approx(height, abs=10.0)
    assert {"lung base", "iliac crest"} <= set(other.landmarks)


@pytest.mark.parametrize(
    ("bottom_mm", "top_mm", "expected"),
    [
        (40.0, 300.0, {"lung apex", "carina"}),
        (-500.0, -390.0, set()),
        (-300.0, 120.0, {"lung base", "iliac crest"}),
    ],
    ids=["chest", "legs", "abdomen"],
)
def test_any_field_of_view_gives_the_landmarks_in_it(bottom_mm, top_mm, expected, make_phantom):
    found = make_phantom(bottom_mm=bottom_mm, top_mm=top_mm).describe()
    assert set(found.landmarks) == expected


def test_without_a_ct_there_is_a_body_and_no_lung_or_bone(phantom):
    described = describe(phantom.suv, None)
    inside = np.linalg.norm(phantom.points[:, :2] / (140.0, 85.0), axis=1) < 1.0
    assert described.body.ravel()[inside & (np.abs(phantom.points[:, 2]) < 100.0)].mean() > 0.99
    assert not described.lungs.both.any()
    assert not described.bone.any()
    assert described.hounsfield is None


def test_sinuses_of_the_head_are_not_taken_for_the_apex_of_the_lung():
    air = np.zeros((60, 40, 60), dtype=bool)
    air[10:35, 15:25, 10:20] = air[10:35, 15:25, 40:50] = True
    air[35:50, 18:22, 28:32] = True
    air[50:54, 10:16, 22:25] = air[50:54, 10:16, 35:38] = True
    assert aerated_planes(air, np.full(60, 29.5)).tolist() == list(range(10, 35))


def test_without_a_ct_raised_arms_are_not_taken_for_the_head():
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1] * 5.0
    uptake = np.zeros((200, 60, 100), dtype=np.float32)
    uptake[:120, 15:45, 20:80] = 1.0
    uptake[120:160, 20:40, 42:58] = 1.0
    for arm in (slice(5, 17), slice(83, 95)):
        uptake[100:190, 25:37, arm] = 1.0
    found = describe(Volume(uptake, affine, Unit.SUVBW), None).landmarks
    assert set(found) == {"vertex"}
    assert found["vertex"] == pytest.approx(159 * 5.0, abs=15.0)


def test_an_empty_pet_is_described_without_an_error(phantom):
    empty = type(phantom.suv)(np.zeros_like(phantom.suv.values), phantom.suv.affine, phantom.suv.unit)
    air = type(phantom.ct)(np.full_like(phantom.ct.values, -1024.0), phantom.ct.affine, phantom.ct.unit)
    described = describe(empty, air)
    assert not described.body.any()
    assert described.references == {}


def test_levels_pass_through_the_landmarks_and_drop_one_that_contradicts():
    heights = {"lung apex": 0.0, "lung base": -256.0, "iliac crest": -396.0}
    levels = fit_levels({**heights, "carina": -240.0})
    assert set(levels.landmarks) == set(heights)
    for name, height in heights.items():
        assert levels.level(height) == pytest.approx(ANCHORS[name])


def test_vertebrae_follow_one_another_without_gaps():
    assert level_of("T1", 0.0) == level_of("C7", 1.0) == 125.0
    assert level_of("L1", 0.0) == level_of("T12", 1.0)
    with pytest.raises(KeyError):
        level_of("T13")
