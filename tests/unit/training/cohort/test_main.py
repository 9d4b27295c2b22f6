"""``python -m training.cohort`` writes patients in every form that others read."""

import json
import os
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dicom_io.reading.files import find_instances
from training.cohort.__main__ import main

pytestmark = [pytest.mark.anatomy, pytest.mark.timeout(900)]


@pytest.mark.usefixtures("atlases")
def test_a_patient_is_written_with_its_truth_its_picture_and_its_study(tmp_path: Path) -> None:
    cache = Path(tempfile.gettempdir()) / "uptake-atlas"
    main(Path(os.environ["UPTAKE_TEST_ANATOMY"]), tmp_path, split="test", first=7, cache=cache, dicom=True)
    folder = tmp_path / "test-0-00007"
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    labels = np.asarray(nibabel.load(folder / "lesions.nii.gz").dataobj)
    assert [lesion["label"] for lesion in truth["lesions"]] == [int(label) for label in np.unique(labels) if label]
    headers = find_instances(folder / "dicom").headers
    assert {str(header.PatientID) for header in headers} == {"test-0-00007"}
    assert {str(header.Modality) for header in headers} == {"CT", "PT"}
    assert (folder / "overview.png").is_file()
