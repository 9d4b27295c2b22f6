"""A process of the node ends itself, as ``kill -9`` would, at a line that a plan names.

Python imports this module at the start of every process whose PYTHONPATH names this folder. ``KILL_PLAN`` is a file of
JSON: ``role``, the process's name; ``event``, what is counted there: "line", a line of the node's own code, "commit",
the last line before a transaction is committed that goes into the audit trail, as every change of a state does, or
"committed", the first one after; and ``number``, from 1, of the event at which the process ends. Whoever ends takes the
plan's file away before. ``KILL_COUNTS`` is a folder that gets the number of events of each role instead.
"""

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

_ROOT = Path(__file__).parents[3]
_OWN = tuple(str(_ROOT / package) + os.sep for package in ("node", "db", "dicom_io"))
_SESSION = str(_ROOT / "db" / "session.py")
_LAST_BEFORE_COMMIT = "audit.seal(session)"
_AUDITED = "audit events"


class Tracer:
    """Counts the events of this process; told a plan, ends the process when it is due."""

    def __init__(self, plan: Path | None, counts: Path | None) -> None:
        self._plan = plan
        self._wanted: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8")) if plan and plan.exists() else {}
        self._counts = counts
        self._seen: Counter[str] = Counter()
        self._sealed = threading.local()
        lines = Path(_SESSION).read_text(encoding="utf-8").splitlines()
        self._seal = next(number for number, line in enumerate(lines, 1) if line.strip() == _LAST_BEFORE_COMMIT)

    def call(self, frame: FrameType, event: str, argument: object) -> Any:
        return self.line if frame.f_code.co_filename.startswith(_OWN) else None

    def line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            name = frame.f_code.co_filename
            if name == _SESSION:
                if frame.f_lineno == self._seal and frame.f_locals["session"].info.get(_AUDITED):
                    self._sealed.yes = True
                    self._count("commit")
            elif getattr(self._sealed, "yes", False) and not name.endswith("audit.py"):
                self._sealed.yes = False
                self._count("committed")
            self._count("line")
        return self.line

    def _count(self, event: str) -> None:
        self._seen[event] += 1
        role = multiprocessing.current_process().name
        due = (self._wanted.get("role"), self._wanted.get("event")) == (role, event)
        if due and self._seen[event] == self._wanted["number"]:
            assert self._plan is not None
            self._plan.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if self._counts and (event != "line" or self._seen["line"] % 500 == 0):
            (self._counts / f"{role}.json").write_text(json.dumps(self._seen), encoding="utf-8")


def _folder(variable: str) -> Path | None:
    return Path(os.environ[variable]) if variable in os.environ else None


if "KILL_PLAN" in os.environ or "KILL_COUNTS" in os.environ:
    tracer = Tracer(_folder("KILL_PLAN"), _folder("KILL_COUNTS"))
    threading.settrace(tracer.call)
    sys.settrace(tracer.call)
