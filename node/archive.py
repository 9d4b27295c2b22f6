"""The archive: a PACS that holds a study too is asked what it has of it, and that is compared with what came."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from config.reasons import Refused
from config.settings import Destination, Settings
from dicom_io.network.query import SeriesHeld, series_held

log = structlog.get_logger()

_ANALYSED_MODALITIES = frozenset({"CT", "PT", "RWV"})
_AGAIN_AFTER = timedelta(seconds=10)
_AT_MOST_EVERY = timedelta(seconds=1)
_LAPSES_AFTER = timedelta(seconds=60)

Held = Mapping[str, SeriesHeld]
"""What an archive holds of a study, by Series Instance UID."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was held when the archive was asked: nothing, too, where it did not say."""

    held: Held
    asked_at: datetime


@dataclass(slots=True)
class _Question:
    repeated_at: datetime
    since: datetime
    answer: Answer | None = None

    def is_due(self, now: datetime) -> bool:
        if self.answer is None:
            return True
        wait = _AT_MOST_EVERY if self.answer.asked_at < self.since else _AGAIN_AFTER
        return now - self.answer.asked_at >= wait


class Archive:
    """One archive, asked one question at a time, on a thread of its own: a slow one delays nobody who wants to know.

    A question stands as long as somebody repeats it.
    """

    def __init__(
        self,
        destination: Destination,
        calling_ae: str,
        clock: Callable[[], datetime],
        ask: Callable[[Destination, str, str], Held] = series_held,
    ) -> None:
        self.name = destination.name
        self._destination = destination
        self._calling_ae = calling_ae
        self._clock = clock
        self._ask = ask
        self._lock = threading.Lock()
        self._questions: dict[str, _Question] = {}
        self._silent = False

    def holds(self, study_uid: str, since: datetime) -> Answer | None:
        """What it holds of a study, asked at ``since`` or later; None while it is being asked. Never waits.

        An archive that did not answer the last question is not waited for.
        """
        now = self._clock()
        with self._lock:
            question = self._questions.setdefault(study_uid, _Question(now, since))
            question.repeated_at, question.since = now, since
            if question.answer is not None and question.answer.asked_at >= since:
                return question.answer
            return Answer({}, now) if self._silent else None

    def step(self) -> bool:
        """Ask what is due; False if nothing is."""
        now = self._clock()
        with self._lock:
            standing = {uid: one for uid, one in self._questions.items() if now - one.repeated_at < _LAPSES_AFTER}
            self._questions = standing
            waiting = [uid for uid, one in standing.items() if one.is_due(now)]
            due = min(waiting, key=lambda uid: standing[uid].since, default=None)
        if due is None:
            return False
        answer = Answer(self._asked(due), now)
        with self._lock:
            if due in self._questions:
                self._questions[due].answer = answer
        return True

    def _asked(self, study_uid: str) -> Held:
        try:
            held = self._ask(self._destination, self._calling_ae, study_uid)
        except Refused as refused:
            if not self._silent:
                log.warning("archive does not answer", archive=self.name, reason=refused.reason, detail=refused.detail)
            self._silent = True
            return {}
        if self._silent:
            log.info("archive answers again", archive=self.name)
        self._silent = False
        return held


@dataclass(frozen=True, slots=True)
class Comparison:
    """What archives hold of a study beside what came.

    ``asking``: one has not answered yet. ``agrees``: all that matters has come, to the last instance; ``lastingly``:
    that was so when nothing had come for a little while. ``more``: of which series an archive holds more, in words, by
    Series Instance UID.
    """

    asking: bool = False
    agrees: bool = False
    lastingly: bool = False
    more: Mapping[str, str] = field(default_factory=dict)


def compare(
    archive: str, answer: Answer | None, came: Mapping[str, int], analysed: Collection[str], settled_at: datetime
) -> Comparison:
    """What an archive holds beside the instances that ``came`` of each series; ``analysed`` are series that matter.

    So do those of the archive in the same modalities; others don't, since results come back to it. An archive that
    holds less is itself still receiving, or was never sent the study: nothing follows from that. ``settled_at``: when
    nothing has come for a little while.
    """
    if answer is None:
        return Comparison(asking=True)
    held = answer.held
    matter = {uid for uid, one in held.items() if one.modality in _ANALYSED_MODALITIES} | set(analysed)
    beside = {uid: (held[uid].instances if uid in held else 0, came.get(uid, 0)) for uid in sorted(matter)}
    more = {
        uid: f"{archive} holds {there} instances of the {held[uid].modality} series {uid}, {here} came."
        for uid, (there, here) in beside.items()
        if there > here
    }
    agrees = bool(held) and all(there == here for there, here in beside.values())
    return Comparison(agrees=agrees, lastingly=agrees and answer.asked_at >= settled_at, more=more)


def combined(comparisons: Sequence[Comparison]) -> Comparison:
    """Of several archives: each has to answer, and any may hold more, or as much."""
    return Comparison(
        asking=any(one.asking for one in comparisons),
        agrees=any(one.agrees for one in comparisons),
        lastingly=any(one.lastingly for one in comparisons),
        more={uid: words for one in comparisons for uid, words in one.more.items()},
    )


def archives(settings: Settings, clock: Callable[[], datetime]) -> dict[str, Archive]:
    """The archives of the sources, by the name of their destination."""
    named = {source.archive for source in settings.sources}
    return {
        destination.name: Archive(destination, settings.listener.ae_title, clock)
        for destination in settings.destinations
        if destination.name in named
    }
