import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

from training.location.contrastive import Negatives, info_nce, pair_up, symmetric_info_nce  # noqa: E402


def similarities() -> "torch.Tensor":
    """Three images, the first and the last of class 0, the second of class 2, against four texts."""
    return torch.tensor([[0.9, 0.8, 0.2, 0.95], [0.1, 0.3, 0.4, 0.35], [0.5, 0.45, 0.6, 0.1]])


CLASSES = (0, 2, 0)


def test_info_nce_is_what_numpy_says_with_all_negatives() -> None:
    pairing = pair_up(similarities(), torch.tensor(CLASSES), torch.eye(4), Negatives.ALL)
    loss = symmetric_info_nce(similarities(), pairing, torch.tensor(0.5))
    scores = similarities().numpy().astype(np.float64) / 0.5
    forward = [-np.log(np.exp(row[each]) / np.exp(row).sum()) for row, each in zip(scores, CLASSES, strict=True)]
    first = [-np.log(np.exp(scores[i, 0]) / (np.exp(scores[i, 0]) + np.exp(scores[1, 0]))) for i in (0, 2)]
    third = -np.log(np.exp(scores[1, 2]) / np.exp(scores[:, 2]).sum())
    backward = [np.mean(first), third]
    assert float(loss) == pytest.approx((np.mean(forward) + np.mean(backward)) / 2.0, rel=1e-5)


def test_images_of_one_class_are_not_pushed_apart_by_its_text() -> None:
    pairing = pair_up(similarities(), torch.tensor(CLASSES), torch.eye(4), Negatives.ALL)
    assert pairing.positive[:, 0].tolist() == [True, False, True]
    assert pairing.negative[:, 0].tolist() == [False, True, False]


def test_mined_negatives_lie_above_the_positive_or_within_the_margin_below_it() -> None:
    pairing = pair_up(similarities(), torch.tensor(CLASSES), torch.eye(4), Negatives.SEMI_HARD)
    assert pairing.negative.tolist() == [
        [False, True, False, True],  # above 0.9 − 0.2: 0.8 and 0.95
        [False, True, False, True],  # above 0.4 − 0.2: 0.3 and 0.35
        [False, True, True, False],  # above 0.5 − 0.2: 0.45 and 0.6
    ]


def test_a_text_too_similar_to_the_right_one_is_no_negative() -> None:
    texts = torch.eye(4)
    texts[0, 1] = texts[1, 0] = 0.95
    pairing = pair_up(similarities(), torch.tensor(CLASSES), texts, Negatives.SEMI_HARD)
    assert not pairing.negative[0, 1]
    assert pairing.negative[1, 1]


def test_an_image_without_mined_negatives_takes_all_that_are_allowed() -> None:
    sure = torch.tensor([[0.9, 0.1, 0.2, 0.3]])
    texts = torch.eye(4)
    texts[0, 3] = texts[3, 0] = 0.95
    pairing = pair_up(sure, torch.tensor([0]), texts, Negatives.SEMI_HARD)
    assert pairing.negative.tolist() == [[False, True, True, False]]


def test_random_negatives_are_as_many_as_mined_ones_and_never_positive() -> None:
    torch.manual_seed(0)
    mined = pair_up(similarities(), torch.tensor(CLASSES), torch.eye(4), Negatives.SEMI_HARD)
    drawn = pair_up(similarities(), torch.tensor(CLASSES), torch.eye(4), Negatives.RANDOM)
    assert drawn.negative.sum(dim=1).tolist() == mined.negative.sum(dim=1).tolist()
    assert not (drawn.negative & drawn.positive).any()


def test_a_row_without_negatives_costs_nothing_and_has_a_gradient_of_zero() -> None:
    logits = torch.tensor([[3.0, 1.0]], requires_grad=True)
    loss = info_nce(logits, torch.tensor([[True, False]]), torch.tensor([[False, False]]))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, 0.0]]
