import pickle
import re
from pathlib import Path

import pytest

from config.reasons import Reason, Refused

DOCUMENT = Path(__file__).parents[3] / "docs" / "reasons.md"


def documented_rows() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {code: (meaning, action) for code, meaning, action in rows}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented_word_for_word(reason: Reason) -> None:
    assert documented_rows()[reason.value] == (reason.meaning, reason.action)


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert set(documented_rows()) == {reason.value for reason in Reason}


def test_codes_are_the_members_names_in_kebab_case() -> None:
    assert [reason.value for reason in Reason] == [reason.name.lower().replace("_", "-") for reason in Reason]


def test_a_refusal_says_what_was_found_and_what_to_do() -> None:
    refused = Refused(Reason.NO_DOSE, "Radionuclide Total Dose is 0.")
    assert str(refused) == "no-dose: Radionuclide Total Dose is 0. Enter the injected activity."


def test_a_refusal_crosses_a_process_boundary() -> None:
    refused = pickle.loads(pickle.dumps(Refused(Reason.SLICE_GAP, "2 slices at z = 30 mm")))
    assert (refused.reason, refused.detail) == (Reason.SLICE_GAP, "2 slices at z = 30 mm")
