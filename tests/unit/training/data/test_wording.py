import pytest

from config.vocabulary import vocabulary
from training.data.wording import ct_finding_meant, leaf_meant


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("L083", "right upper lobe apical segment (S1)"),
        (" l083 ", "right upper lobe apical segment (S1)"),
        ("Left Kidney", "left kidney"),
        ("kidney, left", "left kidney"),
        ("mass in the left kidney, SUVmax 8.4, 12 mm", "left kidney"),
        ("third thoracic vertebra", "T3 vertebra"),
        ("right rib 5", "right fifth rib"),
        ("left axillary level II lymph nodes", "left axillary level II node"),
        ("4R lymph node", "lower paratracheal node (station 4R)"),
        ("right lower lobe superior segment", "right lower lobe superior segment (S6)"),
    ],
)
def test_words_mean_a_leaf(text: str, name: str) -> None:
    leaf = leaf_meant(text)
    assert leaf is not None
    assert leaf.name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "L999",
        "kidney",  # which one?
        "node beside the left kidney",
        "left kidney and right kidney",
        "left T3 vertebra and T4 vertebra",
        "upper paratracheal node",  # 2R or 2L?
    ],
)
def test_words_that_could_mean_several_leaves_or_none_mean_none(text: str) -> None:
    assert leaf_meant(text) is None


def test_every_leaf_is_meant_by_its_id_and_by_its_name() -> None:
    for leaf in vocabulary():
        assert leaf_meant(leaf.id) is leaf
        assert leaf_meant(leaf.name) is leaf


def test_ct_findings_are_told_whatever_their_case_and_hyphens() -> None:
    assert ct_finding_meant("Mixed lytic sclerotic") == "mixed lytic-sclerotic"
    assert ct_finding_meant("no CT correlate") == "no CT correlate"
    assert ct_finding_meant("spiculated nodule") is None
    assert ct_finding_meant("") is None
