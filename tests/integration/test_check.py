"""``uptake check`` as a user runs it."""

import json
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from config.volume import Volume
from dicom_io.scanner.study import write_study
from dicom_io.scanner.vendors import SIEMENS
from node.cli import app
from tests.conftest import IDENTITY


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, volumes: dict[str, Volume]) -> tuple[Path, Path]:
    """The folders of a study and of what an analysis made of it."""
    images, results = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("results")
    write_study(images, IDENTITY, volumes["ct"], volumes["suv"], SIEMENS)
    assert CliRunner().invoke(app, ["analyze", str(images), "--out", str(results)]).exit_code == 0
    return images, results


def broken(source: Path, target: Path, **values: object) -> Path:
    dataset = pydicom.dcmread(source)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(target)
    return target


def test_results_have_no_fault(study: tuple[Path, Path]) -> None:
    images, results = study
    files = sorted(results.glob("*.dcm"))
    code, output = run(*files, "--among", images)
    assert code == 0
    assert output.count("no fault") == len(files)


def test_an_error_is_shown_with_its_place_and_rule(study: tuple[Path, Path], tmp_path: Path) -> None:
    file = broken(study[1] / "sr.dcm", tmp_path / "sr.dcm", CompletionFlag="DONE")
    code, output = run(file, "--json")
    assert code == 1
    (document,) = json.loads(output)
    assert document["file"] == str(file)
    assert document["faults"] == [
        {
            "severity": "error",
            "rule": "enumerated",
            "where": "CompletionFlag (0040,A491)",
            "what": "'DONE' is none of COMPLETE, PARTIAL.",
            "section": "PS3.3 C",
        }
    ]
    code, table = run(file)
    assert code == 1
    assert "1 errors, 0 warnings" in table
    assert "DONE" in table


def test_what_is_the_same_in_many_items_is_one_row(study: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = pydicom.dcmread(study[1] / "seg.dcm")
    for segment in dataset.SegmentSequence:
        del segment.SegmentationAlgorithmIdentificationSequence
    dataset.save_as(tmp_path / "seg.dcm")
    code, output = run(tmp_path / "seg.dcm")
    assert code == 1
    assert f"{len(dataset.SegmentSequence)} errors" in output
    assert output.count("│ error") == 1


def test_what_only_this_node_asks_leaves_the_exit_status(study: tuple[Path, Path], tmp_path: Path) -> None:
    file = broken(study[1] / "sr.dcm", tmp_path / "sr.dcm", ManufacturerModelName="Theirs", EchoTime=1)
    code, output = run(file)
    assert code == 0
    assert "0 errors, 1 warnings" in output


def test_files_are_checked_against_one_another(study: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = pydicom.dcmread(study[1] / "seg.dcm")
    for segment in dataset.SegmentSequence:
        segment.TrackingUID = f"1.2.3.{segment.SegmentNumber}"
    dataset.save_as(tmp_path / "seg.dcm")
    assert run(study[1] / "sr.dcm", tmp_path / "seg.dcm")[0] == 1
    assert run(study[1] / "sr.dcm", study[1] / "seg.dcm")[0] == 0


def test_what_is_no_dicom_is_refused_and_the_rest_is_checked(study: tuple[Path, Path], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("No DICOM file at all. " * 20)
    code, output = run(words, study[1] / "sr.dcm")
    assert code == 2
    assert "not-dicom" in output
    assert "no fault" in output
    document, other = json.loads(run(words, study[1] / "sr.dcm", "--json")[1])
    assert document["refused"]["reason"] == "not-dicom"
    assert other["faults"] == []
