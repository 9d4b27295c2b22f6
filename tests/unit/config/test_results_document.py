"""docs/results.md and docs/deployment.md say what may be set, and what comes of it."""

import re

from config.profiles import DISPENSABLE, SUBSTITUTES, Profile, kinds_of
from config.result_kind import ResultKind
from config.settings import Settings
from tests.unit.documents import rows, section

DOCUMENT = "results.md"


def kinds(cell):
    return tuple(ResultKind(name) for name in cell.split(", "))


def test_every_kind_is_told_of():
    told = rows(section(DOCUMENT, "## What there is"), "kind", "modality", "what it is", "where it shows")
    assert {kind for cell, *_ in told for kind in kinds(cell)} == set(ResultKind)


def test_profiles_ask_for_what_it_names():
    told = {
        row[0]: kinds(row[1]) for row in rows(section(DOCUMENT, "## Choosing a profile"), "profile", "kinds", "for")
    }
    assert told == {str(profile): kinds_of(profile) for profile in Profile}


def test_a_pacs_gets_what_it_names_instead():
    told = rows(section(DOCUMENT, "## What a PACS gets instead"), "instead of", "goes")
    assert {ResultKind(kind): kinds(instead) for kind, instead in told} == dict(SUBSTITUTES)


def test_it_names_what_is_left_out():
    (sentence,) = re.findall(r"^(`.*) are left out", section(DOCUMENT, "## What a PACS gets instead"), re.MULTILINE)
    assert {ResultKind(name) for name in re.findall("`([^`]+)`", sentence)} == DISPENSABLE


def settings():
    """Every setting by its name; a list of tables has those of one."""
    for part, field in Settings.model_fields.items():
        of = field.annotation
        for name in getattr(of, "model_fields", None) or of.__args__[0].model_fields:
            yield f"{part}.{name}"


def documented(setting, meaning):
    """``analysis.timeout_s, maximum_attempts`` names two settings of one part; ``destinations`` has its own told."""
    part, _, names = setting.partition(".")
    if not names:
        return {f"{part}.{name}" for name in re.findall("[a-z_]+", meaning)}
    return {name if "." in name else f"{part}.{name}" for name in setting.split(", ")}


def test_every_setting_is_documented_and_nothing_else_is():
    table = rows(section("deployment.md", "## Settings"), "setting", "default", "meaning")
    assert set().union(*(documented(setting, meaning) for setting, _, meaning in table)) == set(settings())
