from datetime import UTC, datetime, timedelta

import pytest

from config.reasons import Reason, Refused
from config.settings import Destination
from dicom_io.network.query import SeriesHeld
from node.archive import Answer, Archive, Comparison, Held, combined, compare

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
PET, CT = "1.2.1", "1.2.2"
WHOLE = {PET: SeriesHeld("PT", 72), CT: SeriesHeld("CT", 80)}
CAME = {PET: 72, CT: 80}


class Asked:
    """An archive whose answers are given; it notes of which studies it was asked, and time passes when told to."""

    def __init__(self, answer: Held | Refused) -> None:
        self.now, self.answer, self.studies = NOW, answer, list[str]()
        self.archive = Archive(PACS, "UPTAKE", lambda: self.now, self.ask)

    def ask(self, destination: Destination, calling_ae: str, study_uid: str) -> Held:
        self.studies.append(study_uid)
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


SILENCE = Refused(Reason.DESTINATION_UNREACHABLE, "No TCP connection.")


def test_who_wants_to_know_never_waits_for_the_answer() -> None:
    asked = Asked(WHOLE)
    assert asked.archive.holds("1.2", NOW) is None
    assert asked.archive.step()
    assert asked.archive.holds("1.2", NOW) == Answer(WHOLE, NOW)


def test_an_answer_from_before_the_last_arrival_does_not_count() -> None:
    asked = Asked(WHOLE)
    asked.archive.holds("1.2", NOW)
    asked.archive.step()
    asked.wait(2)
    assert asked.archive.holds("1.2", asked.now) is None
    asked.archive.step()
    assert asked.archive.holds("1.2", asked.now) == Answer(WHOLE, asked.now)


def test_an_archive_is_asked_of_a_study_at_most_once_a_second_however_much_comes() -> None:
    asked = Asked(WHOLE)
    for _ in range(100):
        asked.archive.holds("1.2", asked.now)
        asked.archive.step()
        asked.wait(0.1)
    assert 9 <= len(asked.studies) <= 10


def test_a_study_that_nobody_asks_about_any_more_is_forgotten() -> None:
    asked = Asked({})
    asked.archive.holds("1.2", NOW)
    asked.archive.step()
    asked.wait(3600)
    assert not asked.archive.step()
    assert asked.studies == ["1.2"]


def test_while_nothing_comes_the_archive_is_asked_again_every_ten_seconds() -> None:
    asked = Asked({})
    for _ in range(600):
        asked.archive.holds("1.2", NOW)
        asked.archive.step()
        asked.wait(0.1)
    assert len(asked.studies) == 6


def test_an_archive_that_does_not_answer_says_nothing_and_is_not_waited_for_again() -> None:
    asked = Asked(SILENCE)
    assert asked.archive.holds("1.2", NOW) is None
    asked.archive.step()
    assert asked.archive.holds("1.2", NOW) == asked.archive.holds("1.3", NOW) == Answer({}, NOW)
    asked.answer = WHOLE
    asked.archive.step()
    assert asked.archive.holds("1.3", NOW) == Answer(WHOLE, NOW)


def test_an_answer_stands_until_the_next_one_is_there() -> None:
    asked = Asked(WHOLE)
    asked.archive.holds("1.2", NOW)
    asked.archive.step()
    asked.wait(50)
    assert asked.archive.holds("1.2", NOW) == Answer(WHOLE, NOW)


def compared(held: Held | None, came: dict[str, int], after_s: float = 0.0) -> Comparison:
    """With what is held so long after the last arrival; ten seconds after it things have settled."""
    answer = None if held is None else Answer(held, NOW + timedelta(seconds=after_s))
    return compare("pacs", answer, came, came.keys(), NOW + timedelta(seconds=10))


def test_an_archive_that_holds_as_much_as_came_agrees() -> None:
    assert compared(WHOLE, CAME) == Comparison(agrees=True)


def test_it_agrees_lastingly_if_it_does_when_nothing_has_come_for_a_while() -> None:
    assert compared(WHOLE, CAME, after_s=10.0) == Comparison(agrees=True, lastingly=True)


def test_an_archive_that_holds_more_says_of_what() -> None:
    assert compared(WHOLE, CAME | {PET: 60}).more == {PET: "pacs holds 72 instances of the PT series 1.2.1, 60 came."}


def test_a_series_that_has_not_begun_to_come_is_missed() -> None:
    assert set(compared(WHOLE, {PET: 72}).more) == {CT}


@pytest.mark.parametrize("modality", ["SEG", "SR", "OT", "KO", "PR"])
def test_results_in_the_archive_are_not_waited_for(modality: str) -> None:
    assert compared(WHOLE | {"1.2.7": SeriesHeld(modality, 3)}, CAME).agrees


@pytest.mark.parametrize("held", [{}, {PET: SeriesHeld("PT", 72)}, WHOLE | {PET: SeriesHeld("PT", 71)}])
def test_from_an_archive_that_holds_less_nothing_follows(held: Held) -> None:
    assert compared(held, CAME, after_s=10.0) == Comparison()


def test_of_several_archives_each_has_to_answer_and_any_may_hold_more() -> None:
    more, agrees = compared(WHOLE, CAME | {PET: 1}), compared(WHOLE, CAME)
    assert combined([more, agrees]) == Comparison(agrees=True, more=more.more)
    assert combined([compared(None, CAME), agrees]).asking
    assert combined([]) == Comparison()
