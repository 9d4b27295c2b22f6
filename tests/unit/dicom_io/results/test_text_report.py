from dataclasses import replace

import pytest

from config.finding import FindingKind, GradeScale, Method, UptakeGrade
from config.reasons import Reason, Remark
from dicom_io.results.text_report import encode_basic_text, encode_enhanced_text
from tests.unit.dicom_io.results.tree import children, code, evidence, name, walk

ENCODERS = pytest.mark.parametrize("encode", [encode_enhanced_text, encode_basic_text])
PROCEDURE, FINDINGS, IMPRESSIONS = "55111-9", "59776-5", "19005-8"


def lines(report, section):
    (found,) = children(report, section, "CONTAINER")
    return [item.TextValue for item in found.ContentSequence]


@pytest.mark.parametrize(
    ("encode", "sop_class"),
    [(encode_enhanced_text, "1.2.840.10008.5.1.4.1.1.88.22"), (encode_basic_text, "1.2.840.10008.5.1.4.1.1.88.11")],
)
def test_it_is_an_imaging_report_by_tid_2000_of_its_class(contexts, encode, sop_class):
    report = encode(contexts())
    assert report.SOPClassUID == report.file_meta.MediaStorageSOPClassUID == sop_class
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "2000"
    assert name(report) == "44136-0"  # PET Scan Report
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert [name(item) for item in children_of_root(report)] == [PROCEDURE, FINDINGS, IMPRESSIONS]


def children_of_root(report):
    return [item for item in report.ContentSequence if item.ValueType == "CONTAINER"]


@ENCODERS
def test_it_holds_nothing_that_a_basic_text_report_may_not_hold(contexts, encode):
    kinds = {item.ValueType for item in walk(encode(contexts(3, 1))) if "RelationshipType" in item}
    assert kinds <= {"CONTAINER", "TEXT", "CODE", "UIDREF", "IMAGE"}


@ENCODERS
def test_every_lesion_has_a_line_with_its_figures(contexts, encode):
    context = contexts(2, 0)
    first, second = context.analysis.findings
    grade = UptakeGrade(GradeScale.DEAUVILLE, 5, "SUVmax 12.5 is 5.95 times the liver (mean 2.10).")
    context = replace(context, analysis=replace(context.analysis, findings=(replace(first, grade=grade), second)))
    assert lines(encode(context), FINDINGS) == [
        "Lesion 1. Right lower lobe medial basal segment (s7): 2.0 x 1.6 cm mass, intense uptake (SUVmax 12.5). "
        "SUVpeak 5.5, SUVmean 5.1, metabolic volume 3.8 ml, glycolysis 19.7 g. "
        "Deauville 5: SUVmax 12.5 is 5.95 times the liver (mean 2.10).",
        "Lesion 2. Subcarinal node (station 7): 2.0 x 1.6 cm mass, intense uptake (SUVmax 8.2). "
        "SUVpeak 5.5, SUVmean 5.1, metabolic volume 3.8 ml, glycolysis 19.7 g.",
    ]


@ENCODERS
def test_a_lesions_line_is_inferred_from_the_slice_of_its_maximum(contexts, encode):
    context = contexts(2, 0)
    report = encode(context)
    shown = [item for item in walk(report) if item.ValueType == "IMAGE"]
    assert {item.RelationshipType for item in shown} == {"INFERRED FROM"}
    assert [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in shown] == [
        context.pet.sources[finding.measurements.suv_max_index[0]].sop_instance_uid
        for finding in context.analysis.findings
    ]


@ENCODERS
def test_the_images_are_evidence(contexts, encode):
    context = contexts()
    assert evidence(encode(context)) == {str(header.SOPInstanceUID) for header in context.pet.headers}


@ENCODERS
def test_nothing_found_is_a_finding(contexts, encode):
    report = encode(contexts(0, 0))
    assert lines(report, FINDINGS) == ["No lesion found."]
    assert lines(report, IMPRESSIONS)[0] == "FDG PET: no lesions."


@ENCODERS
def test_physiologic_uptake_is_told_after_the_lesions(contexts, encode):
    assert lines(encode(contexts(1, 1)), FINDINGS)[1:] == [
        "Physiologic uptake, not measured as lesions: left kidney (SUVmax 30.0)."
    ]


@ENCODERS
def test_the_impression_is_the_summary_and_the_remarks(contexts, encode):
    remark = Remark(Reason.CT_COVERS_PARTLY, "80 % of the PET.")
    assert lines(encode(contexts(2, 0, remarks=(remark,))), IMPRESSIONS) == [
        "FDG PET: 2 lesions.",
        "ct-covers-partly: 80 % of the PET. The CT covers the PET only in part. Read the rest with care.",
    ]


@ENCODERS
def test_it_says_that_software_made_it_and_how(contexts, encode):
    report = encode(contexts())
    assert lines(report, PROCEDURE)[0] == "RESEARCH: made by uptake 1.2.3 without review by a physician."
    assert "Method of segmentation: iterative threshold 1 (rule = iterative)." in lines(report, PROCEDURE)
    assert code(children(report, "121005")[0]) == "121007"  # a device has observed


def test_our_own_words_are_in_ascii(contexts):
    context = contexts(3, 1)
    measured = Method("measurement", "voxels ≥ the threshold", "1", {"suv_peak": "sphere of 1 cm³"})
    report = encode_basic_text(replace(context, analysis=replace(context.analysis, methods=(measured,))))
    assert all(item.TextValue.isascii() for item in walk(report) if item.ValueType == "TEXT")
    assert "Method of measurement: voxels >= the threshold 1 (suv_peak = sphere of 1 cm3)." in lines(report, PROCEDURE)


def test_without_a_summary_nothing_empty_is_said(contexts):
    context = contexts(1, 0)
    report = encode_basic_text(replace(context, analysis=replace(context.analysis, summary="")))
    assert all(item.TextValue for item in walk(report) if item.ValueType == "TEXT")


def test_the_two_classes_say_the_same_in_series_of_their_own(contexts):
    context = contexts(2, 1)
    enhanced, basic = encode_enhanced_text(context), encode_basic_text(context)
    assert enhanced.ContentSequence == basic.ContentSequence
    assert enhanced.SeriesInstanceUID != basic.SeriesInstanceUID
    assert {finding.kind for finding in context.analysis.findings} == set(FindingKind)
