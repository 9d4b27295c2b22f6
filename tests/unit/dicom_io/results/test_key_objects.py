from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

from config.result_kind import ResultKind
from dicom_io.results.key_images import encode_key_images
from dicom_io.results.key_objects import encode_key_objects
from dicom_io.results.outlines import encode_outlines
from dicom_io.results.picture import encode_picture
from dicom_io.results.result import Result
from dicom_io.results.segmentation import encode_segmentations
from tests.unit.dicom_io.results.blocks import scan


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return scan(tmp_path_factory.mktemp("scan"))


@pytest.fixture(scope="module")
def results(context):
    made = {
        ResultKind.SEGMENTATION: encode_segmentations(context),
        ResultKind.PICTURE: [encode_picture(context)],
        ResultKind.KEY_IMAGES: encode_key_images(context),
        ResultKind.OUTLINES: [encode_outlines(context)],
    }
    return [Result(kind, part, dataset) for kind in made for part, dataset in enumerate(made[kind], start=1)]


def selected(document):
    """Value type, SOP Class UID and SOP Instance UID of what a document refers to, in its order."""
    found = []
    for item in document.ContentSequence:
        if item.ValueType in ("IMAGE", "COMPOSITE"):
            (reference,) = item.ReferencedSOPSequence
            found.append((item.ValueType, reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID))
            assert "ConceptNameCodeSequence" not in item  # TID 2010 rows 8 and 10 have none
    return found


def test_the_pictures_come_first_and_nothing_is_left_out(context, results):
    """Also when the results come in another order."""
    document = encode_key_objects(context, results[::-1])
    ordered = [*(one for one in results if one.kind is ResultKind.KEY_IMAGES)]
    ordered += [one for kind in ("picture", "SEG", "GSPS") for one in results if one.kind == kind]
    assert selected(document) == [
        (
            "COMPOSITE" if one.kind is ResultKind.OUTLINES else "IMAGE",
            one.dataset.SOPClassUID,
            one.dataset.SOPInstanceUID,
        )
        for one in ordered
    ]


def test_the_evidence_is_what_is_selected_in_its_series_of_the_study(context, results):
    document = encode_key_objects(context, results)
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == context.pet.headers[0].StudyInstanceUID
    listed = {
        (series.SeriesInstanceUID, one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert listed == {
        (one.dataset.SeriesInstanceUID, one.dataset.SOPClassUID, one.dataset.SOPInstanceUID) for one in results
    }


def test_it_is_meant_to_be_attached_to_the_report(context, results):
    document = encode_key_objects(context, results)
    assert (document.SOPClassUID, document.Modality) == ("1.2.840.10008.5.1.4.1.1.88.59", "KO")
    title = document.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113020", "DCM")
    assert title.CodeMeaning == "For Report Attachment"
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "2010"


def test_it_names_the_device_and_how_many_lesions_were_found(context, results):
    document = encode_key_objects(context, results)
    said = [item.TextValue for item in document.ContentSequence if item.ValueType == "TEXT"]
    assert said == [
        "uptake",
        "A hospital",
        "uptake",
        "RESEARCH: 3 lesions found by uptake 1.2.3, not reviewed by a physician.",
    ]
    (device,) = [item.UID for item in document.ContentSequence if item.ValueType == "UIDREF"]
    assert device == context.provenance.device_uid


@pytest.mark.parametrize(("lesions", "words"), [(0, "No lesion found by"), (1, "1 lesion found by")])
def test_the_picture_alone_is_selected_too(context, results, lesions, words):
    findings = context.analysis.findings[:lesions]
    few = replace(
        context,
        analysis=replace(context.analysis, findings=findings),
        provenance=replace(context.provenance, label=""),
    )
    document = encode_key_objects(few, [one for one in results if one.kind is ResultKind.PICTURE])
    assert len(selected(document)) == 1
    *_, description = [item.TextValue for item in document.ContentSequence if item.ValueType == "TEXT"]
    assert description.startswith(words)


def test_a_selection_of_nothing_is_refused(context):
    with pytest.raises(ValueError, match="At least one object"):
        encode_key_objects(context, [])


def test_the_same_results_give_the_same_bytes(context, results):
    first, second = (file_bytes(encode_key_objects(context, results)) for _ in range(2))
    assert first == second
    assert dcmread(BytesIO(first)).PatientName == "Patient^Digital"


def file_bytes(dataset):
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
