"""Connected components."""

import numpy as np

from inference.segmentation.components import component_at


def test_a_row_with_a_gap_is_two_components() -> None:
    mask = np.asarray([[[True, False, True]]])
    assert component_at(mask, (0, 0, 2)).tolist() == [[[False, False, True]]]


def test_corners_touch() -> None:
    mask = np.eye(2, dtype=np.bool_)[None].repeat(2, axis=0)
    mask[0, 0, 0] = mask[1, 1, 1] = False
    assert component_at(mask, (0, 1, 1)).tolist() == mask.tolist()


def test_outside_the_mask_there_is_nothing() -> None:
    assert not component_at(np.asarray([[[True, False]]]), (0, 0, 1)).any()
