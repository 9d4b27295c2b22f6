"""Legacy Converted Enhanced CT and PET (PS3.3 A.70, A.72), as highdicom converts them, read like their originals."""

from datetime import date
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage, LegacyConvertedEnhancedPETImage

from config.volume import Unit, Volume
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import Acquisition, read_ct, read_pet
from dicom_io.scanner.examination import Examination, PatientIdentity
from dicom_io.scanner.study import write_study
from dicom_io.scanner.vendors import SIEMENS
from dicom_io.suv.quantification import Quantification
from dicom_io.suv.quantify import quantify, to_suv

SHAPE = (8, 24, 24)
PATIENT = PatientIdentity("Digital^Patient", "D-1", date(1961, 4, 2), "F", 81.0, 1.71)
Study = tuple[Acquisition, Acquisition, Quantification]


def volume(unit: Unit, lowest: float, highest: float) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = np.diag((6.0, 12.0, 12.0))[::-1]
    values = np.random.default_rng(11).uniform(lowest, highest, SHAPE).astype(np.float32)
    return Volume(values, affine, unit)


def read(folder: Path) -> Study:
    pair = choose_pair(group_series(find_instances(folder).headers))
    assert pair.ct is not None
    pet = read_pet(pair.pet)
    return read_ct(pair.ct), pet, quantify(pet.headers, pair.mappings)


@pytest.fixture(scope="module")
def original_and_converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Study]:
    original, converted = (tmp_path_factory.mktemp(name) for name in ("original", "converted"))
    ct, suv = volume(Unit.HOUNSFIELD, -1000, 900), volume(Unit.SUVBW, 0, 12)
    write_study(original, PATIENT, ct, suv, SIEMENS, examination=Examination(bed_slices=3))
    images = [pydicom.dcmread(str(header.filename)) for header in find_instances(original).headers]
    for number, (modality, convert) in enumerate(
        {"CT": LegacyConvertedEnhancedCTImage, "PT": LegacyConvertedEnhancedPETImage}.items(), start=1
    ):
        legacy = [image for image in images if image.Modality == modality]
        made = convert(
            legacy,
            series_instance_uid=highdicom.UID(),
            series_number=number,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
        )
        made.save_as(converted / f"{modality}.dcm", enforce_file_format=True)
    return read(original), read(converted)


def test_the_voxels_and_their_places_are_the_originals(original_and_converted: tuple[Study, Study]) -> None:
    for original, converted in zip(*(study[:2] for study in original_and_converted), strict=True):
        assert len(converted.headers) == 1
        assert sorted(source.frame for source in converted.sources) == list(range(1, 9))
        np.testing.assert_array_equal(converted.volume.values, original.volume.values)
        np.testing.assert_allclose(converted.volume.affine, original.volume.affine)


def test_suv_is_the_originals(original_and_converted: tuple[Study, Study]) -> None:
    (_, original, quantified), (_, converted, quantified_anew) = original_and_converted
    assert quantified_anew.decay_reference == quantified.decay_reference
    expected = to_suv(original, quantified)
    np.testing.assert_allclose(to_suv(converted, quantified_anew).values, expected.values, rtol=1e-6)
