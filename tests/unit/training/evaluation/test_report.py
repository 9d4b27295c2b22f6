"""Figures of all patients together, from records written by hand."""

import pytest

pytest.importorskip("pycocoevalcap")

import shutil

from config.vocabulary import vocabulary
from training.evaluation.judges import RULES, grammar_of
from training.evaluation.lesion_f1 import Counts
from training.evaluation.record import (
    CaptionAnswers,
    LesionRecord,
    LocationAnswers,
    PatientRecord,
    Ranked,
    SegmentationScores,
)
from training.evaluation.report import Report, make_report
from training.evaluation.run import Judged
from training.evaluation.tables import as_markdown

RIGHT, LEFT, T3 = (vocabulary().leaf(name).id for name in ("right kidney", "left kidney", "T3 vertebra"))


def sure(leaf: str, confidence: float = 0.9) -> Ranked:
    return ((leaf, confidence),)


def record(number: int, dice: float | None) -> PatientRecord:
    """Two lesions: retrieval knows the kidney and doubts the vertebra, the rules know the vertebra only."""
    return PatientRecord(
        of="",
        patient=f"p{number}",
        lesions=(LesionRecord(1, RIGHT, "mass", 2.0, 8.0), LesionRecord(2, T3, "osteolytic", 0.5, 3.0)),
        locations={
            "toy": LocationAnswers(
                ranked=(sure(RIGHT), sure(LEFT, 0.2)),
                seconds=(0.01, 0.03),
                flat=(sure(LEFT), sure(T3)),
                masked=((), sure(T3)),
                mirrored=(sure(LEFT), sure(T3)),
            ),
            RULES: LocationAnswers((sure(LEFT), sure(T3)), (0.001, 0.001)),
        },
        captions={
            "B+W+P": CaptionAnswers("toy", (("right kidney", "mass"), ("T3 vertebra", "osteolytic")), (0.02, 0.04)),
            grammar_of("toy"): CaptionAnswers("toy", (("right kidney", "focus"), ("left kidney", "focus")), (0.0, 0.0)),
        },
        segmentations={
            "toy": SegmentationScores(dice, 1.5, dice and 3.0, Counts(1, 0, 1), Counts(0, 1, 2), 1, {1: "kidney"}, 4.0)
        },
        seconds={"body": 0.1 * number},
    )


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return make_report(Judged((record(1, 0.8), record(3, None)), {"p2": "it has no uptake"}))


def test_everything_is_counted(report: Report) -> None:
    assert (report.patients, report.lesions, report.leaves) == (2, 4, 2)
    assert report.seconds["body"] == pytest.approx(0.2)


def test_flat_and_the_node_s_own_mixture_stand_beside_retrieval(report: Report) -> None:
    """The node takes the rules where retrieval is not sure."""
    found = {label: each.figures.top_1 for label, each in report.location.items()}
    assert found == {"toy": 0.5, "toy, flat": 0.5, f"toy, else {RULES}": 1.0, RULES: 0.5}


def test_milliseconds_are_the_median_of_lesions(report: Report) -> None:
    assert report.location["toy"].ms_per_lesion == pytest.approx(20.0)
    assert report.caption["B+W+P"].ms_per_lesion == pytest.approx(30.0)


def test_sanity_is_of_hidden_lesions_and_mirrored_bodies(report: Report) -> None:
    toy = report.location["toy"]
    assert toy.masked is not None
    assert (toy.masked.top_1, toy.masked.not_localised) == (0.5, 0.5)
    assert toy.flips == 1.0
    assert report.location[RULES].masked is None


def test_a_caption_that_contradicts_its_location_is_the_grammar_s(report: Report) -> None:
    """The second caption names the true vertebra, but retrieval said left kidney: the node says focus there."""
    writer, node = report.caption["B+W+P"], report.caption["B+W+P, else grammar"]
    assert writer.contradicted == 0.5
    assert (writer.figures.location, writer.figures.ct_finding) == (1.0, 1.0)
    assert (node.figures.location, node.figures.ct_finding) == (0.5, 0.5)


def test_means_are_over_patients_with_something_to_find(report: Report) -> None:
    toy = report.segmentation["toy"]
    assert (toy.dice, toy.false_positive_ml, toy.false_negative_ml) == (0.8, 1.5, 3.0)
    assert toy.by_overlap == Counts(2, 0, 2)


def test_missed_lesions_are_listed_with_what_was_said_of_them(report: Report) -> None:
    first = report.segmentation["toy"].missed[0]
    assert (first.patient, first.location, first.volume_ml, first.suv_max, first.said) == (
        "p1",
        "right kidney",
        2.0,
        8.0,
        "kidney",
    )


def test_tables_have_a_row_for_each_contender(report: Report) -> None:
    tables = as_markdown(report)
    assert "| toy | 4 | 50.0 | 50.0 | 50.0 | 0.00 |" in tables
    assert "| B+W+P | 100.0 | 100.0 | 100.0 |" in tables
    assert "| toy | 2 | 0.800 | 1.50 | 3.00 | 0.667 | 2 | 2 | 0 | 0.000 | 0 of 2 | 4.0 |" in tables
    assert "| p2 | it has no uptake |" in tables
    assert "METEOR needs Java" in tables
