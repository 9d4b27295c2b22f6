"""A worker: claims a complete study, analyses it, records the report. One process, one study at a time."""

import faulthandler
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog
from pydicom import Dataset
from sqlalchemy.orm import Session

from config.profiles import with_substitutes
from config.reasons import Reason, Refused, Remark
from config.result_kind import ResultKind
from config.settings import Settings
from db.earlier import predecessors, prior_reports
from db.reports import Recorded, keep_report, record_report
from db.session import Database
from db.work import Claimed, claim_study, put_back, release_claim_failed
from dicom_io.reading.files import read_header
from inference.engines.guard import memory_errors
from node.analysis import GENERAL_KINDS, Revision, analyse_inputs, choose_inputs, settings_digest
from node.compute import Compute, Unavailable
from node.earlier import documents, latest_prior
from node.follow_up import keep_for_follow_up
from node.lacks import tell
from node.names import worker_name
from node.postponed import Postponed
from node.records import report_records, result_records, wanted
from node.refusals import Refusals
from node.result_files import write_objects
from node.spool import Spool, sync
from node.trouble import is_of_machine, reason_of

log = structlog.get_logger()

_RETRY_AFTER = timedelta(seconds=5)


class Worker:
    """Analyses studies that are complete, and leaves them to others while it has nothing to analyse them with.

    The lease of a study lasts as long as an analysis may. When it runs out the process ends itself, even if it hangs
    in compiled code, and the supervisor gives the study back to the queue.

    An attempt that failed because a disk or the database did not answer does not count. It is made again less and less
    often, every five minutes at last, for as long as that takes.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        settings: Settings,
        compute: Compute,
        clock: Callable[[], datetime],
        number: int = 1,
    ) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings
        self._compute = compute
        self._clock = clock
        self._refusals = Refusals(database, spool, settings, clock)
        self._kinds = _kinds(settings)
        self._owner = worker_name(settings, number)
        self._number = number
        self._unreleased = False
        self._postponed = Postponed[str](clock)
        self._lacks: Remark | None = None
        tell(spool, number, None)
        self._asks_again_at = clock()

    def step(self) -> bool:
        """Analyse one study; False if none is waiting, or none can be analysed at the moment."""
        if not self._can_compute():
            return False
        timeout_s = self._settings.analysis.timeout_s
        unreleased, self._unreleased = self._unreleased, True
        with self._database.transaction() as session:
            if unreleased:
                found = "The database did not answer when the analysis ended."
                self._put_back(session, Reason.DATABASE_UNREACHABLE, found, self._clock())
            claim = claim_study(session, self._owner, timeout_s, self._clock())
        self._unreleased = claim is not None
        if claim is None:
            return False
        faulthandler.dump_traceback_later(timeout_s, exit=True)
        try:
            self._analyse(claim)
        except Exception as error:
            if not is_of_machine(error):
                raise
            self._wait_for_machine(claim, error)
        finally:
            faulthandler.cancel_dump_traceback_later()
        self._unreleased = False
        return True

    def _can_compute(self) -> bool:
        if self._clock() < self._asks_again_at:
            return False
        try:
            self._compute.ready()
        except (Unavailable, Refused) as why:
            if why.remark != self._lacks:
                log.warning("nothing can be analysed", reason=why.remark.reason, detail=why.remark.detail)
                tell(self._spool, self._number, why.remark)
            self._lacks = why.remark
            self._asks_again_at = self._clock() + _RETRY_AFTER
            return False
        if self._lacks is not None:
            log.info("studies can be analysed again")
            tell(self._spool, self._number, None)
        self._lacks = None
        return True

    def _analyse(self, claim: Claimed) -> None:
        """To the end, good or bad; raises trouble of the machine."""
        events = log.bind(study=claim.study_uid, revision=claim.revision, attempt=claim.attempt)
        events.info("analysis started")
        try:
            with memory_errors():
                recorded = self._report(claim)
        except Refused as refused:
            self._refusals.reject(claim, refused.remark)
            events.warning("study rejected", reason=refused.reason, detail=refused.detail)
        except MemoryError as error:
            self._release(claim, Reason.OUT_OF_MEMORY, str(error) or "An allocation failed.")
            events.exception("analysis failed", reason=Reason.OUT_OF_MEMORY)
        except Unavailable as why:
            self._release(claim, why.remark.reason, why.remark.detail)
            events.warning("analysis failed", reason=why.remark.reason, detail=why.remark.detail)
        except Exception as error:
            if is_of_machine(error):
                raise
            self._release(claim, Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
            events.exception("analysis failed", reason=Reason.INTERNAL_ERROR)
        else:
            self._postponed.succeeded(claim.study_uid)
            if recorded is Recorded.QUARANTINED:
                events.error("report quarantined", reason=Reason.RESULT_NOT_CONFORMANT)
            else:
                events.info("report recorded")

    def _report(self, claim: Claimed) -> Recorded:
        headers = [self._header(instance.path) for series in claim.series for instance in series.instances]
        with self._database.reading() as session:
            replaced = predecessors(session, claim.study_uid, claim.revision)
            prior = latest_prior(prior_reports(session, claim.study_uid), self._spool)
        inputs = choose_inputs(headers, self._settings)
        if prior is not None:
            inputs = inputs.after(result.sop_instance_uid for result in prior.results)
        digest = settings_digest(self._settings, self._compute)
        with self._database.transaction() as session:
            if keep_report(session, claim, inputs.digest, digest, version("uptake"), self._clock()):
                return Recorded.ALREADY
        revision = Revision(
            number=claim.revision,
            predecessor=documents((*replaced, *(prior.results if prior else ())), self._spool),
            prior=self._spool.result_folder(prior.study_uid, prior.revision) if prior else None,
        )
        outcome = analyse_inputs(inputs, self._settings, self._compute, kinds=self._kinds, revision=revision)
        folder = self._spool.result_folder(claim.study_uid, claim.revision)
        files = write_objects(outcome.objects, folder)
        kept = keep_for_follow_up(outcome.context, folder)
        sync(folder, [*files, *([kept] if kept else [])])
        report, findings = report_records(outcome)
        results = result_records(outcome.objects, files, self._spool, outcome.sources)
        with self._database.transaction() as session:
            return record_report(session, claim, report, findings, results, wanted(self._settings), self._clock())

    def _header(self, path: str) -> Dataset:
        return read_header(self._spool.folder / path)

    def _wait_for_machine(self, claim: Claimed, error: Exception) -> None:
        """Put the study back; to be called where an exception is handled, which is logged once a cause."""
        is_news, reason = self._postponed.put_off(claim.study_uid, error), reason_of(error)
        retry_at = self._postponed.due_at(claim.study_uid)
        log.error("analysis put off", exc_info=is_news, study=claim.study_uid, reason=reason, retry_at=str(retry_at))
        with self._database.transaction() as session:
            self._put_back(session, reason, f"{type(error).__name__}: {error}", retry_at)

    def _put_back(self, session: Session, reason: Reason, detail: str, retry_at: datetime) -> None:
        put_back(session, self._owner, reason, detail, self._clock(), retry_at=retry_at)

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


def _kinds(settings: Settings) -> tuple[ResultKind, ...]:
    """What is made of every study: all that a destination wants, and all that may have to stand for it."""
    wants = [settings.kinds_for(destination) for destination in settings.destinations] or [GENERAL_KINDS]
    return with_substitutes(kind for kinds in wants for kind in kinds)
