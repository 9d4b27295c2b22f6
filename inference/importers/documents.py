"""Documents: JSON that describes a model, read with care."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.reasons import Reason, Refused

_LARGEST = 64 * 2**20


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING``, ``BUNDLE_MALFORMED``.
    """
    if not path.is_file():
        raise Refused(Reason.BUNDLE_FILE_MISSING, f"{path} does not exist.")
    if path.stat().st_size > _LARGEST:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} is larger than 64 MiB.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: {error}.") from error
    if not isinstance(content, dict):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} holds no JSON object.")
    return content


def wanted(document: Mapping[str, Any], key: str, where: str) -> Any:
    """What a document must have under a key; raises Refused with ``BUNDLE_MALFORMED`` if it doesn't."""
    if key not in document:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{where} has no {key!r}.")
    return document[key]
