"""What is logged is one event a line, whatever came from outside."""

import json
import subprocess
import sys

import pytest

HOSTILE = "PACS\n2026-01-01 [info] all is well\x1b[2J\x07"


def logged(code: str, form: str) -> list[str]:
    """What a program logs; it begins with ``log`` and ``HOSTILE`` in hand."""
    before = (
        "import structlog, warnings; from config.settings import Logging; from node.log import configure; "
        f"configure(Logging(format={form!r})); log = structlog.get_logger(); HOSTILE = {HOSTILE!r}; "
    )
    done = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_a_peer_calls_itself_makes_no_line_and_no_escape_of_its_own(form: str) -> None:
    (line,) = logged("log.warning('refused', calling_ae=HOSTILE)", form)
    assert "all is well" in line
    assert line.isprintable()


def test_a_traceback_keeps_its_lines() -> None:
    (line,) = logged("\ntry: 1 / 0\nexcept ZeroDivisionError: log.exception('failed')", "json")
    assert json.loads(line)["exception"].splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_warnings_of_libraries_which_quote_values_are_not_shown() -> None:
    assert logged("warnings.warn('Invalid value for PN: Doe^Jane'); log.info('on')", "console")[0].endswith("on")
