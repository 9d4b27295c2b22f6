"""Records as values of the vocabulary."""

import pytest

from config.vocabulary import vocabulary
from training.evaluation.answered import answered_lesion, is_said_right, location_of
from training.evaluation.record import LesionRecord

KIDNEY = vocabulary().leaf("right kidney")


@pytest.mark.parametrize("side", ["", "R", "L"])
def test_every_entry_is_found_by_its_id(side: str) -> None:
    number = vocabulary().coarse_names.index("kidney") + 1
    entry = location_of(f"C{number:03d}{side}")
    assert (entry.coarse, entry.id) == ("kidney", f"C{number:03d}{side}")
    assert location_of(KIDNEY.id) is KIDNEY


def test_what_is_not_known_can_not_be_judged() -> None:
    assert answered_lesion(LesionRecord(1, None, None), ((KIDNEY.id, 0.9),)) is None


def test_location_and_finding_of_a_caption_are_right_by_themselves() -> None:
    lesion = LesionRecord(1, KIDNEY.id, "mass")
    assert is_said_right(lesion, ("right kidney", "nodule")) == (True, False)
    assert is_said_right(lesion, ("left kidney", "mass")) == (False, True)
    assert is_said_right(lesion, None) == (False, False)
