import numpy as np
import pytest

from config.finding import (
    Analysis,
    Finding,
    FindingKind,
    GradeScale,
    LocationAnswer,
    Measurements,
    Totals,
    UptakeGrade,
)
from config.reasons import Reason, Remark
from config.tracers import Tracer
from config.vocabulary import vocabulary
from inference.summary import summarise

REFERENCES = {"liver_mean": 2.1, "liver_sd": 0.25, "blood_pool_mean": 1.4}
LUNG = vocabulary().leaf("right lower lobe medial basal segment (S7)")
NODE = vocabulary().leaf("subcarinal node (station 7)")
BONE = vocabulary().leaf("left pubic bone")
KIDNEY = vocabulary().leaf("left kidney")


def finding(number, location, suv_max, *, kind=FindingKind.LESION, confidence=0.8, grade=None):
    measured = Measurements(suv_max, 5.0, 4.0, 3.84, 19.68, 20.0, 16.0, (0.0, 0.0, 0.0), (0, 0, 0), (0, 1), 60)
    answer = LocationAnswer(location, confidence, ((location, confidence),))
    return Finding(number, kind, "hot", 4.0, measured, answer, "A caption.", grade)


def analysis(*findings, totals=None, tracer=Tracer.FDG, remarks=(), references=REFERENCES):
    totals = totals or Totals(0, 0.0, 0.0, None, None)
    labels = np.zeros((1, 1, 1), np.uint16)
    return Analysis(tracer, findings, labels, totals, (), remarks, references, {})


def test_lesions_are_counted_by_region_and_the_hottest_is_named_with_its_grade():
    grade = UptakeGrade(GradeScale.DEAUVILLE, 5, "SUVmax 12.5 is 5.95 times the liver (mean 2.10).")
    found = (
        finding(1, LUNG, 12.54, grade=grade),
        finding(2, BONE, 8.25),
        finding(3, NODE, 6.0),
        finding(4, KIDNEY, 30.0, kind=FindingKind.PHYSIOLOGIC),
    )
    assert summarise(analysis(*found, totals=Totals(3, 11.52, 59.04, 12.54, 265.5))) == (
        "FDG PET: 3 lesions (chest 2, pelvis 1). "
        "Hottest lesion: right lower lobe medial basal segment (S7), SUVmax 12.5, Deauville 5. "
        "Total metabolic tumour volume 11.5 ml, total lesion glycolysis 59.0 g, "
        "largest distance between lesions (Dmax) 26.6 cm. "
        "Reference mean SUV: liver 2.10 (SD 0.25), blood pool 1.40."
    )


def test_a_single_lesion_has_no_distance():
    said = summarise(analysis(finding(1, BONE, 6.0), totals=Totals(1, 3.84, 19.68, 6.0, None)))
    assert said.startswith("FDG PET: 1 lesion (pelvis). The lesion: left pubic bone, SUVmax 6.0. Total metabolic")
    assert "Dmax" not in said


def test_nothing_found_is_said_with_what_it_was_compared_to():
    assert summarise(analysis()) == (
        "FDG PET: no lesion found. Reference mean SUV: liver 2.10 (SD 0.25), blood pool 1.40."
    )


def test_physiologic_uptake_is_no_lesion():
    kidney = finding(1, KIDNEY, 30.0, kind=FindingKind.PHYSIOLOGIC)
    assert summarise(analysis(kidney)).startswith("FDG PET: no lesion found. ")


def test_a_location_that_is_hardly_a_guess_is_not_named():
    said = summarise(analysis(finding(1, BONE, 6.0, confidence=0.14), totals=Totals(1, 3.84, 19.68, 6.0, None)))
    assert said.startswith("FDG PET: 1 lesion (location uncertain). The lesion: location uncertain, SUVmax 6.0.")
    assert "pubic" not in said


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({}, "Neither liver nor blood pool was found for reference."),
        ({"liver_mean": 2.1}, "Reference mean SUV: liver 2.10, blood pool not found."),
        ({"blood_pool_mean": 1.4}, "Reference mean SUV: liver not found, blood pool 1.40."),
    ],
)
def test_references_that_were_not_found_are_said_to_be_missing(references, said):
    assert summarise(analysis(references=references)).endswith(said)


def test_what_limits_the_figures_is_told_once_and_what_does_not_is_not():
    harmless = Remark(Reason.SCAN_OVER_MIDNIGHT, "From 23:50 to 00:20.")
    partly = Remark(Reason.CT_COVERS_PARTLY, "80 %.")
    liver = Remark(Reason.LIVER_REFERENCE_UNUSUAL, "0.9.")
    assert summarise(analysis(remarks=(liver, partly)), (partly, harmless)).endswith(
        " To be read with care: The CT covers the PET only in part. The mean SUV of the liver is outside 1.3 to 3.0."
    )


def test_an_unknown_tracer_is_not_named():
    assert summarise(analysis(tracer=Tracer.OTHER)).startswith("PET: no lesion found.")
