"""Child processes that must always run: started, watched, restarted with back-off, stopped in order."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from config.reasons import Reason

log = structlog.get_logger()

_SPAWN = multiprocessing.get_context("spawn")
_FIRST_RESTART_S = 0.5
_LAST_RESTART_S = 30.0
_STABLE_AFTER_S = 60.0
_AFTER_ERROR_S = 2.0


@dataclass
class Child:
    """A role that runs in a process of its own. ``died`` is called before a restart, again if it raised.

    ``failures``: deaths in a row, soon after the start; ``deaths``: all.
    """

    name: str
    run: Callable[..., None]
    arguments: tuple[object, ...]
    died: Callable[[], None]
    process: multiprocessing.process.BaseProcess | None = None
    failures: int = 0
    deaths: int = 0
    started_at: float = 0.0
    restart_at: float = 0.0

    def process_id(self) -> int:
        """0 while there is no process."""
        process = self.process
        return 0 if process is None else process.pid or 0

    def start(self) -> None:
        self.process = _SPAWN.Process(target=_run_role, args=(self.run, os.getpid(), *self.arguments), name=self.name)
        self.process.start()
        self.started_at = time.monotonic()
        log.info("process started", role=self.name, process_id=self.process.pid)


class Supervisor:
    """Keeps its children running until it is stopped."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children

    def start(self) -> None:
        for child in self.children:
            child.start()

    def check(self) -> None:
        """Notice children that died and restart them when their back-off has passed."""
        for child in self.children:
            if child.process is not None and not child.process.is_alive():
                self._bury(child)
            if child.process is None and time.monotonic() >= child.restart_at:
                child.start()

    def stop(self, grace_s: float) -> None:
        """Ask every child to end after its current step; kill those that do not within ``grace_s``."""
        processes = [child.process for child in self.children if child.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + grace_s
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                log.warning("process killed", process_id=process.pid)
                process.kill()
                process.join()

    def _bury(self, child: Child) -> None:
        process = child.process
        assert process is not None
        child.died()
        stable = time.monotonic() - child.started_at > _STABLE_AFTER_S
        child.failures = 0 if stable else child.failures + 1
        child.deaths += 1
        delay_s = min(_LAST_RESTART_S, _FIRST_RESTART_S * 2**child.failures)
        log.error(
            "process died", role=child.name, process_id=process.pid, exit_code=process.exitcode, restart_in_s=delay_s
        )
        child.process, child.restart_at = None, time.monotonic() + delay_s


def repeat(step: Callable[[], bool], pause_s: float, stopping: Callable[[], bool]) -> None:
    """Call ``step`` until stopping; pause after a step that found nothing to do, longer after one that failed.

    A step leaves nothing half done when it fails, so the next one may find the database back, or the disk emptier.
    """
    while not stopping():
        try:
            idle = not step()
        except Exception:  # the boundary of a role: logged with its trace, tried again
            with contextlib.suppress(OSError):  # of a log that can't be written
                log.exception("step failed", reason=Reason.INTERNAL_ERROR)
            time.sleep(_AFTER_ERROR_S)
        else:
            if idle:
                time.sleep(pause_s)


def _run_role(run: Callable[..., None], parent_process_id: int, *arguments: object) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent_process_id,), daemon=True).start()
    run(stop.is_set, *arguments)


def _end_with_parent(parent_process_id: int) -> None:
    while os.getppid() == parent_process_id:
        time.sleep(1.0)
    os._exit(1)
