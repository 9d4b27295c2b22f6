"""The schema of DICOM audit messages (PS3.15 Section A.5.1)."""

from functools import cache
from pathlib import Path

from lxml import etree


@cache
def schema():
    return etree.RelaxNG.from_rnc_string(Path(__file__).with_name("audit_message.rnc").read_text(encoding="utf-8"))


def validated(xml):
    """The parsed message; fails where it breaks the schema."""
    message = etree.fromstring(xml)
    schema().assertValid(message)
    return message
