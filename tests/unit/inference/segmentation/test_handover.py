import numpy as np

from inference.segmentation.handover import hand_over


def owners(values, thresholds, sizes, touching=((0, 1),)):
    return hand_over(
        np.array(touching), [np.sort(np.float32(some)) for some in values], np.array(thresholds), np.array(sizes)
    ).tolist()


def test_a_basin_without_a_candidate_goes_to_the_candidate_beside_it():
    assert owners([[2, 4, 8, 9], [1, 3, 5]], [4.0, np.inf], [3, 0]) == [0, 0]


def test_of_two_candidates_the_one_over_the_higher_saddle_gets_it():
    values = [[8, 9], [5], [8, 9]]
    assert owners(values, [4.0, np.inf, 4.0], [2, 0, 2], touching=((1, 2), (0, 1))) == [0, 2, 2]


def test_candidates_keep_their_basins():
    assert owners([[4, 9], [4, 8]], [4.0, 4.0], [2, 2]) == [0, 1]


def test_a_hotter_basin_stays_apart():
    assert owners([[4, 8], [1, 9]], [4.0, np.inf], [2, 0]) == [0, 1]


def test_a_basin_that_would_more_than_double_a_candidate_stays_apart():
    assert owners([[5, 8], [4, 4, 1]], [4.0, np.inf], [2, 0]) == [0, 0]
    assert owners([[5, 8], [4, 4, 4]], [4.0, np.inf], [2, 0]) == [0, 1]


def test_basins_that_touch_no_candidate_stay_their_own():
    assert owners([[5, 8], [4], [3]], [4.0, np.inf, np.inf], [2, 0, 0], touching=((1, 2),)) == [0, 1, 2]
