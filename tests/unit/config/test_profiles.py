import pytest

from config.profiles import DISPENSABLE, SUBSTITUTES, Profile, kinds_of, with_substitutes
from config.result_kind import ResultKind

PICTURES = ["picture", "key images", "KOS"]


@pytest.mark.parametrize(
    ("profile", "reports"),
    [
        (Profile.GENERAL, ["SEG", "SR"]),
        (Profile.SLICER, ["SEG", "SR measurements", "SR regions"]),
        (Profile.TEXT, ["SR text"]),
        (Profile.ENCAPSULATED_PDF, ["PDF"]),
    ],
)
def test_every_profile_has_its_reports_and_the_pictures(profile: Profile, reports: list[str]) -> None:
    assert [str(kind) for kind in kinds_of(profile)] == reports + PICTURES


@pytest.mark.parametrize("profile", Profile)
def test_outlines_and_the_organ_map_are_asked_for_apart(profile: Profile) -> None:
    plain = set(kinds_of(profile))
    assert set(kinds_of(profile, outlines=True)) - plain == {ResultKind.OUTLINES}
    assert set(kinds_of(profile, organ_map=True)) - plain == {ResultKind.ORGAN_MAP}


def test_a_destination_that_takes_no_measurement_report_gets_text_then_paper() -> None:
    texts = (ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT, ResultKind.DOCUMENT)
    assert SUBSTITUTES[ResultKind.REPORT] == SUBSTITUTES[ResultKind.MEASUREMENTS] == texts


@pytest.mark.parametrize("kind", SUBSTITUTES)
def test_nothing_stands_for_itself_and_no_picture_for_a_report(kind: ResultKind) -> None:
    pictures = {ResultKind.PICTURE, ResultKind.KEY_IMAGES}
    reports = {ResultKind.REPORT, ResultKind.MEASUREMENTS, ResultKind.ENHANCED_TEXT, ResultKind.DOCUMENT}
    assert kind not in SUBSTITUTES[kind]
    assert kind not in reports or not pictures & set(SUBSTITUTES[kind])


def test_organs_are_a_label_map_or_masks_or_left_out() -> None:
    assert SUBSTITUTES[ResultKind.ORGAN_MAP] == (ResultKind.ORGAN_MASKS,)
    assert {ResultKind.ORGAN_MAP, ResultKind.ORGAN_MASKS} < DISPENSABLE


def test_whatever_may_be_sent_instead_is_made_too() -> None:
    made = with_substitutes([ResultKind.REPORT, ResultKind.PICTURE])
    assert [str(kind) for kind in made] == ["SR", "SR text", "SR basic text", "PDF", "picture"]
