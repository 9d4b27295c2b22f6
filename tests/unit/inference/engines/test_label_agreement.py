import numpy as np
import pytest
from numpy.typing import NDArray

from inference.engines.label_agreement import LabelAgreement, OutputAgreement, label_agreement, marks_of

SIDE = 24


def labels(*boxes: tuple[int, slice]) -> NDArray[np.uint16]:
    """Slabs of labels along the first axis of a cube, 576 voxels a slice."""
    values = np.zeros((SIDE, SIDE, SIDE), dtype=np.uint16)
    for label, where in boxes:
        values[where] = label
    return values


def agreement(reference: NDArray[np.uint16], reduced: NDArray[np.uint16], outputs: int = 3) -> LabelAgreement:
    return label_agreement([(reference, reduced)], outputs, regions=False)


def test_the_same_labels_agree() -> None:
    found = agreement(labels((1, slice(0, 4))), labels((1, slice(0, 4))))
    assert (found.dice, found.objection) == (1.0, "")
    assert found.outputs[0] == OutputAgreement(reference=2304, reduced=2304, common=2304, unmatched=0)


def test_dice_is_twice_what_is_common_over_the_sum() -> None:
    found = agreement(labels((1, slice(0, 4))), labels((1, slice(0, 5))))
    assert found.dice == pytest.approx(2 * 4 / (4 + 5))
    assert "must reach 0.999" in found.objection


def test_a_voxel_of_another_class_does_not_agree() -> None:
    assert agreement(labels((1, slice(0, 4))), labels((2, slice(0, 4)))).dice == 0.0


def test_windows_count_together() -> None:
    large, small = labels((1, slice(0, 8))), labels((1, slice(0, 2)))
    found = label_agreement([(large, large), (small, labels())], 2, regions=False)
    assert found.windows == 2
    assert found.dice == pytest.approx(2 * 8 / (8 + 8 + 2))


@pytest.mark.parametrize("swapped", [False, True], ids=["lost", "new"])
def test_a_lesion_in_one_precision_only_is_an_objection_however_large_the_others_are(swapped: bool) -> None:
    one = labels((1, slice(0, 20)))
    other = one.copy()
    other[22, 5, 5:16] = 1
    found = agreement(other, one) if swapped else agreement(one, other)
    assert found.dice > 0.999
    assert found.objection == "1 components are marked in one precision only"


def test_a_few_voxels_in_one_precision_only_are_none() -> None:
    one = labels((1, slice(0, 20)))
    other = one.copy()
    other[22, 5, 5:15] = 1
    assert agreement(one, other).objection == ""


def test_a_small_class_must_keep_its_volume() -> None:
    one = labels((1, slice(0, 20)))
    one[22, :2, :] = 2
    other = one.copy()
    other[22, 0, :11] = 0
    found = agreement(one, other)
    assert found.dice > 0.999
    assert "volume differs" in found.objection


def test_too_little_to_tell_from_is_an_objection() -> None:
    nearly = labels()
    nearly[0, 0, :SIDE] = 1
    assert "fewer than 1000" in agreement(nearly, nearly).objection
    assert "fewer than 1000" in agreement(labels(), labels()).objection


def test_the_largest_logit_marks_a_class() -> None:
    logits = np.array([[2.0, 0.0, 0.0], [1.0, 3.0, 0.5], [0.0, 1.0, 0.7]], dtype=np.float32)
    assert marks_of(logits, regions=False).tolist() == [0, 1, 2]


def test_a_positive_logit_marks_a_region() -> None:
    logits = np.array([[2.0, -1.0], [1.0, 3.0]], dtype=np.float32)
    assert marks_of(logits, regions=True).tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize("regions", [False, True])
def test_what_is_not_finite_marks_nothing(regions: bool) -> None:
    assert not marks_of(np.array([[1.0, 0.0], [2.0, np.nan]], dtype=np.float32), regions=regions).any()


def test_regions_are_compared_one_by_one() -> None:
    whole, core = np.zeros((SIDE,) * 3, dtype=np.bool_), np.zeros((SIDE,) * 3, dtype=np.bool_)
    whole[:10], core[:3] = True, True
    found = label_agreement([(np.stack([whole, core]), np.stack([whole, core]))], 2, regions=True)
    assert [output.reference for output in found.outputs] == [5760, 1728]
    assert found.objection == ""
