"""Completeness: when a study has all that its analysis needs. Evidence first, timer last."""

from collections.abc import Callable, Mapping, Sequence
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
    instance_counts,
    judge_series,
    mark_complete,
    relevant_series,
    studies_receiving,
)
from dicom_io.reading.evidence import evidence
from dicom_io.reading.files import read_header
from dicom_io.reading.series import Series, choose_pair, group_series
from node.archive import Archive, Comparison, combined, compare
from node.postponed import Postponed
from node.refusals import Refusals
from node.spool import Spool
from node.trouble import is_of_machine
from node.verdict import Candidate, Moment, Verdict, verdict

log = structlog.get_logger()

_SETTLED_AFTER = timedelta(seconds=10)


@dataclass
class _Watched:
    """A study in intake: the headers read so far, what they told when they were looked at last, what it waits for."""

    headers: dict[str, Dataset] = field(default_factory=dict)
    analysed: set[str] = field(default_factory=set)
    looked_at: tuple[int, datetime] | None = None
    found: Candidate | Remark | None = None
    detail: str = ""


class Completeness:
    """Judges studies in intake by `node.verdict`.

    Their headers are looked at when no open association brought any of it, or nothing has come for 10 s. The quiet time
    of a study is the longest of its sources. ``archives`` are those of the sources, by name.

    A study whose headers can't be read, or of which nothing can be put on record, because disk or database do not
    answer, waits and is judged when they do.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        settings: Settings,
        clock: Callable[[], datetime],
        archives: Mapping[str, Archive] | None = None,
    ) -> None:
        self._database = database
        self._spool = spool
        self._pet_only = settings.analysis.pet_only
        self._quiet_time_s = settings.completeness.quiet_time_s
        self._sources = {source.ae_title: source for source in settings.sources}
        self._archives = archives or {}
        self._clock = clock
        self._refusals = Refusals(database, spool, settings, clock)
        self._watched: dict[str, _Watched] = {}
        self._postponed = Postponed[str](clock)

    def step(self) -> bool:
        """Judge every study that is due; False if none changed its state."""
        with self._database.reading() as session:
            receiving = studies_receiving(session)
        self._watched = {seen.study_uid: self._watched.get(seen.study_uid, _Watched()) for seen in receiving}
        return sum(self._judge(seen) for seen in receiving) > 0

    def _judge(self, seen: Receiving) -> bool:
        if not self._postponed.is_due(seen.study_uid):
            return False
        try:
            changed = self._try(seen)
        except Exception as error:  # neither held against this study, nor may it keep the others waiting
            if self._postponed.put_off(seen.study_uid, error):
                log.exception("study can't be judged now", study=seen.study_uid, reason=Reason.INTERNAL_ERROR)
            return False
        self._postponed.succeeded(seen.study_uid)
        return changed

    def _try(self, seen: Receiving) -> bool:
        watched = self._watched[seen.study_uid]
        conclusion = self._conclusion(seen, watched)
        if conclusion is None:
            return False
        changed = self._follow(seen, conclusion)
        if changed or conclusion.detail != watched.detail:
            event = "study judged" if changed else "study waits"
            log.info(event, study=seen.study_uid, revision=seen.revision, detail=conclusion.detail)
        watched.detail = conclusion.detail
        return changed

    def _conclusion(self, seen: Receiving, watched: _Watched) -> Verdict | None:
        """None if it is too early for any. A defect that a study meets ends it; trouble of the machine is raised."""
        try:
            moment = self._moment(seen)
            self._look(seen, watched)
            if watched.found is None:
                return None
            return verdict(watched.found, self._held(seen, watched), moment)
        except Exception as error:
            if is_of_machine(error):
                raise
            log.exception("study could not be judged", study=seen.study_uid, reason=Reason.INTERNAL_ERROR)
            return Verdict(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")

    def _moment(self, seen: Receiving) -> Moment:
        now = self._clock()
        quiet_time = timedelta(seconds=max(map(self._quiet_time_of, seen.senders), default=self._quiet_time_s))
        return Moment(
            open=bool(seen.open_associations),
            quiet=now - seen.quiet_since >= quiet_time,
            quiet_time=quiet_time,
        )

    def _quiet_time_of(self, sender: str) -> float:
        source = self._sources.get(sender)
        return self._quiet_time_s if source is None or source.quiet_time_s is None else source.quiet_time_s

    def _look(self, seen: Receiving, watched: _Watched) -> None:
        """Read new headers as they come, and see what they tell when it seems that no more will."""
        if watched.looked_at == (seen.revision, seen.last_arrival):
            return
        watched.found = None
        series: Sequence[Series] = ()
        try:
            self._read_new_headers(seen.study_uid, watched)
            if seen.open_associations and self._clock() - seen.last_arrival < _SETTLED_AFTER:
                return
            series = group_series(watched.headers.values())
            pair = choose_pair(series, pet_only=self._pet_only)
            watched.found = Candidate(pair, evidence(pair))
        except Refused as refused:
            watched.found = refused.remark
        watched.looked_at = (seen.revision, seen.last_arrival)
        judgements = {one.uid: SeriesJudgement(str(one.kind), one.why) for one in series}
        with self._database.transaction() as session:
            judge_series(session, seen.study_uid, judgements)

    def _read_new_headers(self, study_uid: str, watched: _Watched) -> None:
        with self._database.reading() as session:
            stored = relevant_series(session, study_uid)
        watched.analysed = {series.series_uid for series in stored}
        for instance in (instance for series in stored for instance in series.instances):
            if instance.path not in watched.headers:
                watched.headers[instance.path] = read_header(self._spool.folder / instance.path)

    def _held(self, seen: Receiving, watched: _Watched) -> Comparison:
        """What archives hold of it; they are asked only if that can decide."""
        named = {self._sources[sender].archive for sender in seen.senders if sender in self._sources}
        archives = [archive for name, archive in self._archives.items() if name in named]
        if not archives or not isinstance(watched.found, Candidate) or watched.found.evidence.missing:
            return Comparison()
        with self._database.reading() as session:
            came = instance_counts(session, seen.study_uid)
        settled_at = seen.last_arrival + _SETTLED_AFTER
        answers = [(archive.name, archive.holds(seen.study_uid, seen.last_arrival)) for archive in archives]
        return combined([compare(name, answer, came, watched.analysed, settled_at) for name, answer in answers])

    def _follow(self, seen: Receiving, conclusion: Verdict) -> bool:
        if conclusion.reason is not None:
            return self._refusals.reject(seen, Remark(conclusion.reason, conclusion.detail))
        if not conclusion.complete:
            return False
        with self._database.transaction() as session:
            return mark_complete(session, seen, conclusion.detail, self._clock())
