import shutil
from pathlib import Path

import pytest

from training.cache import CachedPatient
from training.data.filling import Filled, Outcome, fill
from training.data.problem import UnusableData
from training.data.shares import keep_back
from training.data.sources import NiftiSource


@pytest.fixture
def folder(nifti_folder: Path, tmp_path: Path) -> Path:
    """Three patients, of whom the second has no mask."""
    names = sorted(path.name for path in nifti_folder.iterdir())[:3]
    for name in names:
        shutil.copytree(nifti_folder / name, tmp_path / "data" / name)
    (tmp_path / "data" / names[1] / "lesions.nii.gz").unlink()
    return tmp_path / "data"


def filled(folder: Path, cache: Path, workers: int = 1) -> tuple[Filled, list[Outcome], list[tuple[int, int]]]:
    told: list[Outcome] = []
    counts: list[tuple[int, int]] = []
    result = fill(NiftiSource("nifti", folder), cache, workers, told.append, lambda *count: counts.append(count))
    return result, told, counts


def test_a_broken_patient_is_skipped_with_its_reason_and_the_others_are_there(folder: Path, tmp_path: Path) -> None:
    result, told, counts = filled(folder, tmp_path / "cache")
    assert [patient.folder.name for patient in result.patients] == ["patient-1-000", "patient-1-002"]
    assert result.skipped == (Outcome("patient-1-001", "there is no lesions.nii.gz"),)
    assert told == list(result.skipped)
    assert counts == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_whole_patients_are_not_made_again_and_mended_ones_are(
    folder: Path, nifti_folder: Path, tmp_path: Path
) -> None:
    filled(folder, tmp_path / "cache")
    before = (tmp_path / "cache" / "patient-1-000" / "fine.npy").stat().st_mtime_ns
    shutil.copy(nifti_folder / "patient-1-001" / "lesions.nii.gz", folder / "patient-1-001")
    result, told, counts = filled(folder, tmp_path / "cache")
    assert len(result.patients) == 3
    assert told == []
    assert counts[0] == (2, 3)
    assert (tmp_path / "cache" / "patient-1-000" / "fine.npy").stat().st_mtime_ns == before


def test_a_patient_whose_files_change_is_made_again(folder: Path, tmp_path: Path) -> None:
    first, _, _ = filled(folder, tmp_path / "cache")
    (folder / "patient-1-000" / "truth.json").write_text('{"lesions": []}', encoding="utf-8")
    second, _, _ = filled(folder, tmp_path / "cache")
    assert first.patients[0].lesions[0].leaf is not None
    assert [lesion.leaf for lesion in second.patients[0].lesions] == [None] * 5
    assert first.patients[1] == second.patients[1]


def test_several_processes_give_what_one_gives(folder: Path, tmp_path: Path) -> None:
    alone, _, _ = filled(folder, tmp_path / "alone")
    together, told, _ = filled(folder, tmp_path / "together", workers=2)
    assert together.skipped == alone.skipped
    assert [outcome.identifier for outcome in told] == ["patient-1-001"]
    for one, other in zip(alone.patients, together.patients, strict=True):
        assert one.lesions == other.lesions
        assert (one.folder / "fine.npy").read_bytes() == (other.folder / "fine.npy").read_bytes()


def cached(name: str) -> CachedPatient:
    return CachedPatient(Path("cache") / name, ())


def test_one_patient_in_eight_is_kept_back_and_examinations_of_one_stay_together() -> None:
    patients = [cached(f"p{number}--{day}") for number in range(40) for day in ("monday", "friday")]
    training, validation = keep_back(patients)
    assert len(validation) == 10
    assert len(training) == 70
    people = [{patient.folder.name.split("--")[0] for patient in group} for group in (training, validation)]
    assert people[0].isdisjoint(people[1])


def test_of_two_patients_one_is_kept_back_and_of_one_none_can_be() -> None:
    training, validation = keep_back([cached("a"), cached("b")])
    assert len(training) == len(validation) == 1
    with pytest.raises(UnusableData, match="1 usable"):
        keep_back([cached("a")])
