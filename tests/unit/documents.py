"""Documents for users, in pieces that tests compare with the software."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def section(document, heading):
    """What stands under a heading, up to the next one of its rank or above."""
    text = (DOCS / document).read_text(encoding="utf-8")
    rank = heading.split()[0]
    (found,) = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(rank)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found


def rows(text, *columns):
    """The rows of the table with these columns, as cells without backticks."""
    head = rf"^\| {re.escape(' | '.join(columns))} \|\n\|[-:| ]+\|\n((?:\|.*\|\n)+)"
    (body,) = re.findall(head, text, re.MULTILINE)
    return [[cell.strip().replace("`", "") for cell in line[1:-1].split("|")] for line in body.splitlines()]


def block(text):
    """The lines of the first block of code."""
    return re.search(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL).group(1).splitlines()
