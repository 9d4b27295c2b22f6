"""Completeness: when a study has all that its analysis needs. Evidence first, timer last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from pydicom import Dataset

from config.reasons import Reason, Refused, Remark
from config.settings import Settings
from db.session import Database
from db.work import (
    Receiving,
    SeriesJudgement,
    judge_series,
    mark_complete,
    relevant_series,
    studies_receiving,
)
from dicom_io.reading.evidence import evidence, missing_slices
from dicom_io.reading.files import read_header
from dicom_io.reading.series import Series, choose_pair, group_series
from node.refusals import Refusals
from node.spool import Spool

log = structlog.get_logger()


@dataclass
class _Watched:
    """A study in intake: the headers read so far, and the arrival that was judged last."""

    headers: dict[str, Dataset] = field(default_factory=dict)
    judged: tuple[int, datetime, bool] | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Rejected for a reason, complete, or neither: then the study waits for more."""

    reason: Reason | None
    detail: str
    complete: bool = False


class Completeness:
    """Judges studies in intake.

    A study is judged when no open association brought any of it and the journal is empty. Proven complete, it goes to
    analysis at once. Otherwise it waits ``completeness.quiet_time_s`` for more; then what can be analysed is, and the
    rest is rejected with its reason.
    """

    def __init__(self, database: Database, spool: Spool, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._pet_only = settings.analysis.pet_only
        self._quiet_time = timedelta(seconds=settings.completeness.quiet_time_s)
        self._clock = clock
        self._refusals = Refusals(database, spool, settings, clock)
        self._watched: dict[str, _Watched] = {}

    def step(self) -> bool:
        """Judge every study that is due; False if none changed its state."""
        with self._database.reading() as session:
            receiving = studies_receiving(session)
        self._watched = {seen.study_uid: self._watched.get(seen.study_uid, _Watched()) for seen in receiving}
        return sum(self._judge(seen) for seen in receiving) > 0

    def _judge(self, seen: Receiving) -> bool:
        watched = self._watched[seen.study_uid]
        quiet = self._clock() - seen.last_arrival >= self._quiet_time
        moment = (seen.revision, seen.last_arrival, quiet)
        if watched.judged == moment:
            return False
        series: Sequence[Series] = ()
        try:
            self._read_new_headers(seen.study_uid, watched)
            if seen.open_associations:
                return False
            series = group_series(watched.headers.values())
            verdict = self._verdict(series, quiet=quiet)
        except Refused as refused:
            verdict = _Verdict(refused.reason if quiet else None, refused.detail)
        except Exception as error:  # a defect met by one study must not keep the others waiting
            log.exception("study could not be judged", study=seen.study_uid, reason=Reason.INTERNAL_ERROR)
            verdict = _Verdict(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        watched.judged = moment
        judgements = {one.uid: SeriesJudgement(str(one.kind), one.why) for one in series}
        with self._database.transaction() as session:
            judge_series(session, seen.study_uid, judgements)
            changed = verdict.complete and mark_complete(session, seen, verdict.detail, self._clock())
        if verdict.reason is not None:
            changed = self._refusals.reject(seen, Remark(verdict.reason, verdict.detail))
        if changed:
            log.info("study judged", study=seen.study_uid, revision=seen.revision, detail=verdict.detail)
        return changed

    def _verdict(self, series: Sequence[Series], *, quiet: bool) -> "_Verdict":
        pair = choose_pair(series, pet_only=self._pet_only)
        found = evidence(pair)
        if found.complete:
            return _Verdict(None, "Number of Slices met, no gaps, the CT covers the PET.", complete=True)
        if not quiet:
            return _Verdict(None, " ".join(found.reasons))
        if missing := missing_slices(pair.pet):
            seconds = self._quiet_time.total_seconds()
            return _Verdict(Reason.INCOMPLETE, f"{missing} slices of the PET did not come within {seconds:.0f} s.")
        return _Verdict(None, f"Quiet time passed. {' '.join(found.reasons)}", complete=True)

    def _read_new_headers(self, study_uid: str, watched: _Watched) -> None:
        with self._database.reading() as session:
            stored = relevant_series(session, study_uid)
        for instance in (instance for series in stored for instance in series.instances):
            if instance.path not in watched.headers:
                watched.headers[instance.path] = read_header(self._spool.folder / instance.path)
