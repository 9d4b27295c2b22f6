from dataclasses import replace

import numpy as np
import pytest

from config.reasons import Reason, Remark
from config.tracers import Tracer
from dicom_io.identity import ResultReference
from dicom_io.results.report import encode_report
from dicom_io.results.segmentation import encode_segmentation
from dicom_io.scanner.study import Storage

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"


def reported(context):
    segmentation = encode_segmentation(context)
    return segmentation, encode_report(context, segmentation)


def name(item):
    return item.ConceptNameCodeSequence[0].CodeValue


def code(item):
    return item.ConceptCodeSequence[0].CodeValue


def children(item, value, kind=None):
    content = item.get("ContentSequence", ())
    return [child for child in content if name(child) == value and kind in (None, child.ValueType)]


def container(report, value):
    (found,) = children(report, value, "CONTAINER")
    return found


def groups(report, template):
    found = children(container(report, "126010"), "125007")
    return [group for group in found if group.ContentTemplateSequence[0].TemplateIdentifier == template]


def number(item):
    measured = item.MeasuredValueSequence[0]
    return float(measured.NumericValue), measured.MeasurementUnitsCodeSequence[0].CodeValue


def walk(item):
    yield item
    for child in item.get("ContentSequence", ()):
        yield from walk(child)


def comments(report):
    return [item.TextValue for item in children(container(report, "C0034375"), "121106")]


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
    segmentation, report = reported(contexts(3, 1))
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
    assert children(volume, "111002")[0].TextValue == "SUVbw >= 4.000 g/ml"


def test_the_volumetric_group_refers_to_its_segment_and_the_pet(contexts):
    context = contexts(2, 1)
    segmentation, report = reported(context)
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


def test_totals_are_derived_measurements(contexts):
    _, report = reported(contexts(2, 1))
    totals = {name(item): number(item) for item in container(report, "126011").ContentSequence}
    assert totals == {
        "246206008": (2.0, "1"),
        "126032": (7.68, "ml"),
        "126033": (39.36, "g"),
        "126401": (12.5, "g/ml{SUVbw}"),
        "121206": (65.5, "mm"),
    }


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
    segmentation, report = reported(context)
    evidence = {
        instance.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert evidence == {str(header.SOPInstanceUID) for header in context.pet.headers} | {segmentation.SOPInstanceUID}


def test_a_correction_refers_to_the_report_before_it(contexts):
    segmentation, first = reported(contexts())
    before = (ResultReference.of(segmentation), ResultReference.of(first))
    _, second = reported(contexts(revision=2, predecessor=before))
    (study,) = second.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (document,) = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == first.StudyInstanceUID
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert document.ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert "PredecessorDocumentsSequence" not in first
