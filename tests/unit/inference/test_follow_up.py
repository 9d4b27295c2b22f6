"""Follow-up: lesions keep their identity over examinations, and none gets that of another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from config.organs import Organ
from config.vocabulary import Laterality
from inference.alignment import align
from inference.body_map import SPACING_MM, BodyMap
from inference.follow_up import Examination, LesionPlace, same_lesions

WHOLE = (-440.0, 400.0)
LESIONS = {
    "neck": ((35.0, 0.0, 250.0), Laterality.LEFT),
    "right lung": ((-70.0, 10.0, 120.0), Laterality.RIGHT),
    "left lung": ((70.0, 10.0, 120.0), Laterality.LEFT),
    "subcarinal": ((0.0, 10.0, 110.0), Laterality.NONE),
    "liver": ((-60.0, -20.0, -20.0), Laterality.RIGHT),
    "L3": ((0.0, 60.0, -110.0), Laterality.MIDLINE),
    "right ilium": ((-90.0, 50.0, -210.0), Laterality.RIGHT),
    "left femur": ((85.0, 0.0, -400.0), Laterality.LEFT),
}


def organs_at(points, arms=False):
    """A body with head, trunk and legs, lungs, spine and pelvis, none of it symmetrical along z."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    organs = np.zeros(x.shape, np.uint8)

    def put(organ, centre, radii):
        inside = sum(((p - c) / r) ** 2 for p, c, r in zip((x, y, z), centre, radii, strict=True)) <= 1.0
        organs[inside] = organ

    trunk = (((x / 170.0) ** 2 + (y / 110.0) ** 2) <= 1.0) & (np.abs(z) < 260.0)
    organs[trunk] = Organ.SOFT_TISSUE
    for side in (-1.0, 1.0):
        organs[(((x - side * 85.0) / 75.0) ** 2 + (y / 80.0) ** 2 <= 1.0) & (z <= -250.0)] = Organ.SOFT_TISSUE
        organs[((x - side * 85.0) ** 2 + y**2 <= 18.0**2) & (z <= -250.0)] = Organ.BONE
        put(Organ.BONE, (side * 90.0, 40.0, -200.0), (35.0, 30.0, 70.0))
        if arms:
            organs[((x - side * 215.0) ** 2 + y**2 <= 40.0**2) & (np.abs(z) < 250.0)] = Organ.SOFT_TISSUE
    put(Organ.SOFT_TISSUE, (0.0, 0.0, 340.0), (75.0, 95.0, 110.0))
    put(Organ.BRAIN, (0.0, 0.0, 360.0), (60.0, 75.0, 65.0))
    put(Organ.RIGHT_LUNG, (-75.0, 0.0, 130.0), (55.0, 80.0, 110.0))
    put(Organ.LEFT_LUNG, (75.0, 0.0, 130.0), (50.0, 75.0, 110.0))
    put(Organ.LIVER, (-70.0, -10.0, -20.0), (75.0, 75.0, 60.0))
    organs[((x / 22.0) ** 2 + ((y - 60.0) / 24.0) ** 2 <= 1.0) & (z > -260.0) & (z < 280.0)] = Organ.SPINE
    return organs


def moved_by(rotation=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0)):
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix()
    motion[:3, 3] = shift
    return motion


def body(motion=None, heights=WHOLE, arms=False):
    """The map of the body after a motion, seen between two heights of it."""
    motion = moved_by() if motion is None else motion
    low = np.array((-260.0, -160.0, heights[0])) + motion[:3, 3]
    shape = (round((heights[1] - heights[0]) / SPACING_MM), 40, 65)
    made = BodyMap(np.zeros(shape, np.uint8), tuple(low))
    indices = np.moveaxis(np.indices(shape), 0, -1)
    points = indices @ made.affine[:3, :3].T + made.affine[:3, 3]
    return BodyMap(organs_at((points - motion[:3, 3]) @ motion[:3, :3], arms), made.origin_mm)


def ball(centre, side, motion=None, radius_mm=9.0):
    """A lesion of voxels of 3 mm on the grid of the scanner, not of the patient."""
    motion = moved_by() if motion is None else motion
    middle = motion[:3, :3] @ np.asarray(centre) + motion[:3, 3]
    reach = np.arange(-8, 9) * 3.0
    lattice = np.rint(middle / 3.0) * 3.0 + np.stack(np.meshgrid(reach, reach, reach), axis=-1).reshape(-1, 3)
    return LesionPlace(lattice[np.linalg.norm(lattice - middle, axis=1) <= radius_mm], side)


def lesions(names=tuple(LESIONS), motion=None, radius_mm=9.0):
    return {name: ball(*LESIONS[name], motion, radius_mm) for name in names}


PRIOR = body()
TRUNK = body(heights=(-150.0, 200.0))

ROTATIONS = st.tuples(*[st.floats(-5.0, 5.0)] * 3)
SHIFTS = st.tuples(st.floats(-60.0, 60.0), st.floats(-60.0, 60.0), st.floats(-900.0, 900.0))


@settings(max_examples=10, deadline=None)
@given(ROTATIONS, SHIFTS, st.sets(st.sampled_from(sorted(LESIONS))), st.sets(st.sampled_from(sorted(LESIONS))))
def test_lesions_in_both_are_the_same_and_no_others_wherever_the_patient_lies(rotation, shift, before, now):
    motion = moved_by(rotation, shift)
    prior = Examination(PRIOR, lesions(before))
    current = Examination(body(motion), lesions(now, motion, radius_mm=7.0))
    assert same_lesions(prior, current) == {name: name for name in before & now}


@pytest.mark.parametrize(
    "heights", [(-200.0, 400.0), (-440.0, 200.0), (-150.0, 260.0)], ids=["without legs", "without head", "trunk"]
)
def test_a_shorter_field_of_view_is_enough(heights):
    motion = moved_by((2.0, -1.0, 3.0), (20.0, 10.0, 700.0))
    names = [name for name, ((_, _, z), _) in LESIONS.items() if heights[0] < z < heights[1]]
    current = Examination(body(motion, heights), lesions(names, motion))
    assert same_lesions(Examination(PRIOR, lesions()), current) == {name: name for name in names}


def test_arms_may_lie_elsewhere():
    motion = moved_by((0.0, 0.0, 2.0), (5.0, -8.0, 60.0))
    current = Examination(body(motion, arms=True), lesions(motion=motion))
    assert same_lesions(Examination(PRIOR, lesions()), current) == {name: name for name in LESIONS}


def test_alignment_finds_the_motion():
    motion = moved_by((3.0, -2.0, 4.0), (31.0, -17.0, 143.0))
    found = align(PRIOR, body(motion))
    centres = np.array([centre for centre, _ in LESIONS.values()])
    away = centres @ (found[:3, :3] - motion[:3, :3]).T + found[:3, 3] - motion[:3, 3]
    assert np.linalg.norm(away, axis=1).max() < 4.0


@pytest.mark.parametrize(
    "current",
    [
        body(moved_by((180.0, 0.0, 0.0)), (-400.0, 440.0)),
        BodyMap(np.zeros((60, 40, 65), np.uint8), (0.0, 0.0, 0.0)),
        BodyMap(np.ones((60, 40, 65), np.uint8), (0.0, 0.0, 0.0)),
    ],
    ids=["upside down", "nobody", "a block"],
)
def test_what_does_not_lie_on_the_prior_body_is_not_aligned(current):
    assert align(PRIOR, current) is None
    assert same_lesions(Examination(PRIOR, lesions()), Examination(current, lesions())) == {}


def test_the_head_alone_is_not_the_thighs():
    head, thighs = body(heights=(260.0, 400.0)), body(heights=(-440.0, -270.0))
    assert align(head, thighs) is None


def place(x, side=Laterality.NONE, radius_mm=9.0, y=0.0):
    """A lesion in the middle of the trunk."""
    return ball((x, y, 0.0), side, radius_mm=radius_mm)


def same(prior, current):
    return same_lesions(Examination(TRUNK, prior), Examination(TRUNK, current))


def test_a_lesion_never_changes_sides():
    right, left = place(-4.0, Laterality.RIGHT), place(4.0, Laterality.LEFT)
    assert same({"a": right}, {1: left}) == {}
    assert same({"a": right, "b": left}, {1: left, 2: right}) == {1: "b", 2: "a"}
    assert same({"a": place(0.0, Laterality.MIDLINE)}, {1: left}) == {1: "a"}


def test_a_lesion_that_shrank_or_grew_is_the_same():
    assert same({"a": place(0.0, radius_mm=20.0)}, {1: place(10.0, radius_mm=5.0)}) == {1: "a"}
    assert same({"a": place(10.0, radius_mm=5.0)}, {1: place(0.0, radius_mm=20.0)}) == {1: "a"}


def test_a_lesion_beyond_the_tolerance_is_a_new_one():
    assert same({"a": place(0.0, radius_mm=5.0)}, {1: place(20.0, radius_mm=5.0)}) == {1: "a"}
    assert same({"a": place(0.0, radius_mm=5.0)}, {1: place(32.0, radius_mm=5.0)}) == {}


def test_of_two_that_are_about_as_near_neither_is_the_same():
    prior = {"a": place(0.0, radius_mm=5.0)}
    assert same(prior, {1: place(-18.0, radius_mm=5.0), 2: place(20.0, radius_mm=5.0)}) == {}


def test_neighbours_keep_their_identity():
    prior = {"a": place(0.0, radius_mm=5.0), "b": place(20.0, radius_mm=5.0)}
    assert same(prior, {1: place(22.0, radius_mm=5.0), 2: place(2.0, radius_mm=5.0)}) == {1: "b", 2: "a"}


def test_one_that_is_gone_does_not_push_its_neighbours_along():
    prior = {"a": place(0.0, radius_mm=5.0), "b": place(22.0, radius_mm=5.0)}
    assert same(prior, {1: place(22.0, radius_mm=5.0), 2: place(44.0, radius_mm=5.0)}) == {1: "b"}


def test_of_a_lesion_that_fell_apart_the_largest_piece_goes_on():
    pieces = {1: place(-14.0, radius_mm=6.0), 2: place(10.0, radius_mm=12.0)}
    assert same({"a": place(0.0, radius_mm=24.0)}, pieces) == {2: "a"}


def test_lesions_that_grew_together_go_on_as_the_largest():
    pieces = {"a": place(-14.0, radius_mm=6.0), "b": place(10.0, radius_mm=12.0)}
    assert same(pieces, {1: place(0.0, radius_mm=24.0)}) == {1: "b"}


def test_without_lesions_nothing_is_the_same():
    assert same({}, {1: place(0.0)}) == {}
    assert same({"a": place(0.0)}, {}) == {}


def test_a_body_map_has_the_organs_of_its_examination_where_they_are():
    affine = moved_by((0.0, 0.0, 90.0), (5.0, 7.0, -300.0)) @ np.diag((4.0, 4.0, 4.0, 1.0))[[2, 1, 0, 3]]
    organs = np.zeros((20, 30, 40), np.uint8)
    organs[4:12, 6:20, 10:30] = Organ.LIVER
    made = BodyMap.of(organs, affine)
    middle = affine @ (7.5, 12.5, 19.5, 1.0)
    found = np.argwhere(made.organs == Organ.LIVER)
    assert len(found) * SPACING_MM**3 == pytest.approx((organs > 0).sum() * 4.0**3, rel=0.25)
    np.testing.assert_allclose((made.affine @ (*found.mean(axis=0), 1.0))[:3], middle[:3], atol=4.0)
