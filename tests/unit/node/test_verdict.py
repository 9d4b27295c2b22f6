"""Every row of what follows from headers, archives and time."""

import itertools
from datetime import timedelta

import pytest
from pydicom import Dataset

from config.reasons import Reason, Remark
from dicom_io.reading.evidence import Evidence
from dicom_io.reading.kinds import Series, SeriesKind
from dicom_io.reading.series import Pair
from node.archive import Comparison
from node.verdict import Candidate, Moment, verdict

PET = Series("1.2.1", SeriesKind.PET, "", (Dataset(),))
CT = Series("1.2.2", SeriesKind.ATTENUATION_CT, "", (Dataset(),))
PAIR = Pair(PET, CT, (), (), 1.0, "")

PROVEN = Candidate(PAIR, Evidence((), ()))
UNTOLD = Candidate(PAIR, Evidence((), ("The CT covers 75 % of the PET.",)))
MISSING = Candidate(PAIR, Evidence(("A gap.",), ()))
NO_CT = Remark(Reason.NO_CT, "Looked at: a PET.")

SILENT = Comparison()
ASKING = Comparison(asking=True)
AS_MUCH = Comparison(agrees=True)
LASTINGLY = Comparison(agrees=True, lastingly=True)
MORE_OF_THE_PET = Comparison(more={"1.2.1": "PACS holds 72 instances of the PT series 1.2.1, 60 came."})
MORE_OF_ANOTHER = Comparison(more={"1.2.9": "PACS holds 72 instances of the PT series 1.2.9, 0 came."})

WAITS, COMPLETE = "waits", "complete"


def moment(*said: str) -> Moment:
    return Moment("open" in said, "quiet" in said, timedelta(seconds=60))


OPEN, CLOSED, QUIET, QUIET_OPEN = moment("open"), moment(), moment("quiet"), moment("quiet", "open")
MOMENTS = (OPEN, CLOSED, QUIET, QUIET_OPEN)


def outcome(found: Candidate | Remark, held: Comparison, at: Moment) -> str:
    concluded = verdict(found, held, at)
    assert not (concluded.complete and concluded.reason)
    return COMPLETE if concluded.complete else str(concluded.reason) if concluded.reason else WAITS


@pytest.mark.parametrize(
    ("found", "held", "expected"),
    [
        (PROVEN, SILENT, (WAITS, COMPLETE, COMPLETE, COMPLETE)),
        (PROVEN, ASKING, (WAITS, WAITS, COMPLETE, COMPLETE)),
        (PROVEN, AS_MUCH, (WAITS, COMPLETE, COMPLETE, COMPLETE)),
        (PROVEN, LASTINGLY, (COMPLETE, COMPLETE, COMPLETE, COMPLETE)),
        (PROVEN, MORE_OF_THE_PET, (WAITS, WAITS, COMPLETE, WAITS)),
        (PROVEN, MORE_OF_ANOTHER, (WAITS, WAITS, COMPLETE, WAITS)),
        (UNTOLD, SILENT, (WAITS, WAITS, COMPLETE, WAITS)),
        (UNTOLD, ASKING, (WAITS, WAITS, COMPLETE, WAITS)),
        (UNTOLD, AS_MUCH, (WAITS, WAITS, COMPLETE, WAITS)),
        (UNTOLD, LASTINGLY, (COMPLETE, COMPLETE, COMPLETE, COMPLETE)),
        (UNTOLD, MORE_OF_THE_PET, (WAITS, WAITS, "incomplete", WAITS)),
        (UNTOLD, MORE_OF_ANOTHER, (WAITS, WAITS, COMPLETE, WAITS)),
        (MISSING, LASTINGLY, (WAITS, WAITS, COMPLETE, WAITS)),
        (NO_CT, LASTINGLY, (WAITS, WAITS, "no-ct", WAITS)),
    ],
)
def test_the_table(found: Candidate | Remark, held: Comparison, expected: tuple[str, ...]) -> None:
    assert tuple(outcome(found, held, at) for at in MOMENTS) == expected


def test_nothing_is_analysed_in_silence_about_what_is_doubted_or_missing() -> None:
    for held, at in itertools.product((SILENT, ASKING, LASTINGLY, MORE_OF_THE_PET, MORE_OF_ANOTHER), MOMENTS):
        concluded = verdict(UNTOLD, held, at)
        if concluded.complete:
            assert "The CT covers 75 % of the PET." in concluded.detail
            assert all(words in concluded.detail for words in held.more.values())


def test_a_study_that_goes_by_its_quiet_time_says_so() -> None:
    assert verdict(UNTOLD, SILENT, QUIET).detail.startswith("Quiet time passed.")
    assert not verdict(PROVEN, SILENT, QUIET).detail.startswith("Quiet time passed.")


def test_a_study_with_very_many_series_is_told_of_in_few_words() -> None:
    many = Comparison(more={f"1.2.{number}": f"Series {number} is short." for number in range(1000)})
    assert len(verdict(PROVEN, many, CLOSED).detail) < 200
