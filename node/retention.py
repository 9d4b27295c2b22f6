"""Retention: received instances of studies that are settled or expired are deleted, if the settings say so."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from config.settings import Settings
from db.retention import Policy, expire_rejected, expire_study, expired_files, forget_files
from db.session import Database
from db.states import StudyState
from dicom_io.durable import sync_path
from node.spool import Spool

log = structlog.get_logger()

_LOOK_EVERY = timedelta(minutes=10)


class Retention:
    """Deletes one study's instances a step. To be called by the thread that does intake.

    So no instance is being taken in while its file of the same content is deleted.
    """

    def __init__(self, database: Database, spool: Spool, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings.retention
        self._clock = clock
        self._look_at = clock()

    def step(self) -> bool:
        """Delete what was let go, else let the next go; False if there is nothing, or it is not yet time to look."""
        if self._clock() < self._look_at:
            return False
        if self._delete() or self._let_go():
            return True
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
            files = expired_files(session)
        if not files:
            return False
        paths = [self._spool.folder / file.path for file in files if not file.shared]
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in paths} - {self._spool.rejected}:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        for folder in {path.parent for path in paths}:
            sync_path(folder if folder.is_dir() else folder.parent)
        with self._database.transaction() as session:
            forget_files(session, files)
        return True


def _before(now: datetime, days: float | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)
