"""The way back: labels on the original grid, as nnU-Net's export gives them, without holding logits there."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from inference.bundles.specification import Alignment, Label, Labels, Network, Resampling
from inference.engines.arrays import HostArrays
from inference.network.orientation import AS_STORED, Turn
from inference.network.postprocess import LabelRestorer
from inference.network.preprocess import Prepared

NETWORK = Network(("fold_0.onnx",), (8, 8, 8), (2.0, 2.0, 2.0), Resampling(3), Resampling(1))
CLASSES = Labels((Label("background"), Label("a"), Label("b")))
BINARY = Labels((Label("background"), Label("lesion")))
REGIONS = Labels((Label("whole"), Label("core")), ((1, 2), (2,)), (1, 2))
BOX = (slice(2, 17), slice(1, 21), slice(3, 20))


def prepared_as(logits, network, spacing=(3.0, 1.5, 2.5), original=(20, 24, 26), box=BOX, turn=AS_STORED):
    """What preparation would have left of a volume of which logits were computed."""
    return Prepared(np.zeros((1, *logits.shape[1:]), np.float32), original, turn, network.transpose, box, spacing)


def smooth_logits(seed, outputs, shape=(17, 19, 14)):
    from scipy import ndimage

    noise = np.random.default_rng(seed).normal(size=(outputs, *shape))
    return np.stack([ndimage.gaussian_filter(each, 1.5) for each in noise]).astype(np.float32) * 10.0


def restored(logits, prepared, network, labels, step=None):
    restorer = LabelRestorer(prepared, network, labels, HostArrays())
    step = step or logits.shape[1]
    for first in range(0, logits.shape[1], step):
        last = min(first + step, logits.shape[1])
        restorer.add(first, last, logits[:, first:last])
    return restorer.label_map()


def theirs(logits, prepared, network, labels):
    export = pytest.importorskip("nnunetv2.inference.export_prediction", reason="needs nnunetv2")
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    resampling = network.resample_logits
    plans = {
        "transpose_forward": list(network.transpose),
        "transpose_backward": list(network.transpose_back),
        "configurations": {
            "3d_fullres": {
                "architecture": {},
                "spacing": list(network.spacing_mm),
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": {
                    "is_seg": False,
                    "order": resampling.order,
                    "order_z": resampling.order_z,
                    "force_separate_z": resampling.separate_z,
                },
            }
        },
    }
    dataset = {"labels": {"background": 0, "a": 1, "b": 2}}
    if labels is BINARY:
        dataset = {"labels": {"background": 0, "lesion": 1}}
    if labels is REGIONS:
        dataset = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
    manager = PlansManager(plans)
    transposed = [prepared.original_shape[axis] for axis in network.transpose]
    properties = {
        "spacing": [prepared.spacing_mm[axis] for axis in network.transpose_back],
        "shape_before_cropping": transposed,
        "bbox_used_for_cropping": [[side.start, side.stop] for side in prepared.box],
        "shape_after_cropping_and_before_resampling": prepared.cropped_shape,
    }
    return export.convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        manager,
        manager.get_configuration("3d_fullres"),
        manager.get_label_manager(dataset),
        properties,
        num_threads_torch=1,
    )


@pytest.mark.parametrize("labels", [CLASSES, BINARY, REGIONS])
@pytest.mark.parametrize(
    "network",
    [
        NETWORK,
        replace(NETWORK, transpose=(2, 0, 1), transpose_back=(1, 2, 0)),
        replace(NETWORK, spacing_mm=(7.0, 2.0, 2.0)),
        replace(NETWORK, resample_logits=Resampling(1, 0, False)),
        replace(NETWORK, resample_logits=Resampling(3, 0, False)),
        replace(NETWORK, resample_logits=Resampling(0, 0, None)),
    ],
)
@pytest.mark.parametrize("step", [None, 3])
def test_it_is_nnunets_export(labels, network, step):
    logits = smooth_logits(1, len(labels.names))
    original = tuple((20, 24, 26)[axis] for axis in network.transpose_back)
    prepared = prepared_as(logits, network, original=original)
    expected = theirs(logits, prepared, network, labels)
    found = restored(logits, prepared, network, labels, step)
    assert found.dtype == np.uint16
    assert found.shape == expected.shape == original
    assert len(np.unique(expected)) == len(labels.names) + (labels is REGIONS)
    assert np.count_nonzero(found != expected) <= 1e-4 * expected.size


@pytest.mark.parametrize("labels", [CLASSES, BINARY, REGIONS])
@pytest.mark.parametrize("step", [1, 2, 5, 16])
def test_slab_by_slab_gives_what_the_whole_gives(labels, step):
    logits = smooth_logits(2, len(labels.names))
    prepared = prepared_as(logits, NETWORK)
    np.testing.assert_array_equal(
        restored(logits, prepared, NETWORK, labels, step), restored(logits, prepared, NETWORK, labels)
    )


def test_on_the_same_grid_the_largest_logit_wins_and_the_first_of_equals():
    logits = np.zeros((3, 2, 2, 2), dtype=np.float32)
    logits[1, 0] = 1.0
    logits[2, 0, 0] = 1.0
    logits[2, 0, 1] = 2.0
    prepared = prepared_as(logits, NETWORK, (2.0, 2.0, 2.0), (3, 2, 3), (slice(1, 3), slice(0, 2), slice(0, 2)))
    found = restored(logits, prepared, NETWORK, CLASSES)
    expected = np.zeros((3, 2, 3))
    expected[1, 0, :2] = 1
    expected[1, 1, :2] = 2
    np.testing.assert_array_equal(found, expected)


def test_later_regions_overwrite_earlier_ones_and_zero_is_not_present():
    logits = np.array([[0.0, 1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]], dtype=np.float32).reshape(2, 1, 1, 4)
    whole = (slice(0, 1), slice(0, 1), slice(0, 4))
    found = restored(logits, prepared_as(logits, NETWORK, (2.0, 2.0, 2.0), (1, 1, 4), whole), NETWORK, REGIONS)
    np.testing.assert_array_equal(found.ravel(), [0, 1, 2, 2])


def test_flips_and_transposition_are_undone():
    """The logits are those of an array whose slices run the other way and whose axes were rotated."""
    network = replace(NETWORK, transpose=(2, 0, 1), transpose_back=(1, 2, 0))
    labels = np.zeros((3, 4, 5), dtype=np.uint16)
    labels[0, 1, 2:4] = 1
    seen = np.flip(labels, 0).transpose(2, 0, 1)
    logits = np.stack([np.zeros(seen.shape), np.where(seen, 1.0, -1.0)]).astype(np.float32)
    box = tuple(slice(0, size) for size in seen.shape)
    prepared = prepared_as(logits, network, (2.0, 2.0, 2.0), (3, 4, 5), box, Turn((0, 1, 2), (0,)))
    np.testing.assert_array_equal(restored(logits, prepared, network, BINARY), labels)


def test_splines_that_overshoot_without_being_clipped_do_not_lose_foreground():
    """A cubic spline is above 0 between two voxels below it, where their neighbours fall steeply."""
    network = replace(NETWORK, resample_logits=Resampling(3, alignment=Alignment.FIRST_VOXEL))
    values = np.array([-9.0, -0.1, -0.1, -9.0], dtype=np.float32)
    logits = np.stack([np.zeros(4), values]).reshape(2, 1, 1, 4).astype(np.float32)
    whole = (slice(0, 1), slice(0, 1), slice(0, 7))
    prepared = prepared_as(logits, network, (2.0, 2.0, 1.0), (1, 1, 7), whole)
    assert restored(logits, prepared, network, BINARY).any()


@pytest.mark.parametrize("labels", [CLASSES, REGIONS])
def test_logits_are_never_held_on_the_original_grid(labels):
    box = (slice(0, 240), slice(0, 48), slice(0, 48))
    logits = smooth_logits(4, len(labels.names), (60, 12, 12))
    prepared = prepared_as(logits, NETWORK, (0.5, 0.5, 0.5), (240, 48, 48), box)
    restored(logits, prepared, NETWORK, labels, 4)
    tracemalloc.start()
    found = restored(logits, prepared, NETWORK, labels, 4)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    one_logit_everywhere = 4 * found.size
    assert most - found.nbytes < one_logit_everywhere / 2


def test_slices_out_of_order_and_maps_half_done_are_errors():
    logits = smooth_logits(3, 2)
    restorer = LabelRestorer(prepared_as(logits, NETWORK), NETWORK, BINARY, HostArrays())
    with pytest.raises(ValueError, match="from slice 0"):
        restorer.add(1, 2, logits[:, 1:2])
    restorer.add(0, 5, logits[:, :5])
    with pytest.raises(ValueError, match="slices are known"):
        restorer.label_map()
