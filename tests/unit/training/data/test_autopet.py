from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.nifti import UnreadableNifti
from training.data.autopet import AutopetPatients
from training.data.problem import UnusableData, UnusablePatient
from training.sample import LesionTruth, Sample

Save = Callable[..., None]


def only(folder: Path, table: str | None = None) -> Sample:
    path = None
    if table is not None:
        path = folder / "reports.csv"
        path.write_text(table, encoding="utf-8")
    return AutopetPatients.below(folder, path)[0]


def test_components_of_a_binary_mask_are_lesions_the_hottest_first(case: Path) -> None:
    sample = only(case)
    assert sample.lesions == (LesionTruth(1, None), LesionTruth(2, None))
    assert np.unique(sample.suv.values[sample.labels == 1]).tolist() == [9.0]
    assert np.unique(sample.suv.values[sample.labels == 2]).tolist() == [5.0]


def test_pet_and_ct_keep_the_grids_they_have(case: Path) -> None:
    sample = only(case)
    assert sample.suv.shape == (12, 16, 20)
    assert sample.ct.shape == (12, 32, 40)
    assert sample.ct.spacing_mm.tolist() == [5.0, 2.0, 2.0]


def test_a_table_says_where_lesions_lie_by_number_or_by_a_point_near_them(case: Path) -> None:
    table = "case,component,point,location,ct_finding\npatient-1,1,,left kidney,mass\npatient-1,,14 17 31,L083,nodule\n"
    sample = only(case, table)  # the second lesion is at RAS (12 to 16, 16, 30)
    assert [lesion.leaf for lesion in sample.lesions] == [leaf_of("left kidney"), "L083"]
    assert [lesion.ct_finding for lesion in sample.lesions] == ["mass", "nodule"]
    assert sample.remarks == ()


def leaf_of(name: str) -> str:
    from config.vocabulary import vocabulary

    return vocabulary().leaf(name).id


def test_rows_that_name_no_lesion_are_said(case: Path) -> None:
    table = "case,component,point,location\npatient-1,3,,L083\npatient-1,,70 50 50,L083\n"
    sample = only(case, table)
    assert [lesion.leaf for lesion in sample.lesions] == [None, None]
    assert sample.remarks == ("rows of the table that name no lesion of the mask: 2, 3",)


def test_rows_that_contradict_each_other_teach_nothing(case: Path) -> None:
    table = "case,component,location,ct_finding\npatient-1,1,L083,mass\npatient-1,1,L084,mass\n"
    sample = only(case, table)
    assert sample.lesions[0] == LesionTruth(1, None, "mass")
    assert sample.remarks == ("lesions of which rows say different things: 1",)


def test_cases_without_a_folder_are_said(case: Path) -> None:
    (case / "r.csv").write_text("case,component,location\npatient-9,1,L083\n", encoding="utf-8")
    assert AutopetPatients.below(case, case / "r.csv").remarks == ("cases of the table without a folder: patient-9",)


def test_a_case_can_be_called_by_its_patient_where_there_is_one_examination(case: Path, tmp_path: Path) -> None:
    (case / "patient-1").rename(tmp_path / "2003")
    (tmp_path / "patient-1").mkdir()
    (tmp_path / "2003").rename(tmp_path / "patient-1" / "2003")
    (case / "r.csv").write_text("case,component,location\npatient-1,1,L083\n", encoding="utf-8")
    patients = AutopetPatients.below(case, case / "r.csv")
    assert patients.identifier(0) == "patient-1--2003"
    assert patients[0].lesions[0].leaf == "L083"


@pytest.mark.parametrize("convert", [lambda m: m.astype(np.float32), lambda m: m * np.uint8(255)])
def test_a_mask_may_be_written_in_any_type(
    case: Path, save: Save, mask: NDArray[np.uint8], convert: Callable[[NDArray[np.uint8]], NDArray[np.generic]]
) -> None:
    expected = only(case).labels
    save("patient-1", "SEG", convert(mask))
    assert np.array_equal(only(case).labels, expected)


def test_numbers_of_a_mask_that_numbers_its_lesions_are_kept(
    case: Path, save: Save, mask: NDArray[np.uint8], suv: NDArray[np.float32]
) -> None:
    save("patient-1", "SEG", np.where(suv > 8, 7, mask * 3).astype(np.uint8))
    assert [lesion.label for lesion in only(case).lesions] == [3, 7]


def test_a_mask_stored_the_other_way_round_is_the_same_mask(case: Path, save: Save, mask: NDArray[np.uint8]) -> None:
    expected = only(case).labels
    flipped = np.diag([-4.0, -4.0, 5.0, 1.0])
    flipped[:2, 3] = (4.0 * 19, 4.0 * 15)
    save("patient-1", "SEG", mask[::-1, ::-1], flipped)
    assert np.array_equal(only(case).labels, expected)


def test_an_empty_mask_is_a_patient_without_lesions(case: Path, save: Save, mask: NDArray[np.uint8]) -> None:
    save("patient-1", "SEG", np.zeros_like(mask))
    sample = only(case)
    assert sample.lesions == ()
    assert not sample.labels.any()


def test_what_is_not_a_number_is_nothing(
    case: Path, save: Save, suv: NDArray[np.float32], ct: NDArray[np.int16]
) -> None:
    suv[0, 0, 0] = np.nan
    densities = ct.astype(np.float32)
    densities[5, 5, 5] = np.nan
    save("patient-1", "SUV", suv)
    save("patient-1", "CTres", densities, np.diag([2.0, 2.0, 5.0, 1.0]))
    sample = only(case)
    assert sample.suv.values[0, 0, 0] == 0.0
    assert not sample.valid[5, 5, 5]
    assert np.isfinite(sample.ct.values).all()


def test_a_patient_without_ct_is_refused(case: Path) -> None:
    (case / "patient-1" / "CTres.nii.gz").unlink()
    with pytest.raises(UnusablePatient, match=r"no CTres\.nii\.gz or CT\.nii\.gz"):
        only(case)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("SUV", lambda values: values * 20_000.0, "SUVbw is expected"),
        ("SUV", lambda values: values * 0.0, "no uptake"),
        ("SUV", lambda values: values * np.nan, "no uptake"),
        ("SEG", lambda values: values * 0.4, "no labels"),
    ],
)
def test_values_that_cannot_be_what_the_name_says_are_refused(
    name: str,
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    reason: str,
    case: Path,
    save: Save,
    suv: NDArray[np.float32],
    mask: NDArray[np.uint8],
) -> None:
    save("patient-1", name, change((suv if name == "SUV" else mask).astype(np.float32)))
    with pytest.raises(UnusablePatient, match=reason):
        only(case)


def test_a_ct_from_0_to_1_is_refused(case: Path, save: Save, ct: NDArray[np.int16]) -> None:
    save("patient-1", "CTres", (ct > 0).astype(np.float32), np.diag([2.0, 2.0, 5.0, 1.0]))
    with pytest.raises(UnusablePatient, match="Hounsfield"):
        only(case)


@pytest.mark.parametrize("name", ["CTres", "SEG"])
def test_files_that_lie_beside_the_pet_are_refused(
    name: str, case: Path, save: Save, ct: NDArray[np.int16], mask: NDArray[np.uint8]
) -> None:
    far = np.diag([4.0, 4.0, 5.0, 1.0])
    far[:3, 3] = 2000.0
    save("patient-1", name, ct if name == "CTres" else mask, far)
    with pytest.raises(UnusablePatient, match=r"do not overlap|none of them lies in the PET"):
        only(case)


def test_a_damaged_file_is_refused(case: Path) -> None:
    path = case / "patient-1" / "SUV.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UnreadableNifti):
        only(case)


def test_a_folder_without_patients_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="one for each patient is expected"):
        AutopetPatients.below(tmp_path, None)


def test_the_fingerprint_follows_files_and_the_case_s_own_rows(case: Path, mask: NDArray[np.uint8], save: Save) -> None:
    def fingerprint(table: str) -> str:
        (case / "r.csv").write_text("case,component,location\n" + table, encoding="utf-8")
        return AutopetPatients.below(case, case / "r.csv").fingerprint(0)

    first = fingerprint("patient-1,1,L083\n")
    assert fingerprint("patient-1,1,L083\npatient-2,1,L084\n") == first
    assert fingerprint("patient-1,1,L084\n") != first
    save("patient-1", "SEG", np.zeros_like(mask))
    assert fingerprint("patient-1,1,L083\n") != first
