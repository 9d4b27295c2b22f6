"""Where docs/air.md points to, there is something."""

import re
from pathlib import Path

import pytest

from dicom_io.check.fault import Rule
from tests.unit.documents import rows, section

ROOT = Path(__file__).parents[2]
COLUMNS = ("AIR", "wants", "met", "where in the code", "test")
TABLES = [row for heading in ("## Content", "## Transactions") for row in rows(section("air.md", heading), *COLUMNS)]
FILES = sorted({path for row in TABLES for path in row[3].split(", ") if path})
TESTS = sorted({name for row in TABLES for name in row[4].split(", ") if name})


@pytest.mark.parametrize("path", FILES)
def test_code_is_where_it_says(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", TESTS)
def test_tests_are_where_it_says(name):
    path, _, function = name.partition("::")
    assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_what_is_met_is_tested():
    assert not [row[:2] for row in TABLES if row[2].startswith(("yes", "partly")) and not (row[3] and row[4])]


def test_the_rules_that_it_names_exist():
    (sentence,) = re.findall(r"rules `([a-z-]+)` and `([a-z-]+)`", section("air.md", "## Content"))
    assert set(sentence) <= set(Rule)
