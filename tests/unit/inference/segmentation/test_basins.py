import numpy as np
import pytest

from inference.segmentation.basins import find_basins

SPACING = np.array([4.0, 4.0, 4.0])
RULES = {"lowest_peak": 2.0, "prominence": 0.5, "relative_prominence": 0.15, "peak_distance_mm": 12.0}


def profile(heights):
    """A row of voxels; every second one lies between two given heights."""
    return np.asarray(heights, dtype=np.float32).reshape(1, 1, -1)


def basins_of(values, **rules):
    return find_basins(values, values > 0, SPACING, **{**RULES, **rules})


def test_every_voxel_belongs_to_the_peak_it_climbs_to():
    found = basins_of(profile([1, 3, 6, 3, 1, 2, 4, 8, 4, 2]))
    assert found.peaks.tolist() == [2, 7]
    assert found.basin.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_peaks_with_a_shallow_saddle_are_one():
    found = basins_of(profile([1, 8, 8.6, 8, 7.6, 7.7, 8.2, 8.4, 5]), peak_distance_mm=0.0)
    assert found.peaks.tolist() == [2]


def test_prominence_grows_with_the_peak():
    low = profile([1, 3, 2.3, 2.3, 2.3, 3.5, 1])
    assert len(basins_of(low).peaks) == 2
    assert len(basins_of(low * 10, prominence=0.5).peaks) == 2
    assert len(basins_of(low + 20).peaks) == 1


def test_close_peaks_are_one():
    heights = profile([1, 9, 2, 9.5, 1])
    assert len(basins_of(heights).peaks) == 1
    assert len(basins_of(heights, peak_distance_mm=6.0).peaks) == 2


def test_a_peak_too_low_to_count_goes_with_its_neighbour():
    found = basins_of(profile([1, 2, 6, 2, 0.5, 0.6, 1.9, 0.8]))
    assert found.peaks.tolist() == [2]
    assert set(found.basin.tolist()) == {0}


def test_plateaus_have_one_basin():
    found = basins_of(np.full((5, 6, 7), 3.0, dtype=np.float32))
    assert len(found.peaks) == 1


def test_touching_corners_connect_and_gaps_do_not():
    values = np.zeros((4, 4, 4), dtype=np.float32)
    values[0, 0, 0] = values[1, 1, 1] = 5.0
    values[3, 3, 3] = 5.0
    assert len(basins_of(values).peaks) == 2


def test_voxels_set_apart_share_no_basin_with_the_others():
    heights = profile([3, 3.1, 3, 4, 8, 4])
    assert len(basins_of(heights).peaks) == 1
    found = basins_of(heights, apart=heights < 3.5)
    assert found.basin.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.touching.tolist() == [[0, 1]]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_basins_are_those_of_the_mirrored_image_mirrored(axis):
    values = np.random.default_rng(3).gamma(2.0, 2.0, (9, 10, 11)).astype(np.float32)
    found, mirrored = basins_of(values), basins_of(np.flip(values, axis))
    one = np.zeros(values.shape)
    one.reshape(-1)[found.voxels] = values.reshape(-1)[found.peaks][found.basin]
    other = np.zeros(values.shape)
    other.reshape(-1)[mirrored.voxels] = np.flip(values, axis).reshape(-1)[mirrored.peaks][mirrored.basin]
    np.testing.assert_array_equal(np.flip(other, axis), one)
