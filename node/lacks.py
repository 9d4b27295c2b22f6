"""What workers lack that they need to analyse with, told to the node's monitors by a file of each."""

import json
from pathlib import Path

from config.reasons import Reason, Remark
from node.spool import Spool


def tell(spool: Spool, worker: int, remark: Remark | None) -> None:
    """The worker of a number lacks something; with None, nothing any more."""
    file = _file(spool, worker)
    if remark is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps([remark.reason.name, remark.detail]))
    draft.replace(file)


def told(spool: Spool, worker: int) -> Remark | None:
    """What the worker of a number lacks."""
    try:
        name, detail = json.loads(_file(spool, worker).read_text())
    except (OSError, ValueError):  # there is none, the spool is away, or a power cut left half of it
        return None
    return Remark(Reason[name], detail)


def _file(spool: Spool, worker: int) -> Path:
    return spool.own / "lacks" / f"{worker}.json"
