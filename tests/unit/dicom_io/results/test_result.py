"""What all result objects share."""

import io
from datetime import date, datetime

import pytest
from pydicom import config, dcmread, dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from config.reasons import Reason, Remark
from dicom_io.results.document import encode_document
from dicom_io.results.picture import encode_picture
from dicom_io.results.refusal import encode_refusals
from dicom_io.results.report import encode_report
from dicom_io.results.result import content_datetime
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.results.text_report import encode_basic_text
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity


def encoded(context):
    """One object of every make: segmentation, reports measured, written and printed, picture, refusal."""
    segmentations = encode_segmentations(context)
    refused = (Remark(Reason.NO_DOSE, "0 Bq."),)
    return (
        *segmentations,
        encode_report(context, segmentations),
        encode_basic_text(context),
        encode_document(context),
        encode_picture(context),
        *(result.dataset for result in encode_refusals(context.headers, refused, context.provenance)),
    )


def written(dataset):
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def read(dataset):
    return dcmread(io.BytesIO(written(dataset)))


def remove(*keywords):
    def edit(header):
        for keyword in keywords:
            if keyword in header:
                delattr(header, keyword)

    return edit


def test_the_same_analysis_gives_the_same_bytes(contexts):
    remark = Remark(Reason.CT_COVERS_PARTLY, "80 %")
    first, second = (encoded(contexts(2, 1, remarks=(remark,))) for _ in range(2))
    assert [written(result) for result in first] == [written(result) for result in second]


def test_another_revision_gives_other_instances(contexts):
    for first, second in zip(encoded(contexts()), encoded(contexts(revision=2)), strict=True):
        assert first.SOPInstanceUID != second.SOPInstanceUID
        assert first.SeriesInstanceUID != second.SeriesInstanceUID


@pytest.mark.parametrize("script", SAMPLE_NAMES)
def test_names_survive_in_every_script(contexts, script):
    name, character_set = SAMPLE_NAMES[script]
    patient = PatientIdentity(name, "P-1", date(1950, 2, 3), "F", 70.0, 1.7, character_set)
    for result in encoded(contexts(patient=patient)):
        assert str(read(result).PatientName) == name


def test_several_character_sets_become_utf_8(contexts):
    name, character_set = SAMPLE_NAMES["Japanese"]
    patient = PatientIdentity(name, "P-1", date(1950, 2, 3), "F", 70.0, 1.7, character_set)
    for result in encoded(contexts(patient=patient)):
        assert read(result).SpecificCharacterSet == "ISO_IR 192"


def test_a_character_set_that_suffices_is_kept(contexts):
    for result in encoded(contexts()):
        assert read(result).SpecificCharacterSet == "ISO_IR 100"


def test_text_in_sequences_is_re_encoded_too(contexts):
    def edit(header):
        header.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99LOCAL", "全身"
        header.ProcedureCodeSequence = Sequence([item])

    for result in encoded(contexts(edit=edit)):
        assert read(result).ProcedureCodeSequence[0].CodeMeaning == "全身"


def test_patient_and_study_are_copied(contexts):
    def edit(header):
        header.IssuerOfPatientID = "HOSPITAL"
        header.AccessionNumber = "A1"
        header.TimezoneOffsetFromUTC = "+0900"
        header.StudyID = "S1"
        header.OtherPatientIDs = "OLD-1"

    context = contexts(edit=edit)
    source = context.pet.headers[0]
    for result in encoded(context):
        for keyword in [
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "StudyInstanceUID",
            "StudyDate",
            "StudyTime",
            "StudyDescription",
            "IssuerOfPatientID",
            "AccessionNumber",
            "TimezoneOffsetFromUTC",
            "StudyID",
            "OtherPatientIDs",
            "PatientWeight",
        ]:
            assert result.get(keyword) == source.get(keyword), keyword


def test_missing_attributes_become_empty_ones(contexts):
    missing = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber", "StudyID"]
    for result in encoded(contexts(edit=remove(*missing))):
        again = read(result)
        for keyword in missing:
            assert keyword in again
            assert not again.get(keyword)


def test_attributes_that_are_against_the_standard_are_copied_as_they_are(contexts):
    def edit(header):
        header["PatientSex"] = DataElement("PatientSex", "CS", "unknown", validation_mode=config.IGNORE)
        header["PatientBirthDate"] = DataElement("PatientBirthDate", "DA", "195O0203", validation_mode=config.IGNORE)

    for result in encoded(contexts(edit=edit)):
        again = read(result)
        assert again.PatientSex == "unknown"
        assert str(again.PatientBirthDate) == "195O0203"


def test_a_clinical_trial_without_a_sponsor_is_left_out(contexts):
    def edit(header):
        header.ClinicalTrialSponsorName = None
        header.ClinicalTrialProtocolID = "6668"

    for result in encoded(contexts(edit=edit)):
        assert "ClinicalTrialProtocolID" not in result


def test_the_equipment_is_told_and_each_version_has_its_device_uid(contexts):
    for result in encoded(contexts()):
        acquisition, processing = result.ContributingEquipmentSequence
        assert acquisition.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
        assert processing.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert (processing.Manufacturer, processing.ManufacturerModelName) == ("A hospital", "uptake")
        assert processing.SoftwareVersions == "1.2.3"
        assert processing.DeviceUID == contexts().provenance.device_uid
        assert processing.DeviceUID != contexts(version="1.2.4").provenance.device_uid


def test_series_descriptions_carry_the_label_until_a_site_says_otherwise(contexts):
    descriptions = [result.SeriesDescription for result in encoded(contexts())]
    assert descriptions == [
        "AI lesion segmentation RESEARCH",
        "AI lesion measurements RESEARCH",
        "AI lesion report RESEARCH",
        "AI lesion report RESEARCH",
        "AI lesion picture RESEARCH",
        *(["AI analysis not possible RESEARCH"] * 4),
    ]
    assert encode_picture(contexts(label="")).SeriesDescription == "AI lesion picture"


def test_dates_are_those_of_the_images(contexts):
    context = contexts()
    moment = content_datetime(context.pet.headers)
    for result in encoded(context):
        for keyword in ("Series", "Content", "InstanceCreation"):
            assert result[f"{keyword}Date"].value == moment.strftime("%Y%m%d")
            assert result[f"{keyword}Time"].value == moment.strftime("%H%M%S")


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_latest_moment_of_any_slice_counts():
    headers = [
        header(SeriesDate="20240229", SeriesTime="235000", AcquisitionDate="20240229", AcquisitionTime="235500"),
        header(ContentDate="20240301", ContentTime="000210.5"),
        header(AcquisitionDate="20240301", AcquisitionTime="000100"),
    ]
    assert content_datetime(headers) == datetime(2024, 3, 1, 0, 2, 10)


def test_without_other_dates_the_study_date_counts():
    assert content_datetime([header(StudyDate="20240229", StudyTime="08")]) == datetime(2024, 2, 29, 8)


def test_without_any_date_the_moment_is_one_that_no_one_believes():
    assert content_datetime([header(StudyDate="", ContentTime="101010")]) == datetime(1900, 1, 1)
