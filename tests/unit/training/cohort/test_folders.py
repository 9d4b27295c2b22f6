import json
from pathlib import Path

import numpy as np
import pytest

from training.cohort.cohort import as_sample
from training.cohort.nifti import write_patient
from training.cohort.patient import Patient
from training.cohort.truth import truth_of
from training.data.nifti import NiftiPatients


@pytest.mark.anatomy
def test_a_patient_written_as_files_is_read_back(patient: Patient, tmp_path: Path) -> None:
    folder = tmp_path / "train-0-00003"
    folder.mkdir()
    write_patient(patient, folder)
    (folder / "truth.json").write_text(json.dumps(truth_of(patient)), encoding="utf-8")
    read, made = NiftiPatients.below(tmp_path)[0], as_sample(patient, folder.name)
    assert read.remarks == ()
    assert {lesion.label: lesion for lesion in made.lesions if (made.labels == lesion.label).any()} == {
        lesion.label: lesion for lesion in read.lesions
    }
    assert np.array_equal(read.labels, made.labels)
    assert np.array_equal(read.valid, made.valid)
    assert np.allclose(read.suv.values, made.suv.values)
    assert np.allclose(read.ct.values, made.ct.values, atol=0.51)
    for found, expected in ((read.suv, made.suv), (read.ct, made.ct)):
        assert np.allclose(found.affine, expected.affine, atol=1e-3)
