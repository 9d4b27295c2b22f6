"""Resampling: what nnU-Net's splines give, by matrices."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from inference.bundles.specification import Alignment, Resampling
from inference.engines.arrays import HostArrays
from inference.network.resampling import grid_shape, interpolation

CASES = [
    ((20, 23, 31), (3.0, 2.0, 2.0), (2.5, 2.5, 1.7)),  # no thick axis
    ((12, 20, 21), (7.0, 1.5, 1.5), (5.0, 2.0, 2.0)),  # thick slices
    ((20, 12, 21), (2.0, 7.0, 1.5), (2.0, 5.0, 2.0)),
    ((20, 21, 12), (2.0, 2.0, 2.0), (2.0, 2.0, 7.0)),  # thick in the result only
    ((20, 21, 12), (2.0, 2.0, 7.0), (2.5, 2.5, 7.0)),  # nothing to do along the thick axis
    ((9, 1, 12), (2.0, 2.0, 7.0), (1.0, 2.0, 5.0)),
]


def resampled(values, spacing, target, resampling):
    shape = grid_shape(values.shape, spacing, target, resampling.alignment)
    result = np.empty(shape, dtype=np.float32)
    interpolation(values.shape, spacing, shape, target, resampling, HostArrays()).resample(values, result)
    return result


@pytest.mark.parametrize(("shape", "spacing", "target"), CASES)
def test_every_order_gives_what_nnunet_gives(shape, spacing, target):
    default = pytest.importorskip("nnunetv2.preprocessing.resampling.default_resampling", reason="needs nnunetv2")
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    assert grid_shape(shape, spacing, target, Alignment.EDGES) == tuple(
        default.compute_new_shape(shape, spacing, target)
    )
    for order, order_z, separate in itertools.product((0, 1, 3), (0, 1, 3), (None, True, False)):
        found = resampled(values, spacing, target, Resampling(order, order_z, separate))
        expected = default.resample_data_or_seg_to_shape(
            values[None], found.shape, spacing, target, False, order, order_z, separate
        )
        np.testing.assert_allclose(found, expected[0], rtol=0.0, atol=1e-6)


@pytest.mark.parametrize(("shape", "spacing", "target"), CASES)
def test_linear_resampling_gives_what_nnunets_torch_version_gives(shape, spacing, target):
    torch_version = pytest.importorskip("nnunetv2.preprocessing.resampling.resample_torch", reason="needs nnunetv2")
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for separate in (None, True, False):
        found = resampled(values, spacing, target, Resampling(1, 0, separate))
        expected = torch_version.resample_torch_fornnunet(
            values[None].copy(), found.shape, spacing, target, force_separate_z=separate
        )
        np.testing.assert_allclose(found, expected[0], rtol=0.0, atol=1e-4)


def test_cubic_resampling_is_scipys_zoom_clipped_to_the_range():
    values = (np.random.default_rng(1).random((7, 9, 11)) > 0.5).astype(np.float32)
    found = resampled(values, (2.0, 2.0, 2.0), (1.0, 1.6, 3.0), Resampling(3, separate_z=False))
    factors = [new / old for new, old in zip(found.shape, values.shape, strict=True)]
    zoomed = ndimage.zoom(values.astype(np.float64), factors, order=3, mode="nearest", grid_mode=True)
    assert zoomed.max() > 1.1
    np.testing.assert_allclose(found, np.clip(zoomed, 0.0, 1.0), atol=1e-6)


def test_halving_linearly_is_the_mean_of_two():
    values = np.arange(6, dtype=np.float32).reshape(6, 1, 1)
    found = resampled(values, (1.0, 1.0, 1.0), (2.0, 1.0, 1.0), Resampling(1, separate_z=False))
    np.testing.assert_allclose(found.ravel(), [0.5, 2.5, 4.5])


def test_thick_slices_are_repeated_not_blended():
    values = np.zeros((3, 4, 4), dtype=np.float32)
    values[1] = 1.0
    found = resampled(values, (8.0, 1.0, 1.0), (4.0, 1.0, 1.0), Resampling(3, 0))
    np.testing.assert_array_equal(found[:, 0, 0], [0, 0, 1, 1, 0, 0])


def test_two_equally_thick_axes_are_resampled_together():
    shape, spacing, target = (8, 8, 8), (1.0, 4.0, 4.0), (2.0, 2.0, 2.0)
    assert interpolation(shape, spacing, (4, 16, 16), target, Resampling(1), HostArrays()).thick_axis is None
    assert interpolation(shape, (1.0, 1.0, 4.0), (4, 4, 16), target, Resampling(1), HostArrays()).thick_axis == 2


def test_monais_grid_begins_at_the_first_voxels_centre():
    values = np.arange(5, dtype=np.float32).reshape(5, 1, 1)
    found = resampled(values, (1.0, 1.0, 1.0), (1.5, 1.0, 1.0), Resampling(1, alignment=Alignment.FIRST_VOXEL))
    np.testing.assert_allclose(found.ravel(), [0.0, 1.5, 3.0, 4.0])


def test_monais_grid_is_monais():
    monai = pytest.importorskip("monai.transforms", reason="needs monai")
    torch = pytest.importorskip("torch", reason="needs torch")
    from monai.data import MetaTensor

    values = np.random.default_rng(3).normal(size=(17, 12, 9)).astype(np.float32)
    image = MetaTensor(torch.from_numpy(values[None]), affine=torch.diag(torch.tensor([2.0, 1.5, 3.0, 1.0])))
    expected = monai.Spacing((1.3, 2.2, 2.0), mode="bilinear", padding_mode="border")(image).numpy()[0]
    resampling = Resampling(1, separate_z=False, alignment=Alignment.FIRST_VOXEL)
    found = resampled(values, (2.0, 1.5, 3.0), (1.3, 2.2, 2.0), resampling)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    target=st.tuples(*[st.floats(0.4, 3.0)] * 3),
    order=st.sampled_from([0, 1, 3]),
    seed=st.integers(0, 100),
)
def test_any_part_is_the_part_of_the_whole(shape, target, order, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype(np.float32)
    resampling = Resampling(order, separate_z=False)
    new_shape = grid_shape(shape, (1.0, 1.0, 1.0), target, Alignment.EDGES)
    onto = interpolation(shape, (1.0, 1.0, 1.0), new_shape, target, resampling, HostArrays())
    whole = np.empty(new_shape, dtype=np.float32)
    onto.resample(values, whole)
    wanted = tuple(tuple(sorted(rng.choice(n + 1, 2, replace=False))) for n in new_shape)
    sources = [line.support(part) for line, part in zip(onto.lines, wanted, strict=True)]
    block = values[tuple(slice(*source) for source in sources)].astype(np.float64)
    part = onto.part(block, tuple(low for low, _ in sources), wanted, onto.limits(values))
    np.testing.assert_allclose(part, whole[tuple(slice(*each) for each in wanted)], atol=1e-5)
