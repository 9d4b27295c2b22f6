import numpy as np
import pytest

from config.finding import FindingKind
from config.thresholds import ThresholdRule
from config.tracers import PROFILES, Tracer
from config.volume import Unit, Volume
from inference.patient.patient import SMALL_CT_GRID, SMALL_PET_GRID, DigitalPatient
from inference.pipeline import Options, analyse

FDG = PROFILES[Tracer.FDG]
FIXED = [rule for rule in ThresholdRule if rule is not ThresholdRule.ITERATIVE]


def label_at(analysis, suv, point_mm):
    return int(analysis.labels[tuple(np.rint(suv.indices(np.array([point_mm]))[0]).astype(int))])


@pytest.mark.parametrize(("seed", "rule"), [*((0, rule) for rule in FIXED), (1, ThresholdRule.SUV_2_5)])
def test_no_rule_takes_an_organ_for_a_lesion(seed, rule):
    patient = DigitalPatient.default(seed)
    suv, ct = patient.suv(SMALL_PET_GRID), patient.ct(SMALL_CT_GRID)
    analysis = analyse(suv, ct, Options(FDG, rule))
    true = {label_at(analysis, suv, lesion.centre_mm) for lesion in patient.lesions}
    assert true <= {lesion.number for lesion in analysis.lesions}
    for lesion in analysis.lesions:
        assert lesion.measurements.mtv_ml < (40.0 if lesion.number in true else 5.0)


def test_organs_are_recognised_without_a_ct():
    patient = DigitalPatient.default(0)
    suv = patient.suv(SMALL_PET_GRID)
    analysis = analyse(suv, None, Options(FDG))
    assert len(analysis.lesions) == len(patient.lesions)
    assert {label_at(analysis, suv, lesion.centre_mm) for lesion in patient.lesions} == {
        lesion.number for lesion in analysis.lesions
    }
    assert all(lesion.reason.startswith("In doubt") for lesion in analysis.lesions)
    organs = {f.caption.split(":")[0] for f in analysis.findings if f.kind is FindingKind.PHYSIOLOGIC}
    assert organs == {"Brain", "Left ventricular myocardium", "Left kidney", "Right kidney", "Urinary bladder"}


@pytest.mark.parametrize("rule", [ThresholdRule.ITERATIVE, ThresholdRule.SUV_4, ThresholdRule.PERCENT_41])
@pytest.mark.parametrize("uptake", [0.0, 1.0, 50.0])
def test_a_volume_without_contrast_is_analysed_all_the_same(uptake, rule):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1] * 6.0
    suv = Volume(np.full((20, 24, 24), uptake, dtype=np.float32), affine, Unit.SUVBW)
    analysis = analyse(suv, None, Options(FDG, rule))
    assert len(analysis.lesions) == len(analysis.findings) == (uptake == 50.0)
