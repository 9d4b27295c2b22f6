"""A digital patient examined twice: lesions that were there before keep their tracking UIDs."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from config.tracers import PROFILES, Tracer
from config.volume import Volume
from dicom_io.identity import Provenance
from dicom_io.reading.volume import Acquisition
from dicom_io.results.result import ResultContext
from inference.grid import on_grid_of
from inference.options import Options
from inference.organ_map import organ_map
from inference.patient.lesions import DigitalLesion
from inference.patient.patient import DigitalPatient, Grid
from inference.pipeline import analyse
from inference.stages import BASELINE
from node.follow_up import FILE, keep_for_follow_up, tracking_from_prior

CT_GRID = Grid.axial((96, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((96, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))

PATIENT = DigitalPatient.default(seed=3)
GONE, NEW = PATIENT.lesions[0], DigitalLesion("new", (60.0, 20.0, 60.0), (9.0, 9.0, 9.0), 12.0, 45.0)
AFTERWARDS = replace(PATIENT, lesions=(*PATIENT.lesions[1:], NEW))


def examined(patient, series, motion):
    """What the rules find in a patient who lies elsewhere by a motion."""
    suv, ct = (
        Volume(volume.values, motion @ volume.affine, volume.unit)
        for volume in (patient.suv(PET_GRID), patient.ct(CT_GRID))
    )
    analysis = analyse(suv, ct, Options(PROFILES[Tracer.FDG]))
    organs = organ_map(BASELINE.describe.run(suv, on_grid_of(suv, ct)), suv)
    header = Dataset()
    header.SeriesInstanceUID = series
    pet = Acquisition(suv, (), (header,), ())
    provenance = Provenance("1.2.3", "RESEARCH", "A hospital", "a" * 64, "b" * 64, 1, 9000)
    return ResultContext(pet, suv, None, None, replace(analysis, organs=organs), provenance)


@pytest.fixture(scope="module")
def motion():
    made = np.eye(4)
    made[:3, :3] = Rotation.from_euler("xyz", (2.0, -1.5, 3.0), degrees=True).as_matrix()
    made[:3, 3] = (22.0, -9.0, 310.0)
    return made


@pytest.fixture(scope="module")
def prior():
    return examined(PATIENT, "1.2.3", np.eye(4))


@pytest.fixture(scope="module")
def current(motion):
    return examined(AFTERWARDS, "1.2.4", motion)


def nearest(context, point_mm):
    """The lesion at a point, and how far its centre is from it."""
    away = {
        finding.number: float(np.linalg.norm(np.subtract(finding.measurements.centroid_mm, point_mm)))
        for finding in context.analysis.lesions
    }
    number = min(away, key=away.__getitem__)
    return next(finding for finding in context.analysis.lesions if finding.number == number), away[number]


def test_lesions_that_were_there_keep_their_tracking_uid_and_new_ones_have_their_own(prior, current, motion, tmp_path):
    keep_for_follow_up(prior, tmp_path)
    tracking = tracking_from_prior(current, tmp_path)
    followed = replace(current, tracking=tracking)
    known = {prior.tracking_uid(finding) for finding in prior.analysis.lesions}
    assert set(tracking.values()) <= known
    seen = 0
    for lesion in AFTERWARDS.lesions:
        moved = motion @ (*lesion.centre_mm, 1.0)
        (now, away_now), (before, away_before) = nearest(current, moved[:3]), nearest(prior, lesion.centre_mm)
        if away_now < 12.0 and away_before < 12.0:
            seen += 1
            assert followed.tracking_uid(now) == prior.tracking_uid(before), lesion.name
    assert seen >= 2
    newcomer, away = nearest(current, (motion @ (*NEW.centre_mm, 1.0))[:3])
    assert away < 12.0
    assert followed.tracking_uid(newcomer) not in known
    assert len({followed.tracking_uid(finding) for finding in current.analysis.findings}) == len(
        current.analysis.findings
    )


def test_what_is_kept_is_small_and_the_same_every_time(prior, tmp_path):
    kept = [keep_for_follow_up(prior, tmp_path).read_bytes() for _ in range(2)]
    assert kept[0] == kept[1]
    assert len(kept[0]) < 200_000


def test_nothing_is_taken_over_without_what_was_kept(current, tmp_path):
    assert tracking_from_prior(current, tmp_path) == {}


def test_nothing_is_kept_without_an_organ_map_or_a_lesion(prior, tmp_path):
    for analysis in (replace(prior.analysis, organs=None), replace(prior.analysis, findings=())):
        assert keep_for_follow_up(replace(prior, analysis=analysis), tmp_path) is None
    assert not (tmp_path / FILE).exists()


def test_a_third_examination_goes_on_with_the_uids_of_the_first(prior, current, motion, tmp_path):
    keep_for_follow_up(prior, tmp_path)
    second = replace(current, tracking=tracking_from_prior(current, tmp_path))
    keep_for_follow_up(second, tmp_path)
    third = examined(AFTERWARDS, "1.2.5", np.linalg.inv(motion))
    taken = set(tracking_from_prior(third, tmp_path).values())
    assert set(second.tracking.values()) <= taken
