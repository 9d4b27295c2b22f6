"""What a PDF holds."""

import re
import zlib


def streams(pdf):
    """The uncompressed streams of a PDF."""
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            yield zlib.decompress(found[1])
        except zlib.error:
            yield found[1]


def characters(pdf):
    """All characters that the PDF maps its glyphs to, by its ToUnicode maps (ISO 32000 Section 9.10.3)."""
    found = set()
    for stream in streams(pdf):
        if b"beginbfchar" in stream or b"beginbfrange" in stream:
            for target in re.findall(rb"<[0-9A-Fa-f]+>\s*<([0-9A-Fa-f]+)>", stream):
                found.update(bytes.fromhex(target.decode()).decode("utf-16-be", "ignore"))
    return found


def pages(pdf):
    return sum(len(re.findall(rb"/Type\s*/Page\b(?!s)", part)) for part in (pdf, *streams(pdf)))
