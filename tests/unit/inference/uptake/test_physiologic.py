"""Physiologic uptake: which organ takes which blame, and that no lesion is swallowed."""

from dataclasses import replace

import numpy as np
import pytest

from config.finding import FindingKind
from config.tracers import PROFILES, Tracer
from config.vocabulary import Laterality, vocabulary
from inference.anatomy.describe import describe
from inference.uptake import rules
from inference.uptake.expected_uptake import EXPECTED
from inference.uptake.physiologic import classify
from inference.uptake.verdict import organ_at

KIDNEYS = {"right kidney": (-60.0, 45.0, -100.0), "left kidney": (60.0, 45.0, -100.0)}
BLADDER = (0.0, -30.0, -325.0)
LESIONS = {
    "lung nodule": (-75.0, 20.0, 170.0),
    "lung mass at the heart's level": (-100.0, -20.0, 90.0),
    "mediastinal node": (-14.0, 5.0, 190.0),
    "subcarinal node": (0.0, 20.0, 165.0),
    "vertebra": (0.0, 62.0, -60.0),
    "ilium": (85.0, 45.0, -200.0),
    "retroperitoneal node": (14.0, 25.0, -80.0),
    "iliac node": (-45.0, 20.0, -230.0),
    "bowel": (20.0, -60.0, -190.0),
    "femur": (85.0, 0.0, -440.0),
}


def verdicts(phantom, anatomy, balls, tracer=Tracer.FDG, radius_mm=11.0):
    """Verdicts by name for balls that are candidates, with the kidneys and the bladder."""
    labels = np.zeros(phantom.suv.shape, dtype=np.uint16)
    names = {}
    organs = {**{name: (centre, 17.0) for name, centre in KIDNEYS.items()}, "bladder": (BLADDER, 28.0)}
    for number, (name, (centre, radius)) in enumerate(
        {**organs, **{name: (centre, radius_mm) for name, centre in balls.items()}}.items(), start=1
    ):
        labels[tuple(phantom.ball(centre, radius).T)] = number
        names[number] = name
    found = classify(labels, phantom.suv, anatomy, PROFILES[tracer])
    assert sorted(found) == sorted(names)
    return {names[number]: verdict for number, verdict in found.items()}


@pytest.mark.parametrize("tracer", [Tracer.FDG, Tracer.PSMA, Tracer.DOTATATE])
def test_kidneys_and_bladder_are_physiologic_and_on_their_sides(tracer, phantom, anatomy):
    found = verdicts(phantom, anatomy, {}, tracer)
    assert {name: verdict.organ.words for name, verdict in found.items()} == {
        "right kidney": "right kidney",
        "left kidney": "left kidney",
        "bladder": "urinary bladder",
    }
    assert all(verdict.kind is FindingKind.PHYSIOLOGIC for verdict in found.values())
    assert all(verdict.confidence > 0.5 for verdict in found.values())


@pytest.mark.parametrize(("name", "centre"), LESIONS.items(), ids=LESIONS.keys())
def test_lesions_stay_lesions_whatever_the_tracer(name, centre, phantom):
    ill = phantom.with_ball(centre, 30.0 if name == "lung nodule" else 9.0)
    anatomy = ill.describe()
    for tracer in Tracer:
        verdict = verdicts(ill, anatomy, {name: centre}, tracer)[name]
        assert (verdict.kind, verdict.organ) == (FindingKind.LESION, None)
        assert verdict.reason


def test_myocardium_is_physiologic_for_fdg_alone(phantom):
    hot = phantom.with_ball((32.0, -35.0, 80.0), 8.0, 40.0, 25.0)
    heart = {"heart": (32.0, -35.0, 80.0)}
    anatomy = hot.describe()
    assert verdicts(hot, anatomy, heart, Tracer.FDG, 25.0)["heart"].organ.location.name == "left ventricular myocardium"
    assert verdicts(hot, anatomy, heart, Tracer.PSMA, 25.0)["heart"].kind is FindingKind.LESION


def test_a_small_focus_at_the_heart_is_kept_as_a_lesion_in_doubt(phantom):
    centre = (32.0, -35.0, 80.0)
    focus = phantom.with_ball(centre, 6.0, 40.0, 7.0)
    verdict = verdicts(focus, focus.describe(), {"focus": centre}, radius_mm=7.0)["focus"]
    assert verdict.kind is FindingKind.LESION
    assert verdict.confidence < 0.5
    assert "doubt" in verdict.reason


def test_noise_of_the_liver_is_physiologic_and_a_metastasis_is_not(phantom):
    centre = (-100.0, -20.0, -40.0)
    for uptake, kind in ((2.8, FindingKind.PHYSIOLOGIC), (9.0, FindingKind.LESION)):
        changed = phantom.with_ball(centre, uptake, 55.0)
        assert verdicts(changed, changed.describe(), {"spot": centre})["spot"].kind is kind


def test_a_thin_column_of_urine_is_ureter_and_a_ball_there_is_a_lesion(phantom, anatomy):
    points = phantom.points
    thin = (
        (np.linalg.norm(points[:, :2] - (-36.0, 20.0), axis=1) < 7.0)
        & (points[:, 2] < -180.0)
        & (points[:, 2] > -250.0)
    )
    labels = np.zeros(phantom.suv.shape, dtype=np.uint16)
    labels[thin.reshape(labels.shape)] = 1
    labels[tuple(phantom.ball(KIDNEYS["right kidney"], 17.0).T)] = 2
    found = classify(labels, phantom.suv, anatomy, PROFILES[Tracer.FDG])
    assert found[1].organ.location.name == "right ureter"
    round_one = verdicts(phantom, anatomy, {"ball": (-36.0, 20.0, -215.0)}, radius_mm=9.0)["ball"]
    assert round_one.kind is FindingKind.LESION
    assert "ureter" in round_one.reason


def test_a_lesion_beside_the_bladder_is_not_urine(phantom):
    prostate = (0.0, 20.0, -362.0)
    ill = phantom.with_ball(prostate, 15.0, radius_mm=10.0)
    found = verdicts(ill, ill.describe(), {"prostate": prostate}, Tracer.PSMA, 10.0)
    assert found["bladder"].organ.words == "urinary bladder"
    assert found["prostate"].kind is FindingKind.LESION


def test_without_a_ct_a_lesion_stays_one_and_confidence_is_lower(phantom):
    found = verdicts(phantom, describe(phantom.suv, None), {"lung nodule": LESIONS["lung nodule"]})
    assert found["lung nodule"].kind is FindingKind.LESION
    assert all(verdict.confidence <= 0.8 for verdict in found.values())


def test_no_candidates_give_no_verdicts(phantom, anatomy):
    labels = np.zeros(phantom.suv.shape, dtype=np.uint16)
    assert classify(labels, phantom.suv, anatomy, PROFILES[Tracer.FDG]) == {}


def test_labels_need_not_be_consecutive(phantom, anatomy):
    labels = np.zeros(phantom.suv.shape, dtype=np.uint16)
    labels[tuple(phantom.ball(KIDNEYS["left kidney"]).T)] = 41
    assert set(classify(labels, phantom.suv, anatomy, PROFILES[Tracer.FDG])) == {41}


def test_an_adrenal_metastasis_above_one_kidney_is_kept_in_doubt(phantom):
    adrenal = (46.0, 38.0, -28.0)
    ill = phantom.with_ball(adrenal, 14.0, radius_mm=9.0)
    verdict = verdicts(ill, ill.describe(), {"adrenal": adrenal}, radius_mm=9.0)["adrenal"]
    assert verdict.kind is FindingKind.LESION
    assert "adrenal" in verdict.reason


def test_weak_uptake_alone_where_a_kidney_lies_is_kept_in_doubt(phantom, anatomy):
    labels = np.zeros(phantom.suv.shape, dtype=np.uint16)
    weak = phantom.with_ball((75.0, 30.0, -90.0), 4.0, radius_mm=9.0)
    labels[tuple(phantom.ball((75.0, 30.0, -90.0), 9.0).T)] = 1
    verdict = classify(labels, weak.suv, anatomy, PROFILES[Tracer.FDG])[1]
    assert verdict.kind is FindingKind.LESION
    assert "kidney" in verdict.reason


def test_moderate_uptake_beside_gas_is_bowel_and_hot_or_solid_uptake_is_a_lesion(phantom):
    centre = (30.0, -60.0, -190.0)
    for uptake, gas, kind in (
        (4.0, True, FindingKind.PHYSIOLOGIC),
        (4.0, False, FindingKind.LESION),
        (9.0, True, FindingKind.LESION),
    ):
        patient = phantom.with_ball((45.0, -60.0, -190.0), 0.7, -900.0, 8.0) if gas else phantom
        patient = patient.with_ball(centre, uptake, radius_mm=11.0)
        verdict = verdicts(patient, patient.describe(), {"focus": centre})["focus"]
        assert verdict.kind is kind, (uptake, gas, verdict.reason)
        if kind is FindingKind.PHYSIOLOGIC:
            assert verdict.organ.location.coarse in rules.BOWEL


def test_a_node_by_the_aorta_is_no_bowel_even_beside_gas(phantom):
    centre = (10.0, 5.0, -190.0)
    patient = phantom.with_ball((25.0, 5.0, -190.0), 0.7, -900.0, 8.0).with_ball(centre, 4.0, radius_mm=9.0)
    verdict = verdicts(patient, patient.describe(), {"node": centre}, radius_mm=9.0)["node"]
    assert verdict.kind is FindingKind.LESION


def test_a_reason_compares_with_the_liver_only_where_it_was_measured(phantom, anatomy):
    nodule = {"lung nodule": LESIONS["lung nodule"]}
    ill = phantom.with_ball(LESIONS["lung nodule"], 9.0)
    measured = verdicts(ill, ill.describe(), nodule)["lung nodule"]
    assert measured.reason == "No organ explains this FDG uptake: SUVmax 9.0, liver mean 2.0."
    unknown = replace(ill.describe(), references={})
    assert verdicts(ill, unknown, nodule)["lung nodule"].reason == "No organ explains this FDG uptake: SUVmax 9.0."


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row.words} {sorted(row.tracers)[0]}")
@pytest.mark.parametrize("side", [Laterality.RIGHT, Laterality.LEFT])
def test_every_organ_of_the_table_lies_in_the_vocabulary_on_its_side(row, side):
    organ = row.organ(side)
    assert "{" not in organ.words
    entries = vocabulary()
    known = {entry.id for entry in entries} | {entries.coarse(name, side).id for name in entries.coarse_names}
    known |= {entries.coarse(name).id for name in entries.coarse_names}
    assert organ.location.id in known
    if "{side}" in row.entry:
        assert organ.location.laterality is side
    assert not row.paired or organ.location.laterality in (side, Laterality.MIDLINE)


def test_every_organ_of_the_rules_lies_in_the_vocabulary():
    organs = (rules.BRAIN, rules.MYOCARDIUM, rules.BLADDER)
    assert {organ.location.region for organ in organs} == {"head", "chest", "pelvis"}
    assert {*rules.BOWEL, *rules.LIVER_LOBES} <= set(vocabulary().coarse_names)
    for side in (Laterality.RIGHT, Laterality.LEFT):
        assert organ_at("{side} ureter", "{side} ureter", side).location.laterality is side
