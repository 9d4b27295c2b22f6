"""``uptake analyze`` and ``uptake suv`` as a user runs them."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import nibabel
import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from config.reasons import Reason
from dicom_io.scanner.series import Flaws
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node.cli import app

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "findings.schema.json").read_text(encoding="utf-8"))
Write = Callable[..., WrittenStudy]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout


@pytest.fixture
def analysed(write: Write, tmp_path: Path) -> Path:
    code, _ = run("analyze", write().folder, "--out", tmp_path / "out")
    assert code == 0
    return tmp_path / "out"


def modalities(folder: Path) -> dict[str, str]:
    """By the names of the result files; of several of a kind the first is meant."""
    names = sorted(file.name for file in folder.glob("*.dcm") if not file.stem[-1].isdigit())
    return {name: pydicom.dcmread(folder / name).Modality for name in names}


def test_it_writes_what_general_viewers_show_and_findings(analysed: Path) -> None:
    assert modalities(analysed) == {
        "key-images.dcm": "OT",
        "kos.dcm": "KO",
        "picture.dcm": "OT",
        "seg.dcm": "SEG",
        "sr.dcm": "SR",
    }
    lesions = json.loads((analysed / "findings.json").read_text(encoding="utf-8"))["totals"]["lesion_count"]
    assert len(list(analysed.glob("key-images*.dcm"))) == lesions


@pytest.mark.parametrize(
    ("profile", "reports"),
    [
        ("slicer", {"seg.dcm": "SEG", "sr-measurements.dcm": "SR", "sr-regions.dcm": "SR"}),
        ("text", {"sr-text.dcm": "SR"}),
        ("encapsulated-pdf", {"pdf.dcm": "DOC"}),
    ],
)
def test_a_profile_says_which_reports(write: Write, tmp_path: Path, profile: str, reports: dict[str, str]) -> None:
    assert run("analyze", write().folder, "--out", tmp_path / "out", "--profile", profile)[0] == 0
    pictures = {"key-images.dcm": "OT", "kos.dcm": "KO", "picture.dcm": "OT"}
    assert modalities(tmp_path / "out") == {**reports, **pictures}


def test_what_another_profile_left_is_taken_away(write: Write, analysed: Path) -> None:
    assert run("analyze", write().folder, "--out", analysed, "--profile", "text")[0] == 0
    assert "seg.dcm" not in modalities(analysed)


def test_findings_follow_their_schema(analysed: Path) -> None:
    document = json.loads((analysed / "findings.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert document["totals"]["lesion_count"] > 0
    assert "PT series 3" in document["series_selection"]["why"]


def test_twice_gives_the_same_bytes(analysed: Path, write: Write, tmp_path: Path) -> None:
    assert run("analyze", write().folder, "--out", tmp_path / "again")[0] == 0
    for name in modalities(analysed):
        assert (tmp_path / "again" / name).read_bytes() == (analysed / name).read_bytes()
    first, second = (json.loads((folder / "findings.json").read_text()) for folder in (analysed, tmp_path / "again"))
    assert {**first, "timings_s": {}} == {**second, "timings_s": {}}


def test_a_refusal_is_coded_for_programs(write: Write, tmp_path: Path) -> None:
    study = write(omitted=frozenset({"PatientWeight"}))
    code, text = run("analyze", study.folder, "--out", tmp_path / "out", "--json")
    assert code == 2
    assert json.loads(text)["refused"]["reason"] == Reason.NO_PATIENT_WEIGHT
    assert not list((tmp_path / "out").iterdir())


def test_a_pet_without_ct_is_analysed_when_asked_to(write: Write, tmp_path: Path) -> None:
    study = write(ct=False)
    assert run("analyze", study.folder, "--out", tmp_path / "out")[0] == 2
    code, text = run("analyze", study.folder, "--out", tmp_path / "out", "--pet-only", "--json")
    assert code == 0
    reasons = [remark["reason"] for remark in json.loads(text)["remarks"]]
    assert reasons.count(Reason.PET_WITHOUT_CT) == 1
    assert (tmp_path / "out" / "sr.dcm").read_bytes().count(Reason.PET_WITHOUT_CT.encode()) == 1


def test_a_pet_without_its_outermost_slice_is_analysed_and_remarked(write: Write, tmp_path: Path) -> None:
    study = write(plan=StudyPlan(pet_flaws=Flaws(missing=(0,))))
    code, text = run("analyze", study.folder, "--out", tmp_path / "out", "--json")
    assert code == 0
    (remark,) = (one for one in json.loads(text)["remarks"] if one["reason"] == Reason.SLICES_MISSING)
    assert remark["detail"].startswith("1 slices of PT series 3")


@pytest.mark.parametrize("command", ["analyze", "suv"])
def test_a_pet_without_uptake_is_refused_not_free_of_disease(write: Write, tmp_path: Path, command: str) -> None:
    study = write()
    for file in study.folder.rglob("*"):
        if file.is_file() and (image := pydicom.dcmread(file)).Modality == "PT":
            image.PixelData = bytes(len(image.PixelData))
            image.save_as(file)
    out = ["--out", tmp_path / "out"] if command == "analyze" else []
    code, text = run(command, study.folder, *out, "--json")
    assert code == 2
    assert json.loads(text)["refused"]["reason"] == Reason.IMPLAUSIBLE_VALUES


def test_several_studies_must_be_told_apart(write: Write, tmp_path: Path) -> None:
    first, second = write(plan=StudyPlan(seed="a")), write(plan=StudyPlan(seed="b"))
    assert first.folder.parent == second.folder.parent
    code, _ = run("analyze", first.folder.parent, "--out", tmp_path / "out")
    assert code == 1
    code, text = run("analyze", first.folder.parent, "--out", tmp_path / "out", "--study", second.study_uid, "--json")
    assert (code, json.loads(text)["study_instance_uid"]) == (0, second.study_uid)


def test_suv_shows_the_factor_and_writes_the_volume(write: Write, volumes, tmp_path: Path) -> None:
    code, text = run("suv", write().folder, "--out", tmp_path / "suv.nii.gz", "--json")
    assert code == 0
    assert json.loads(text)["unit"] == "g/ml{SUVbw}"
    written = np.asarray(nibabel.load(tmp_path / "suv.nii.gz").dataobj)
    np.testing.assert_allclose(written.transpose(2, 1, 0), volumes["suv"].values, atol=2e-3)
