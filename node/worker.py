"""The worker: claims a complete study, analyses it, records the report. One process, one study at a time."""

import faulthandler
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog
from pydicom import Dataset, dcmread

from config.reasons import Reason, Refused
from config.settings import Settings
from db.reports import keep_report, predecessors, record_report
from db.session import Database
from db.work import Claimed, claim_study, reject, release_claim_failed
from dicom_io.identity import ResultReference
from dicom_io.reading.files import read_header
from inference.engines.guard import memory_errors
from node.analysis import Revision, analyse_inputs, choose_inputs, settings_digest, write_objects
from node.models import Models
from node.names import worker_name
from node.records import report_records
from node.spool import Spool, sync

log = structlog.get_logger()

_RETRY_AFTER = timedelta(seconds=5)


class Worker:
    """Analyses studies that are complete.

    The lease of a study lasts as long as an analysis may. When it runs out the process ends itself, even if it hangs
    in compiled code, and the supervisor gives the study back to the queue.
    """

    def __init__(
        self, database: Database, spool: Spool, settings: Settings, models: Models, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings
        self._models = models
        self._clock = clock
        self._owner = worker_name(settings)

    def step(self) -> bool:
        """Analyse one study; False if none is waiting."""
        timeout_s = self._settings.analysis.timeout_s
        with self._database.transaction() as session:
            claim = claim_study(session, self._owner, timeout_s, self._clock())
        if claim is None:
            return False
        faulthandler.dump_traceback_later(timeout_s, exit=True)
        try:
            self._analyse(claim)
        finally:
            faulthandler.cancel_dump_traceback_later()
        return True

    def _analyse(self, claim: Claimed) -> None:
        events = log.bind(study=claim.study_uid, revision=claim.revision, attempt=claim.attempt)
        events.info("analysis started")
        try:
            with memory_errors():
                self._report(claim)
        except Refused as refused:
            with self._database.transaction() as session:
                reject(session, claim, refused.reason, refused.detail, self._clock())
            events.warning("study rejected", reason=refused.reason, detail=refused.detail)
        except MemoryError as error:
            self._release(claim, Reason.OUT_OF_MEMORY, str(error) or "An allocation failed.")
            events.exception("analysis failed", reason=Reason.OUT_OF_MEMORY)
        except Exception as error:
            self._release(claim, Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
            events.exception("analysis failed", reason=Reason.INTERNAL_ERROR)
        else:
            events.info("report recorded")

    def _report(self, claim: Claimed) -> None:
        headers = [self._header(instance.path) for series in claim.series for instance in series.instances]
        inputs = choose_inputs(headers, self._settings)
        digest = settings_digest(self._settings, self._models)
        with self._database.transaction() as session:
            if keep_report(session, claim, inputs.digest, digest, version("uptake"), self._clock()):
                return
        with self._database.reading() as session:
            replaced = predecessors(session, claim.study_uid, claim.revision)
        revision = Revision(claim.revision, tuple(self._reference(result.path) for result in replaced))
        outcome = analyse_inputs(inputs, self._settings, self._models, revision=revision)
        folder = self._spool.result_folder(claim.study_uid, claim.revision)
        files = write_objects(outcome.objects, folder)
        sync(folder, files)
        report, findings, results = report_records(outcome, files, self._spool)
        destinations = [destination.name for destination in self._settings.destinations]
        with self._database.transaction() as session:
            record_report(session, claim, report, findings, results, destinations, self._clock())

    def _header(self, path: str) -> Dataset:
        return read_header(self._spool.folder / path)

    def _reference(self, path: str) -> ResultReference:
        return ResultReference.of(dcmread(self._spool.folder / path, stop_before_pixels=True))

    def _release(self, claim: Claimed, reason: Reason, detail: str) -> None:
        now = self._clock()
        with self._database.transaction() as session:
            release_claim_failed(
                session,
                claim,
                reason,
                detail,
                now,
                maximum_attempts=self._settings.analysis.maximum_attempts,
                retry_at=now + _RETRY_AFTER,
            )
