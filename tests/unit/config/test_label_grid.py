"""Labels on another grid: the definition, voxel by voxel, on grids of any spacing, direction and rotation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from config.label_grid import box_on_grid, labels_on_grid, whole

SHAPE, TARGET_SHAPE = (5, 6, 7), (9, 8, 10)
LABELS = np.random.default_rng(0).integers(0, 5, SHAPE).astype(np.uint16)
SPACINGS = st.tuples(*[st.floats(0.7, 6.0)] * 3)
POINTS = st.tuples(*[st.floats(-20.0, 20.0)] * 3)


def affine(spacing, origin, turn=None):
    made = np.eye(4)
    made[:3, :3] = np.diag(spacing)[::-1] if turn is None else turn @ np.diag(spacing)[::-1]
    made[:3, 3] = origin
    return made


def by_definition(source, target):
    """The label of the voxel whose centre is, along each axis of the source, less than half a voxel away."""
    indices = np.indices(TARGET_SHAPE).reshape(3, -1)
    centres = target[:3, :3] @ indices + target[:3, 3:]
    places = np.linalg.solve(source[:3, :3], centres - source[:3, 3:])
    nearest = np.rint(places).astype(int)
    inside = ((nearest >= 0) & (nearest < np.reshape(SHAPE, (3, 1)))).all(axis=0)
    expected = np.where(inside, LABELS[tuple(np.where(inside, nearest, 0))], 0)
    on_a_face = (np.abs(places + 0.5 - np.rint(places + 0.5)) < 1e-3).any(axis=0)
    return expected.reshape(TARGET_SHAPE), on_a_face.reshape(TARGET_SHAPE)


@given(SPACINGS, SPACINGS, POINTS, st.none() | st.integers(0, 2**32 - 1))
def test_a_voxel_has_the_label_of_the_voxel_that_contains_its_centre(spacing, target_spacing, origin, seed):
    turn = np.diag((-1.0, 1.0, -1.0)) if seed is None else Rotation.random(rng=seed).as_matrix()
    source, target = affine(spacing, (3.0, -5.0, 7.0)), affine(target_spacing, origin, turn)
    expected, doubtful = by_definition(source, target)
    found = labels_on_grid(LABELS, source, target, whole(TARGET_SHAPE))
    np.testing.assert_array_equal(found[~doubtful], expected[~doubtful])


def test_a_box_holds_what_the_whole_has_there():
    source, target = affine((3.0, 2.0, 2.5), (0.0, 0.0, 0.0)), affine((1.3, 1.1, 1.7), (1.0, 2.0, 0.5))
    box = (slice(2, 7), slice(0, 4), slice(5, 10))
    everything = labels_on_grid(LABELS, source, target, whole(TARGET_SHAPE))
    np.testing.assert_array_equal(labels_on_grid(LABELS, source, target, box), everything[box])


@given(SPACINGS, POINTS, st.integers(0, 2**32 - 1))
def test_the_box_on_another_grid_holds_every_voxel_of_a_label(target_spacing, origin, seed):
    source = affine((3.0, 2.0, 2.5), (0.0, 0.0, 0.0))
    target = affine(target_spacing, origin, Rotation.random(rng=seed).as_matrix())
    box = (slice(1, 3), slice(2, 5), slice(0, 2))
    only = np.zeros_like(LABELS)
    only[box] = 1
    everything = labels_on_grid(only, source, target, whole(TARGET_SHAPE))
    inside = labels_on_grid(only, source, target, box_on_grid(box, source, target, TARGET_SHAPE))
    assert everything.sum() == inside.sum()


@pytest.mark.parametrize("noise", [-2e-5, 0.0, 2e-5])
def test_centres_on_a_face_go_one_way_however_headers_were_rounded(noise):
    source, target = affine((2.0, 2.0, 2.0), (0.0, 0.0, 0.0)), affine((1.0, 1.0, 1.0), (0.0, 0.0, noise))
    slices = labels_on_grid(LABELS, source, target, (slice(0, 9), slice(0, 1), slice(0, 1)))[:, 0, 0]
    np.testing.assert_array_equal(slices, LABELS[[0, 1, 1, 2, 2, 3, 3, 4, 4], 0, 0])
