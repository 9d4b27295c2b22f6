"""Records as files."""

from pathlib import Path

from training.evaluation.lesion_f1 import Counts
from training.evaluation.record import (
    CaptionAnswers,
    LesionRecord,
    LocationAnswers,
    PatientRecord,
    SegmentationScores,
    read_record,
    write_record,
)

RECORD = PatientRecord(
    of="these bundles",
    patient="p1",
    lesions=(LesionRecord(3, "L083", "mass", 1.5, 7.25),),
    locations={"toy": LocationAnswers(((("L083", 0.75), ("L084", 0.125)),), (0.03,), ((),))},
    captions={"toy": CaptionAnswers("toy", (None,), (0.01,), (("right kidney", "mass"),))},
    segmentations={"toy": SegmentationScores(None, 0.5, None, Counts(1, 2, 3), Counts(0, 3, 4), 2, {3: "brain"}, 1.5)},
    seconds={"body": 0.5},
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "p1.json")
    assert read_record(tmp_path / "p1.json", "these bundles") == RECORD


def test_a_record_of_other_bundles_does_not_count(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "p1.json")
    assert read_record(tmp_path / "p1.json", "others") is None


def test_there_may_be_no_record_yet(tmp_path: Path) -> None:
    assert read_record(tmp_path / "p1.json", "these bundles") is None
