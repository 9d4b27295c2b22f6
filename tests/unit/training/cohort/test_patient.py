"""A patient of the cohort is what its truth says, and the same whenever it is made."""

from hashlib import sha256
from pathlib import Path

import nibabel
import numpy as np
import pytest

from config.vocabulary import vocabulary
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import read_ct, read_pet
from dicom_io.suv.quantify import quantify, to_suv
from training.cohort.atlas import Atlas
from training.cohort.cohort import Cohort, Split, as_sample
from training.cohort.dicom import write_dicom
from training.cohort.nifti import write_patient
from training.cohort.organs import NUMBERS
from training.cohort.patient import Patient
from training.cohort.pelvis import Build
from training.cohort.truth import truth_of
from training.sample import Sample

pytestmark = [pytest.mark.anatomy, pytest.mark.timeout(900)]


def digest(patient: Patient | Sample) -> str:
    arrays = (patient.suv.values, patient.ct.values, patient.labels, patient.valid)
    return sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_a_patient_is_the_same_whenever_it_is_made(atlases: dict[Build, Atlas], patient: Patient) -> None:
    again = Cohort(atlases, Split.TEST, 5)[4]
    assert digest(again) == digest(patient)
    assert again.lesions == as_sample(patient, "").lesions


def test_splits_share_no_patient(patients: dict[Split, Patient]) -> None:
    assert len({digest(patient) for patient in patients.values()}) == len(Split)


@pytest.mark.parametrize("split", Split)
def test_no_leaf_lies_in_the_air_around_a_patient(patients: dict[Split, Patient], split: Split) -> None:
    tissue = patients[split].tissue
    assert not tissue.leaves[tissue.organs == NUMBERS["air"]].any()


def test_lesions_are_labelled_in_the_leaf_that_they_grow_in(patient: Patient) -> None:
    assert patient.lesions
    for number, lesion in enumerate(patient.lesions, start=1):
        leaves = patient.tissue.leaves[patient.labels == number]
        index = vocabulary().leaves.index(lesion.leaf) + 1
        assert (leaves == index).any(), lesion.leaf.name


def test_lesions_take_up_more_than_the_healthy_tissue_beside_them(patient: Patient) -> None:
    hotter = 0
    for number in range(1, len(patient.lesions) + 1):
        values = patient.suv.values[patient.labels == number]
        organs = np.unique(patient.tissue.organs[patient.labels == number])
        healthy = patient.suv.values[np.isin(patient.tissue.organs, organs) & (patient.labels == 0)]
        hotter += bool(values.max() > np.median(healthy))
    assert hotter >= 0.9 * len(patient.lesions)


def test_the_two_scans_show_one_body(patient: Patient) -> None:
    liver = np.argwhere(patient.tissue.organs == NUMBERS["liver"])[::50]
    on_ct = np.rint(patient.ct.indices(patient.suv.points_mm(liver))).astype(int)
    inside = np.all((on_ct >= 0) & (on_ct < patient.ct.shape), axis=1)
    hu = patient.ct.values[tuple(on_ct[inside].T)]
    assert 0.0 < float(np.median(hu)) < 180.0


@pytest.mark.parametrize(
    ("organ", "hu", "suv"),
    [
        ("lung", (-950.0, -650.0), (0.1, 1.0)),
        ("fat", (-135.0, -60.0), (0.05, 0.8)),
        ("muscle", (25.0, 95.0), (0.2, 3.0)),
        ("liver", (0.0, 180.0), (1.0, 15.0)),
    ],
)
def test_tissues_have_the_density_and_the_uptake_that_they_are_known_for(
    patients: dict[Split, Patient], organ: str, hu: tuple[float, float], suv: tuple[float, float]
) -> None:
    for patient in patients.values():
        place = np.argwhere((patient.tissue.organs == NUMBERS[organ]) & (patient.labels == 0))[::20]
        assert len(place) > 100
        index = np.rint(patient.ct.indices(patient.suv.points_mm(place))).astype(int)
        seen = np.all((index >= 0) & (index < patient.ct.shape), axis=1)
        seen[seen] = patient.valid[tuple(index[seen].T)]
        assert hu[0] < float(np.median(patient.ct.values[tuple(index[seen].T)])) < hu[1]
        assert suv[0] < float(np.median(patient.suv.values[tuple(place.T)])) < suv[1]


def test_where_the_ct_measured_nothing_is_said(patient: Patient) -> None:
    assert patient.valid.shape == patient.ct.shape
    assert np.all(patient.ct.values[~patient.valid] == -1024.0)
    assert patient.valid.mean() > 0.5


def test_a_sample_tells_of_every_lesion(patient: Patient) -> None:
    sample = as_sample(patient, "test-0-00004")
    assert [lesion.label for lesion in sample.lesions] == [int(n) for n in np.unique(patient.labels) if n]
    assert [lesion.leaf for lesion in sample.lesions] == [lesion.leaf.id for lesion in patient.lesions]


def test_the_truth_measures_each_lesion_on_the_pet(patient: Patient) -> None:
    truth = truth_of(patient)
    first = truth["lesions"][0]
    mask = patient.labels == 1
    assert first["suv_max"] == pytest.approx(float(patient.suv.values[mask].max()), abs=0.006)
    assert first["volume_ml"] == pytest.approx(mask.sum() * patient.suv.voxel_volume_ml, abs=0.001)


@pytest.mark.parametrize("split", [Split.TEST, Split.VALIDATION], ids=["FDG", "PSMA"])
def test_a_patient_written_as_dicom_is_quantified_to_his_suv(
    patients: dict[Split, Patient], split: Split, tmp_path: Path
) -> None:
    patient = patients[split]
    write_dicom(patient, tmp_path, "COHORT")
    pair = choose_pair(group_series(find_instances(tmp_path).headers))
    assert pair.ct is not None
    pet, ct = read_pet(pair.pet), read_ct(pair.ct).volume
    quantification = quantify(pet.headers)
    suv = to_suv(pet, quantification)
    assert quantification.tracer is patient.tracer
    assert suv.affine == pytest.approx(patient.suv.affine, abs=1e-3)
    assert ct.affine == pytest.approx(patient.ct.affine, abs=1e-3)
    # a slice's pixels are whole shares, 15 bits, of its greatest value; HU are whole
    step = patient.suv.values.max(axis=(1, 2), keepdims=True) / 32766.0
    assert (abs(suv.values - patient.suv.values) <= 0.51 * step + 1e-6).all()
    assert abs(ct.values - patient.ct.values).max() <= 0.5


def test_the_same_patient_is_written_as_the_same_files(patient: Patient, tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        folder.mkdir()
        write_patient(patient, folder)
    assert {file.name for file in once.iterdir()} == {"SUV.nii.gz", "CT.nii.gz", "valid.nii.gz", "lesions.nii.gz"}
    assert all(file.read_bytes() == (again / file.name).read_bytes() for file in once.iterdir())


def test_a_patient_written_as_nifti_lies_where_he_lay(patient: Patient, tmp_path: Path) -> None:
    write_patient(patient, tmp_path)
    image = nibabel.load(tmp_path / "CT.nii.gz")
    slice_, row, column = 11, 60, 90
    x, y, z = patient.ct.points_mm(np.array([[slice_, row, column]]))[0]
    # NIfTI counts to the right and to the front where DICOM counts to the left and to the back
    assert image.affine @ (column, row, slice_, 1.0) == pytest.approx([-x, -y, z, 1.0], abs=1e-3)
    assert image.dataobj[column, row, slice_] == round(float(patient.ct.values[slice_, row, column]))
    labels = np.asarray(nibabel.load(tmp_path / "lesions.nii.gz").dataobj)
    assert np.array_equal(labels.transpose(2, 1, 0), patient.labels)
