"""The verdict on a study in intake: what follows from its headers, from what archives hold of it, and from silence."""

from dataclasses import dataclass
from datetime import timedelta

from config.reasons import Reason, Remark
from dicom_io.reading.evidence import Evidence, missing_slices
from dicom_io.reading.series import Pair
from node.archive import Comparison

_PROVEN = "Number of Slices met, no gaps, the CT covers the PET."
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """What would be analysed if nothing more came, and the evidence that nothing is missing."""

    pair: Pair
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Moment:
    """``open``: more may come on an association that brought some. ``quiet``: for the quiet time nothing has come, and
    no such association has ended.
    """

    open: bool
    quiet: bool
    quiet_time: timedelta


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rejected for a reason, complete, or neither: then the study waits for more, and ``detail`` says for what."""

    reason: Reason | None
    detail: str
    complete: bool = False


def verdict(found: Candidate | Remark, held: Comparison, moment: Moment) -> Verdict:
    """Evidence first, timer last. ``found``: what headers tell, or else why there is no pair.

    | headers | archive | analysed |
    |---|---|---|
    | prove that all is there | silent | when no association is open, or the quiet time has passed |
    | | holds as much | when no association is open, or it lastingly holds no more |
    | | holds more | when the quiet time has passed |
    | can't tell | silent | when the quiet time has passed |
    | | holds as much | when it lastingly holds no more |
    | | holds more of the pair | never: incomplete when the quiet time has passed |
    | tell what is missing | any | never: rejected when the quiet time has passed |

    A gap between slices is left to the analysis, which refuses it with its own reason.
    """
    over = moment.quiet and not moment.open
    if isinstance(found, Remark):
        return Verdict(found.reason if over else None, found.detail)
    pair, evidence = found.pair, found.evidence
    doubts = " ".join(evidence.reasons)
    if evidence.missing:
        missing = missing_slices(pair.pet)
        if over and missing:
            detail = f"{missing} slices of the PET did not come within {moment.quiet_time.total_seconds():.0f} s."
            return Verdict(Reason.INCOMPLETE, detail)
        return _last_resort(doubts) if over else Verdict(None, doubts)
    if held.asking and not moment.quiet:
        return Verdict(None, "An archive is being asked.")
    if held.more:
        more = " ".join([*held.more.values()][:_MOST_NAMED])
        if not over:
            return Verdict(None, more)
        of_the_pair = held.more.keys() & {one.uid for one in (pair.pet, pair.ct) if one is not None}
        if of_the_pair and not evidence.complete:
            return Verdict(Reason.INCOMPLETE, f"{doubts} {more}")
        return _last_resort(f"{doubts or _PROVEN} {more}")
    if held.lastingly or (held.agrees and evidence.complete and not moment.open):
        return Verdict(None, f"{doubts or _PROVEN} The archive holds no more than came.", complete=True)
    if evidence.complete and (moment.quiet or not moment.open):
        return Verdict(None, _PROVEN, complete=True)
    return _last_resort(doubts) if over else Verdict(None, doubts or "An association is open.")


def _last_resort(what: str) -> Verdict:
    return Verdict(None, f"Quiet time passed. {what}", complete=True)
