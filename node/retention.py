"""Retention: received instances of studies that are settled or expired are deleted, if the settings say so.

Files of results that a killed process left half written go whatever the settings say: nobody will ever read them.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog

from config.settings import Settings
from db.retention import (
    ExpiredFile,
    Policy,
    delete_files,
    expire_rejected,
    expire_study,
    expired_files,
    forget_files,
)
from db.session import IDLE_TIMEOUT_MS, Database
from db.states import StudyState
from dicom_io.durable import sync_path
from node.result_files import remove_parts
from node.spool import Spool

log = structlog.get_logger()

_LOOK_EVERY = timedelta(minutes=10)
_HALF_WRITTEN_FOR = timedelta(days=1)
_STUDIES_A_LOOK = 100
_DELETE_WITHIN_S = IDLE_TIMEOUT_MS / 2000
"""A process that was stopped for so long must not go on: the server may have given its transaction up."""


class Retention:
    """Deletes one study's instances a step, while no node takes in an instance whose file could be one of these."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        settings: Settings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings.retention
        self._clock = clock
        self._monotonic = monotonic
        self._look_at = clock()
        self._studies: Iterator[Path] = iter(())

    def step(self) -> bool:
        """Delete what was let go, else let the next go; False if there is nothing, or it is not yet time to look."""
        if self._clock() < self._look_at:
            return False
        if self._delete() or self._let_go():
            return True
        self._remove_half_written()
        self._look_at = self._clock() + _LOOK_EVERY
        return False

    def _let_go(self) -> bool:
        if self._settings.settled_days is None and self._settings.expired_days is None:
            return False
        now = self._clock()
        before = _before(now, self._settings.expired_days)
        committed = {StudyState.COMMITTED}
        settled = committed if self._settings.settled_when == "committed" else committed | {StudyState.DELIVERED}
        policy = Policy(frozenset(settled), _before(now, self._settings.settled_days), before)
        with self._database.transaction() as session:
            study_uid = expire_study(session, policy, now)
            rejected = expire_rejected(session, before, now) if before is not None else 0
        if study_uid is not None:
            log.info("received instances let go", study=study_uid)
        if rejected:
            log.info("rejected instances let go", count=rejected)
        return study_uid is not None or rejected > 0

    def _delete(self) -> bool:
        with self._database.reading() as session:
            if not expired_files(session):
                return False
        with self._database.transaction() as session:
            delete_files(session)
            deadline = self._monotonic() + _DELETE_WITHIN_S
            gone: list[ExpiredFile] = []
            for file in expired_files(session):
                if self._monotonic() > deadline:
                    break
                if not file.shared:
                    (self._spool.folder / file.path).unlink(missing_ok=True)
                gone.append(file)
            paths = [self._spool.folder / file.path for file in gone if not file.shared]
            for folder in {path.parent for path in paths} - {self._spool.rejected}:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
            for folder in {path.parent for path in paths}:
                sync_path(folder if folder.is_dir() else folder.parent)
            forget_files(session, gone)
        return True

    def _remove_half_written(self) -> None:
        """In the folders of the next few studies, so that no look takes long; after the last comes the first again."""
        before = self._clock() - _HALF_WRITTEN_FOR
        studies = list(islice(self._studies, _STUDIES_A_LOOK))
        if not studies:
            self._studies = (self._spool.folder / "results").iterdir()
            studies = list(islice(self._studies, _STUDIES_A_LOOK))
        count = sum(remove_parts(study, before) for study in studies)
        if count:
            log.info("half written results removed", count=count)


def _before(now: datetime, days: float | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)
