"""What bad input gets: a coded reason, a clear message, an audit row; never a guess, a crash or a silent skip."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pydicom
import pytest

from config.reasons import Reason
from db.audit_actions import AuditAction
from db.states import StudyState
from dicom_io.scanner.examination import LUTETIUM_PSMA_617, SAMPLE_NAMES, Examination, PatientIdentity
from dicom_io.scanner.study import Flaws, StudyPlan, WrittenStudy
from dicom_io.scanner.vendors import ALL_CORRECTIONS, PHILIPS, DecayCorrection, DoseUnit, InjectionTimes, PrivateTags

Write = Callable[..., WrittenStudy]

NOT_ATTENUATION_CORRECTED = tuple(code for code in ALL_CORRECTIONS if code != "ATTN")


def omitting(*keywords: str) -> dict[str, Any]:
    return {"omitted": frozenset(keywords)}


REFUSED: dict[Reason, dict[str, Any]] = {
    Reason.NO_ATTENUATION_CORRECTION: {"corrections": NOT_ATTENUATION_CORRECTED},
    Reason.NO_PATIENT_WEIGHT: omitting("PatientWeight"),
    Reason.NO_DOSE: omitting("RadionuclideTotalDose"),
    Reason.NO_HALF_LIFE: omitting(
        "RadionuclideHalfLife", "RadionuclideCodeSequence", "RadiopharmaceuticalCodeSequence", "Radiopharmaceutical"
    ),
    Reason.NO_ADMINISTRATION_TIME: omitting("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"),
    Reason.NO_VENDOR_FACTOR: {"habits": replace(PHILIPS, private_tags=PrivateTags.NONE)},
    Reason.NOT_A_POSITRON_EMITTER: {"examination": Examination(radiopharmaceutical=LUTETIUM_PSMA_617)},
    Reason.NO_CT: {"ct": False},
    Reason.NO_PET: {"pet": False},
    Reason.NO_COMMON_FRAME_OF_REFERENCE: {"plan": StudyPlan(pet_frame_of_reference="another")},
    Reason.SLICE_GAP: {"plan": StudyPlan(ct_flaws=Flaws(missing=(40, 41)))},
}


@pytest.mark.parametrize("reason", REFUSED, ids=str)
def test_a_study_that_can_not_be_analysed_honestly_is_rejected_with_its_reason(
    node, write: Write, reason: Reason
) -> None:
    study = write(**REFUSED[reason])
    node.receive(study.files)
    node.run()
    node.wait()
    summary = node.study(study.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.REJECTED, reason)
    assert summary.detail
    (rejected,) = [entry for entry in node.audit() if entry.action is AuditAction.STUDY_REJECTED]
    assert rejected.detail["reason"] == reason


REMARKED: dict[Reason, dict[str, Any]] = {
    Reason.DOSE_IN_MBQ: {"dose_unit": DoseUnit.MBQ},
    Reason.SCAN_OVER_MIDNIGHT: {"examination": Examination(administered=datetime(2024, 3, 5, 23, 30))},
    Reason.DATES_SHIFTED: {"injection_shift_days": -400},
}


@pytest.mark.parametrize("reason", REMARKED, ids=str)
def test_what_can_be_understood_is_analysed_and_remarked(node, write: Write, reason: Reason) -> None:
    study = write(**REMARKED[reason])
    node.receive(study.files)
    node.run()
    (report,) = node.study(study.study_uid).reports
    assert reason in {remark.reason for remark in report.remarks}


@pytest.mark.parametrize(
    "change",
    [
        {"examination": Examination(administered=datetime(2024, 3, 5, 23, 30))},
        {"injection_shift_days": -400},
        {"dose_unit": DoseUnit.MBQ},
        {"decay_correction": DecayCorrection.ADMIN},
        {"decay_correction": DecayCorrection.NONE},
        {"injection_times": InjectionTimes.TIME_ONLY},
        {"habits": PHILIPS},
    ],
    ids=str,
)
def test_habits_of_writing_do_not_change_what_is_measured(node, write: Write, change: dict[str, Any]) -> None:
    plain, odd = write(plan=StudyPlan(seed="plain")), write(plan=StudyPlan(seed="odd"), **change)
    for study in (plain, odd):
        node.receive(study.files)
        node.run()
    hottest = [max(f.suv_max for f in node.study(study.study_uid).reports[0].findings) for study in (plain, odd)]
    assert hottest[1] == pytest.approx(hottest[0], rel=2e-3)


@pytest.mark.parametrize("script", ["Japanese", "Greek", "Arabic", "UTF-8"])
def test_names_in_any_script_come_back_unharmed(node, write: Write, script: str, identity: PatientIdentity) -> None:
    name, character_set = SAMPLE_NAMES[script]
    study = write(identity=replace(identity, name=name, character_set=character_set))
    node.receive(study.files)
    node.run()
    sent = pydicom.dcmread(study.pet_files[0]).PatientName
    (report,) = node.study(study.study_uid).reports
    for result in report.results:
        back = pydicom.dcmread(node.spool.folder / result.path).PatientName
        assert back == sent
