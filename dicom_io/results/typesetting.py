"""Typesetting: a page description and what it says become a PDF, in any script and always the same."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst

_FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


def typeset(template: str, report: Mapping[str, Any], pictures: Mapping[str, bytes], moment: datetime) -> bytes:
    """A PDF/A-2b file; a plain PDF where a character that no font has must be printed, as a box.

    Parameters
    ----------
    template
        Name of a Typst file beside this one, which reads ``report.json`` and the pictures.
    report
        What it says, in JSON types.
    pictures
        Image files by name.
    moment
        What the file takes for the date of its creation.
    """
    with TemporaryDirectory() as folder, as_file(files("dicom_io.results") / template) as page:
        root = Path(folder)
        (root / template).write_bytes(page.read_bytes())
        (root / "report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
        for name, content in pictures.items():
            (root / name).write_bytes(content)
        compiler = typst.Compiler(root / template, root=root, font_paths=_fonts())
        timestamp = moment.replace(tzinfo=UTC)
        try:
            made = compiler.compile(format="pdf", timestamp=timestamp, pdf_standards="a-2b")
        except typst.TypstError:
            made = compiler.compile(format="pdf", timestamp=timestamp)
    if not isinstance(made, bytes):
        raise TypeError(f"Typst gave {type(made).__name__} for a PDF; expected bytes.")
    return made


def families(preferred: str = "Noto Sans CJK JP") -> Sequence[str]:
    """Font families, Latin first, then every other script's; of those for Han characters the preferred one first."""
    found = _fonts().families()
    return sorted(
        (family for family in found if "Emoji" not in family),
        key=lambda family: (family != "Noto Sans", "CJK" in family, family != preferred, family),
    )


@cache
def _fonts() -> typst.Fonts:
    folders = [str(files(package)) for package in _FONT_PACKAGES]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
