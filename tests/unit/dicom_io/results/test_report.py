from dataclasses import replace

import numpy as np
import pytest

from config.finding import FindingKind, GradeScale, LocationAnswer, UptakeGrade
from config.reasons import Reason, Remark
from config.tracers import Tracer
from config.vocabulary import vocabulary
from dicom_io.identity import ResultReference
from dicom_io.results.report import encode_measurements, encode_regions, encode_report
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.scanner.study import Storage
from tests.unit.dicom_io.results.tree import (
    children,
    code,
    comments,
    container,
    evidence,
    groups,
    name,
    number,
    walk,
)

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
LEFT, RIGHT = "7771000", "24028007"


def reported(context):
    segmentations = encode_segmentations(context)
    return segmentations, encode_report(context, segmentations)


def graded(context, grade):
    """The same analysis, with every lesion of a grade."""
    findings = tuple(
        replace(finding, grade=grade if finding.kind is FindingKind.LESION else None)
        for finding in context.analysis.findings
    )
    return replace(context, analysis=replace(context.analysis, findings=findings))


def test_it_is_a_preliminary_unverified_comprehensive_sr_by_tid_1500(contexts):
    _, report = reported(contexts())
    assert report.SOPClassUID == COMPREHENSIVE_SR
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert name(report) == "126000"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_every_lesion_has_one_volumetric_and_one_planar_group_with_the_segments_tracking(contexts):
    (segmentation,), report = reported(contexts(3, 1))
    expected = [(segment.TrackingID, segment.TrackingUID) for segment in segmentation.SegmentSequence[:3]]
    for template in ("1411", "1410"):
        found = [
            (children(group, "112039")[0].TextValue, children(group, "112040")[0].UID)
            for group in groups(report, template)
        ]
        assert found == expected


def test_measurements_come_in_the_order_that_viewers_need(contexts):
    _, report = reported(contexts(1, 0))
    (group,) = groups(report, "1411")
    measured = [
        (name(item), code(children(item, "121401")[0]) if children(item, "121401") else None, *number(item))
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    ]
    assert measured == [
        ("126401", "56851009", 12.5, "g/ml{SUVbw}"),
        ("126401", "126031", 5.5, "g/ml{SUVbw}"),
        ("126401", "373098007", 5.125, "g/ml{SUVbw}"),
        ("126032", None, 3.84, "ml"),
        ("126033", None, 19.68, "g"),
        ("103339001", None, 20.0, "mm"),
        ("103340004", None, 16.0, "mm"),
    ]


def test_every_measurement_names_the_algorithm_and_the_volume_its_threshold(contexts):
    _, report = reported(contexts(1, 0))
    (group,) = groups(report, "1411")
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            assert children(item, "111001")[0].TextValue == "uptake"
            assert children(item, "111003")[0].TextValue == "1.2.3"
    (volume,) = children(group, "126032")
    assert [item.TextValue for item in children(volume, "111002")] == [
        "SUVbw >= 4.000 g/ml",
        "iterative threshold 1",
    ]


def test_the_volumetric_group_refers_to_its_segment_and_the_pet(contexts):
    context = contexts(2, 1)
    (segmentation,), report = reported(context)
    for segment_number, group in enumerate(groups(report, "1411"), start=1):
        (reference,) = children(group, "121191")
        assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
        assert reference.ReferencedSOPSequence[0].ReferencedSegmentNumber == segment_number
        assert context.pet.headers[0].SeriesInstanceUID == children(group, "121232")[0].UID


def test_planar_groups_hold_no_numbers(contexts):
    _, report = reported(contexts())
    assert not any(item.ValueType == "NUM" for group in groups(report, "1410") for item in walk(group))


@pytest.mark.parametrize("storage", Storage)
def test_the_rectangle_encloses_the_lesions_pixels_on_the_slice_of_its_maximum(contexts, storage):
    context = contexts(2, 0, storage=storage)
    _, report = reported(context)
    for finding, group in zip(context.analysis.lesions, groups(report, "1410"), strict=True):
        (region,) = children(group, "111030")
        points = np.array(region.GraphicData).reshape(-1, 2)
        assert region.GraphicType == "POLYLINE"
        assert points.shape == (5, 2)
        np.testing.assert_array_equal(points[0], points[-1])
        slice_index, row, column = finding.measurements.suv_max_index
        first_row, first_column = row - 1, column - 2  # the hottest voxel's place in the cube of 4 × 5
        np.testing.assert_array_equal(points.min(axis=0), (first_column, first_row))
        np.testing.assert_array_equal(points.max(axis=0), (first_column + 5, first_row + 4))
        (image,) = region.ContentSequence[0].ReferencedSOPSequence
        source = context.pet.sources[slice_index]
        assert image.ReferencedSOPInstanceUID == source.sop_instance_uid
        assert image.get("ReferencedFrameNumber") == source.frame


def test_groups_carry_finding_site_side_and_caption(contexts):
    context = contexts(1, 0)
    _, report = reported(context)
    for template in ("1411", "1410"):
        (group,) = groups(report, template)
        (site,) = children(group, "363698007")
        assert code(children(group, "276214006")[0]) == "49755003"
        assert code(children(group, "121071")[0]) == "108369006"
        assert code(site) == "90572001"
        assert code(children(site, "272741003")[0]) == "24028007"
        assert children(group, "121106")[0].TextValue == context.analysis.findings[0].caption
        assert group.ContentSequence[-1].ValueType == "TEXT"


@pytest.mark.parametrize(
    ("grade", "scale", "value"),
    [
        (UptakeGrade(GradeScale.DEAUVILLE, 2, "Why."), ("708895006", "SCT"), ("C99747", "NCIt")),
        (UptakeGrade(GradeScale.DEAUVILLE, 5, "Why."), ("708895006", "SCT"), ("C99750", "NCIt")),
        (UptakeGrade(GradeScale.PROMISE, 3, "Why."), ("MIPSMA", "99UPTAKE"), ("MIPSMA3", "99UPTAKE")),
    ],
    ids=str,
)
def test_the_grade_of_uptake_is_coded_with_what_it_rests_on(contexts, grade, scale, value):
    _, report = reported(graded(contexts(1, 0), grade))
    for template in ("1411", "1410"):
        (group,) = groups(report, template)
        (item,) = children(group, scale[0], "CODE")
        assert item.ConceptNameCodeSequence[0].CodingSchemeDesignator == scale[1]
        assert (code(item), item.ConceptCodeSequence[0].CodingSchemeDesignator) == value
        assert item.ConceptCodeSequence[0].CodeMeaning.endswith(str(grade.score))
        if template == "1411":
            (basis,) = item.ContentSequence
            assert (basis.RelationshipType, basis.TextValue) == ("INFERRED FROM", "Why.")


def test_without_a_grade_nothing_is_said_of_one(contexts):
    _, report = reported(contexts(1, 0))
    assert not any(name(item) in ("708895006", "MIPSMA") for item in walk(report))


def test_private_codes_are_declared_and_no_others_are_used(contexts):
    _, report = reported(graded(contexts(1, 0), UptakeGrade(GradeScale.PROMISE, 3, "Why.")))
    (scheme,) = report.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99UPTAKE"
    used = {item.ConceptNameCodeSequence[0].CodingSchemeDesignator for item in walk(report)}
    assert used == {"DCM", "SCT", "UMLS", "99UPTAKE"}


def test_candidates_for_the_location_come_with_their_confidence(contexts):
    context = contexts(1, 0)
    leaf = vocabulary().leaf
    lobe, left = leaf("right lower lobe medial basal segment (S7)"), leaf("left pubic bone")
    node, kidney = leaf("subcarinal node (station 7)"), leaf("left kidney")
    answer = LocationAnswer(lobe, 0.62, ((lobe, 0.62), (left, 0.205), (node, 0.1), (kidney, 0.01)))
    (finding,) = context.analysis.findings
    findings = (replace(finding, location=answer),)
    _, report = reported(replace(context, analysis=replace(context.analysis, findings=findings)))
    (group,) = groups(report, "1411")
    candidates = children(group, "CANDIDATESITE")
    told = [
        (
            code(item),
            [code(side) for side in children(item, "272741003")],
            number(children(item, "111012")[0]),
            [text.TextValue for text in children(item, "NAMEOFSITE")],
        )
        for item in candidates
    ]
    assert told == [
        ("90572001", [RIGHT], (62.0, "%"), ["right lower lobe medial basal segment (S7)"]),  # right lower lobe
        ("816092008", [LEFT], (20.5, "%"), ["left pubic bone"]),  # pelvis
        ("28330007", [], (10.0, "%"), []),
    ]
    (planar,) = groups(report, "1410")
    assert not children(planar, "CANDIDATESITE")


def derived(report):
    """Name, derivation and site of each derived measurement, with its number."""
    items = container(report, "126011").ContentSequence
    return {
        (name(item), *(code(child) for word in ("121401", "363698007") for child in children(item, word))): number(item)
        for item in items
    }


def test_totals_and_references_are_derived_measurements(contexts):
    _, report = reported(contexts(2, 1))
    assert derived(report) == {
        ("246206008",): (2.0, "1"),
        ("126032", "255619001"): (7.68, "ml"),
        ("126033", "255619001"): (39.36, "g"),
        ("126401", "56851009", "90572001"): (12.5, "g/ml{SUVbw}"),  # the hottest, in the lung
        ("121206", "56851009"): (65.5, "mm"),
        ("126401", "373098007", "10200004"): (2.1, "g/ml{SUVbw}"),  # mean of the liver
        ("126401", "386136009", "10200004"): (0.25, "g/ml{SUVbw}"),
        ("126401", "373098007", "32672002"): (1.4, "g/ml{SUVbw}"),  # mean of the descending aorta
    }


def test_every_derived_measurement_names_the_algorithm(contexts):
    _, report = reported(contexts(2, 1))
    for item in container(report, "126011").ContentSequence:
        assert children(item, "111001")[0].TextValue == "uptake"
        assert children(item, "111003")[0].TextValue == "1.2.3"


def test_the_hottest_lesion_is_named_by_its_tracking_identifier(contexts):
    (segmentation,), report = reported(contexts(2, 0))
    (hottest,) = (item for item in container(report, "126011").ContentSequence if children(item, "112040"))
    assert children(hottest, "112039")[0].TextValue == segmentation.SegmentSequence[0].TrackingID
    assert segmentation.SegmentSequence[0].TrackingUID == children(hottest, "112040")[0].UID


def test_the_summary_of_the_analysis_is_told(contexts):
    for lesions, said in ((2, "FDG PET: 2 lesions."), (0, "FDG PET: no lesions.")):
        _, report = reported(contexts(lesions, 0))
        (summary,) = children(container(report, "C0034375"), "121111")
        assert summary.TextValue == said


def test_nothing_found_is_said_explicitly(contexts):
    _, report = reported(contexts(0, 0))
    evaluations = container(report, "C0034375")
    assert code(children(evaluations, "111017")[0]) == "111241"  # all algorithms succeeded; without findings
    assert code(children(evaluations, "52988006")[0]) == "272519000"  # lesion: absent
    assert comments(report)[0] == "No lesion found."
    assert not children(report, "126010")
    assert number(children(container(report, "126011"), "246206008")[0]) == (0.0, "1")


def test_without_lesions_it_is_titled_so_that_viewers_show_its_text(contexts):
    for physiologic in (0, 1):
        _, report = reported(contexts(0, physiologic))
        assert name(report) == "126003"


def test_lesions_found_are_said_to_be_present(contexts):
    _, report = reported(contexts(1, 0))
    evaluations = container(report, "C0034375")
    assert code(children(evaluations, "111017")[0]) == "111242"  # all algorithms succeeded; with findings
    assert code(children(evaluations, "52988006")[0]) == "52101004"
    assert "No lesion found." not in comments(report)


def test_physiologic_uptake_is_named_but_not_measured(contexts):
    _, report = reported(contexts(1, 1))
    assert len(groups(report, "1411")) == len(groups(report, "1410")) == 1
    assert "Physiologic uptake, not measured as lesions: left kidney (SUVmax 30.0)." in comments(report)


def test_remarks_methods_and_quantification_are_told(contexts):
    remark = Remark(Reason.CT_COVERS_PARTLY, "80 % of the PET.")
    context = contexts(remarks=(remark,))
    _, report = reported(context)
    text = "\n".join(comments(report))
    assert "RESEARCH: made by uptake 1.2.3 without review by a physician." in text
    assert "ct-covers-partly: 80 % of the PET. The CT covers the PET only in part." in text
    assert "Method of segmentation: iterative threshold 1 (rule = iterative)." in text
    assert f"{context.quantification.factor:.8g}" in text


def test_the_only_observer_is_the_device_and_the_language_is_english(contexts):
    context = contexts()
    _, report = reported(context)
    assert code(children(report, "121049")[0]) == "en"
    assert code(children(report, "121005")[0]) == "121007"
    assert context.provenance.device_uid == children(report, "121012")[0].UID
    assert children(report, "121014")[0].TextValue == "A hospital"
    assert not children(report, "121008")
    assert not children(report, "121016")  # a serial number, which software has none of


def test_what_was_remarked_on_the_choice_of_series_is_told_once(contexts):
    remark = Remark(Reason.PET_WITHOUT_CT, "no-ct: There is none.")
    context = replace(contexts(), selection=(remark, remark))
    assert context.remarks[0] == remark
    told = [text for text in comments(reported(context)[1]) if "pet-without-ct" in text]
    assert [text.split(" Analysed")[0] for text in told] == ["pet-without-ct: no-ct: There is none."]


@pytest.mark.parametrize(("tracer", "procedure"), [(Tracer.FDG, "443271005"), (Tracer.PSMA, "44139-4")])
def test_the_procedure_reported_is_the_examination(contexts, tracer, procedure):
    _, report = reported(contexts(tracer=tracer))
    assert code(children(report, "121058")[0]) == procedure


def test_all_that_is_referenced_is_evidence(contexts):
    context = contexts()
    (segmentation,), report = reported(context)
    slices = {str(header.SOPInstanceUID) for header in context.pet.headers}
    assert evidence(report) == slices | {segmentation.SOPInstanceUID}


def reference(study, series, instance, sop_class=COMPREHENSIVE_SR):
    return ResultReference(study, series, sop_class, instance)


def predecessors(report):
    return [
        (study.StudyInstanceUID, series.SeriesInstanceUID, instance.ReferencedSOPInstanceUID)
        for study in report.PredecessorDocumentsSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    ]


def test_a_correction_refers_to_the_report_before_it(contexts):
    (segmentation,), first = reported(contexts())
    before = (ResultReference.of(segmentation), ResultReference.of(first))
    _, second = reported(contexts(revision=2, predecessor=before))
    assert predecessors(second) == [(first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID)]
    assert "PredecessorDocumentsSequence" not in first


@pytest.mark.parametrize(
    "number", [11, 22, 33, 34], ids=["Basic Text", "Enhanced", "Comprehensive", "Comprehensive 3D"]
)
def test_reports_of_every_kind_are_predecessors_and_pictures_are_not(contexts, number):
    before = (
        reference("1.2.3", "1.2.3.1", "1.2.3.1.1", f"1.2.840.10008.5.1.4.1.1.88.{number}"),
        reference("1.2.3", "1.2.3.2", "1.2.3.2.1", "1.2.840.10008.5.1.4.1.1.7"),
    )
    _, report = reported(contexts(predecessor=before))
    assert predecessors(report) == [("1.2.3", "1.2.3.1", "1.2.3.1.1")]


def test_prior_reports_of_other_studies_are_grouped_by_study_and_series(contexts):
    before = (
        reference("1.2.3", "1.2.3.1", "1.2.3.1.1"),
        reference("1.2.4", "1.2.4.1", "1.2.4.1.1"),
        reference("1.2.3", "1.2.3.1", "1.2.3.1.2"),
        reference("1.2.3", "1.2.3.2", "1.2.3.2.1"),
        reference("1.2.3", "1.2.3.1", "1.2.3.1.1"),
    )
    _, report = reported(contexts(predecessor=before))
    assert len(report.PredecessorDocumentsSequence) == 2
    assert predecessors(report) == [
        ("1.2.3", "1.2.3.1", "1.2.3.1.1"),
        ("1.2.3", "1.2.3.1", "1.2.3.1.2"),
        ("1.2.3", "1.2.3.2", "1.2.3.2.1"),
        ("1.2.4", "1.2.4.1", "1.2.4.1.1"),
    ]


# In two parts, for 3D Slicer


def test_the_part_that_measures_has_volumes_and_no_regions(contexts):
    context = contexts(2, 1)
    segmentations = encode_segmentations(context)
    report, whole = encode_measurements(context, segmentations), encode_report(context, segmentations)
    assert name(report) == "126003"
    assert len(groups(report, "1411")) == 2
    assert not any(item.ValueType == "SCOORD" for item in walk(report))
    assert derived(report) == derived(whole)
    assert evidence(report) == evidence(whole)


def test_the_part_that_shows_has_regions_and_no_numbers(contexts):
    context = contexts(2, 1)
    report = encode_regions(context)
    assert name(report) == "126000"
    assert len(groups(report, "1410")) == 2
    assert not any(item.ValueType == "NUM" for item in walk(report))
    assert not children(report, "126011")
    assert evidence(report) == {str(header.SOPInstanceUID) for header in context.pet.headers}


def test_both_parts_speak_of_the_same_lesions(contexts):
    context = contexts(3, 0)
    measured, shown = encode_measurements(context, encode_segmentations(context)), encode_regions(context)
    uids = [
        [children(group, "112040")[0].UID for group in groups(report, template)]
        for report, template in ((measured, "1411"), (shown, "1410"))
    ]
    assert uids[0] == uids[1]
    assert measured.SeriesInstanceUID != shown.SeriesInstanceUID


def test_where_nothing_is_found_there_is_nothing_to_show(contexts):
    context = contexts(0, 1)
    assert encode_regions(context) is None
    report = encode_measurements(context, encode_segmentations(context))
    assert code(children(container(report, "C0034375"), "111017")[0]) == "111241"
    assert not children(report, "126010")
