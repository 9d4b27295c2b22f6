import re
from pathlib import Path

import pytest

from dicom_io.check.fault import Rule, Scope

DOCUMENT = Path(__file__).parents[4] / "docs" / "check.md"
OF_WHOM = {Scope.STANDARD: "everybody", Scope.NODE: "this node"}


def rows() -> dict[str, tuple[str, str, str]]:
    found = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {code: (meaning, section, of_whom) for code, meaning, section, of_whom in found}


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_is_documented_word_for_word(rule: Rule) -> None:
    assert rows()[rule.value] == (rule.meaning, rule.section, OF_WHOM[rule.scope])


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert set(rows()) == {rule.value for rule in Rule}


def test_codes_are_the_members_names_in_kebab_case() -> None:
    assert [rule.value for rule in Rule] == [rule.name.lower().replace("_", "-") for rule in Rule]
