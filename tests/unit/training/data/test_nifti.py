import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from config.tracers import Tracer
from training.data.nifti import NiftiPatients
from training.data.problem import UnusablePatient
from training.sample import LesionTruth, Samples

Save = Callable[..., None]


@pytest.fixture
def own(case: Path) -> Path:
    """The examination under the names of this layout."""
    folder = case / "patient-1"
    (folder / "CTres.nii.gz").rename(folder / "CT.nii.gz")
    (folder / "SEG.nii.gz").rename(folder / "lesions.nii.gz")
    return case


def test_what_was_written_of_a_sample_is_read_back(nifti_folder: Path, samples: Samples) -> None:
    patients = NiftiPatients.below(nifti_folder)
    assert len(patients) == 6
    for number in range(6):
        read, made = patients[number], samples[number]
        assert read.identifier == made.identifier
        assert read.lesions == made.lesions
        assert np.array_equal(read.labels, made.labels)
        assert np.allclose(read.suv.values, made.suv.values)
        assert np.allclose(read.ct.values, made.ct.values)
        assert np.allclose(read.suv.affine, made.suv.affine)
        assert read.valid.all()


def test_without_truth_numbers_are_lesions_without_a_leaf(own: Path, save: Save, mask: NDArray[np.uint8]) -> None:
    save("patient-1", "lesions", mask * np.uint8(4))
    assert NiftiPatients.below(own)[0].lesions == (LesionTruth(4, None),)


def test_words_of_truth_that_are_not_known_are_said_and_the_lesion_stays(own: Path) -> None:
    entries = [{"label": 1, "leaf": "somewhere", "ct_finding": "lump"}, {"label": 5, "leaf": "L083"}]
    (own / "patient-1" / "truth.json").write_text(json.dumps({"lesions": entries}), encoding="utf-8")
    sample = NiftiPatients.below(own)[0]
    assert sample.lesions == (LesionTruth(1, None),)
    assert sample.remarks == (
        "lesion 1: no location is called 'somewhere'",
        "lesion 1: no CT finding is called 'lump'",
        "lesions of truth.json without a voxel in the mask: 5",
    )


@pytest.mark.parametrize(
    ("told", "tracer", "sex"),
    [
        ({}, Tracer.OTHER, None),
        ({"tracer": "PSMA", "sex": "M"}, Tracer.PSMA, "M"),
        ({"tracer": "FDG", "build": "female"}, Tracer.FDG, "F"),
        ({"build": "male after prostatectomy"}, Tracer.OTHER, "M"),
    ],
)
def test_tracer_and_sex_are_those_of_truth(own: Path, told: dict[str, str], tracer: Tracer, sex: str | None) -> None:
    (own / "patient-1" / "truth.json").write_text(json.dumps({"lesions": [], **told}), encoding="utf-8")
    sample = NiftiPatients.below(own)[0]
    assert (sample.tracer, sample.sex, sample.remarks) == (tracer, sex, ())


def test_a_tracer_or_sex_that_is_not_known_is_said(own: Path) -> None:
    told = {"lesions": [], "tracer": ["tea"], "sex": "divers"}
    (own / "patient-1" / "truth.json").write_text(json.dumps(told), encoding="utf-8")
    sample = NiftiPatients.below(own)[0]
    assert (sample.tracer, sample.sex) == (Tracer.OTHER, None)
    assert sample.remarks == (
        "no tracer is called ['tea'], but FDG, PSMA, DOTATATE, FLUCICLOVINE, other",
        "sex 'divers' is neither M nor F",
    )


@pytest.mark.parametrize("text", ["", "[]", '{"lesions": [{}]}', '{"lesions": 3}', '{"lesions": [{"label": "x"}]}'])
def test_a_damaged_truth_refuses_the_patient(own: Path, text: str) -> None:
    (own / "patient-1" / "truth.json").write_text(text, encoding="utf-8")
    with pytest.raises(UnusablePatient, match=r"truth\.json"):
        NiftiPatients.below(own)[0]


def test_measured_voxels_are_those_of_the_mask(own: Path, save: Save, ct: NDArray[np.int16]) -> None:
    measured = np.ones_like(ct, dtype=np.uint8)
    measured[:, :, 3] = 0
    save("patient-1", "valid", measured, np.diag([2.0, 2.0, 5.0, 1.0]))
    valid = NiftiPatients.below(own)[0].valid
    assert not valid[3].any()
    assert valid[4].all()


def test_a_mask_with_its_axes_in_another_order_is_the_same_mask(own: Path, save: Save) -> None:
    suv = np.full((12, 12, 12), 0.5, dtype=np.float32)
    suv[2, 5, 9] = 8.0
    grid = np.diag([4.0, 4.0, 4.0, 1.0])
    save("patient-1", "SUV", suv, grid)
    save("patient-1", "lesions", (suv > 2).astype(np.uint8).transpose(2, 1, 0), grid[:, [2, 1, 0, 3]])
    sample = NiftiPatients.below(own)[0]
    assert np.unique(sample.suv.values[sample.labels == 1]).tolist() == [8.0]
