import numpy as np
import pytest

from inference.retrieval.body import CONTEXT_FACTOR, HU, SUV, VALID, Body
from inference.retrieval.field_of_view import CHANNELS, SHAPE, View, look

PET, WIDE_CT, SOFT_CT, LESION, SEEN = range(len(CHANNELS))
LESION_AT = np.asarray([[60, 45, 45]], dtype=np.int16)


@pytest.fixture
def body() -> Body:
    """90 × 90 × 90 voxels of water without uptake; a hot voxel 5 voxels to the left of the lesion."""
    fine = np.zeros((3, 90, 90, 90), dtype=np.float16)
    fine[VALID] = 1.0
    fine[HU] = 0.0
    fine[SUV, 60, 45, 50] = 20.0
    size = 90 // CONTEXT_FACTOR
    context = fine.reshape(3, size, 3, size, 3, size, 3).astype(np.float32).mean(axis=(2, 4, 6)).astype(np.float16)
    return Body(fine, context, np.eye(4))


def test_the_lesion_is_in_the_middle_of_both_streams(body: Body) -> None:
    seen = look(body, LESION_AT)
    assert seen.shape == (2 * len(CHANNELS), *SHAPE)
    near = np.argwhere(seen[LESION])
    far = np.argwhere(seen[len(CHANNELS) + LESION])
    assert near.tolist() == [[size // 2 for size in SHAPE]]
    assert far.tolist() == [[size // 2 for size in SHAPE]]


def test_values_lie_between_0_and_1_and_water_in_the_middle_of_the_wide_window(body: Body) -> None:
    seen = look(body, LESION_AT)
    assert seen.min() == 0.0
    assert seen.max() == 1.0
    middle = tuple(size // 2 for size in SHAPE)
    assert seen[(WIDE_CT, *middle)] == pytest.approx(0.5)
    assert seen[(SOFT_CT, *middle)] == pytest.approx(160.0 / 400.0)


def test_a_mirrored_view_is_the_view_flipped_along_the_columns(body: Body) -> None:
    plain, mirrored = look(body, LESION_AT), look(body, LESION_AT, View(mirrored=True))
    hot = np.argwhere(plain[PET] == 1.0)[0]
    lesion = np.argwhere(plain[LESION])[0]
    hot_mirrored = np.argwhere(mirrored[PET] == 1.0)[0]
    lesion_mirrored = np.argwhere(mirrored[LESION])[0]
    assert (hot - lesion).tolist() == [0, 0, 5]
    assert (hot_mirrored - lesion_mirrored).tolist() == [0, 0, -5]


def test_beyond_a_cut_nothing_is_valid_and_there_is_air_without_uptake(body: Body) -> None:
    cut = ((0.0, 64.0), (-np.inf, np.inf), (-np.inf, 48.0))
    seen = look(body, LESION_AT, View(cut=cut))
    assert not (seen[PET] > 0.0).any()
    valid = np.argwhere(seen[SEEN])
    lesion = np.argwhere(seen[LESION])[0]
    assert (valid.max(axis=0) - lesion)[[0, 2]].tolist() == [3, 2]
    assert not seen[WIDE_CT][seen[SEEN] == 0].any()


def test_a_zoomed_view_sees_the_same_distance_in_more_voxels(body: Body) -> None:
    seen = look(body, LESION_AT, View(zoom=(1.0, 1.0, 0.5)))
    hot, lesion = np.argwhere(seen[PET] == 1.0), np.argwhere(seen[LESION])
    assert (len(hot), len(lesion)) == (2, 2)
    assert (hot.mean(axis=0) - lesion.mean(axis=0)).tolist() == [0.0, 0.0, 10.0]


def test_a_lesion_at_the_corner_of_the_body_is_seen(body: Body) -> None:
    seen = look(body, np.zeros((1, 3), dtype=np.int16))
    assert seen[LESION].sum() == 1.0
    assert np.isfinite(seen).all()


def test_a_shift_that_leaves_the_body_sees_nothing(body: Body) -> None:
    assert not look(body, LESION_AT, View(shift=(500.0, 0.0, 0.0))).any()


def test_an_unmarked_view_takes_all_of_the_scan_for_measured_and_nothing_beyond_it(body: Body) -> None:
    unmarked = Body(np.where([[[[1]]], [[[1]]], [[[0]]]], body.fine, 0).astype(np.float16), body.context, body.affine)
    assert not look(unmarked, LESION_AT)[SEEN].any()
    seen = look(unmarked, LESION_AT, View(cut=((0.0, 64.0), (-np.inf, np.inf), (-np.inf, np.inf)), unmarked=True))
    centre = np.argwhere(seen[LESION])[0]
    assert seen[SEEN][: centre[0] + 4].any(axis=(1, 2)).sum() > 0
    assert not seen[SEEN][centre[0] + 4 :].any()
    np.testing.assert_array_equal(np.unique(seen[SEEN]), [0.0, 1.0])
