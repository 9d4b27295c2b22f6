import io

import pytest
from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from dicom_io.identity import Provenance
from dicom_io.results.refusal import REFUSALS, encode_refusals
from tests.unit.dicom_io.results.pdf import characters, pages
from tests.unit.dicom_io.results.tree import children, code, container, evidence, name, walk

PROVENANCE = Provenance("1.2.3", "RESEARCH", "A hospital", "a" * 64, "b" * 64, 1, 9000)
UNCORRECTED = Remark(Reason.NO_ATTENUATION_CORRECTION, "Corrected Image is 'DECY'.")
NO_DOSE = Remark(Reason.NO_DOSE, "Radionuclide Total Dose is missing.")


def header(number=1, **attributes):
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.SOPInstanceUID = f"1.2.3.4.{number}"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def encoded(headers, kind=ResultKind.REPORT, reasons=(UNCORRECTED,)):
    (found,) = [result.dataset for result in encode_refusals(headers, reasons, PROVENANCE) if result.kind is kind]
    return found


def refused(*headers, kind=ResultKind.REPORT, reasons=(UNCORRECTED,)):
    buffer = io.BytesIO()
    encoded(headers, kind, reasons).save_as(buffer, enforce_file_format=True)
    return dcmread(io.BytesIO(buffer.getvalue()))


def evaluations(report):
    return container(report, "C0034375")


def test_it_is_told_by_a_code_from_a_report_that_found_nothing():
    report = refused(header())
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    assert code(children(evaluations(report), "111017")[0]) == "111245"  # no algorithms succeeded; without findings
    assert not any(name(item) == "52988006" for item in walk(report))  # neither present nor absent: lesions
    assert not children(report, "126010")
    assert not children(report, "126011")


def test_viewers_show_it_as_text_under_a_title_that_says_so():
    report = refused(header())
    assert name(report) == "126003"
    assert report.SeriesDescription == "AI analysis not possible RESEARCH"


def test_the_reasons_are_coded_and_told_with_what_was_found_and_what_to_do():
    report = refused(header(), reasons=(UNCORRECTED, NO_DOSE))
    coded = [item.ConceptCodeSequence[0] for item in children(evaluations(report), "NOTANALYSED")]
    assert [(item.get("LongCodeValue") or item.get("CodeValue"), item.CodingSchemeDesignator) for item in coded] == [
        ("no-attenuation-correction", "99UPTAKE"),
        ("no-dose", "99UPTAKE"),
    ]
    assert all(len(item.CodeMeaning) <= 64 for item in coded)
    (summary,) = children(evaluations(report), "121111")
    assert summary.TextValue == (
        "This study could not be analysed: "
        "The PET is not attenuation corrected (Corrected Image lacks ATTN). Corrected Image is 'DECY'. "
        "Send the attenuation-corrected reconstruction. "
        "Radionuclide Total Dose is missing or zero. Radionuclide Total Dose is missing. Enter the injected activity."
    )


@pytest.mark.parametrize(
    ("kind", "sop_class_uid"),
    [
        (ResultKind.ENHANCED_TEXT, "1.2.840.10008.5.1.4.1.1.88.22"),
        (ResultKind.BASIC_TEXT, "1.2.840.10008.5.1.4.1.1.88.11"),
    ],
)
def test_a_text_report_says_the_same_in_a_code_and_in_an_impression(kind, sop_class_uid):
    report = refused(header(), kind=kind)
    assert report.SOPClassUID == sop_class_uid
    findings, impressions = container(report, "59776-5"), container(report, "19005-8")
    assert [code(item) for item in children(findings, "111017")] == ["111245"]
    (reason,) = children(findings, "NOTANALYSED")
    assert reason.ConceptCodeSequence[0].get("LongCodeValue") == "no-attenuation-correction"
    (impression,) = impressions.ContentSequence
    assert impression.TextValue.startswith("This study could not be analysed: The PET is not attenuation corrected")
    assert all(item.get("TextValue", "").isascii() for item in walk(report))


def test_a_printed_page_says_it_with_the_patients_name():
    patient = header(PatientName="Ζήτα^Ξένια", SpecificCharacterSet="ISO_IR 192", PatientID="P-7")
    pdf = refused(patient, kind=ResultKind.DOCUMENT).EncapsulatedDocument
    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) == 1
    said = "This study could not be analysed: The PET is not attenuation corrected"
    assert set("ΖήταΞένια" + said) - {" "} <= characters(pdf)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_told(reason):
    report = refused(header(), reasons=(Remark(reason, ""),))
    (item,) = children(evaluations(report), "NOTANALYSED")
    assert len(item.ConceptCodeSequence[0].CodeMeaning) <= 64
    assert "  " not in children(evaluations(report), "121111")[0].TextValue


def test_patient_and_study_are_those_of_the_fullest_header():
    bare, full = (
        header(1),
        header(2, PatientName="Diaz^Ana", PatientID="P-7", StudyDate="20240305", AccessionNumber="A"),
    )
    for headers in ((bare, full), (full, bare)):
        report = refused(*headers)
        assert (report.PatientName, report.PatientID, report.AccessionNumber) == ("Diaz^Ana", "P-7", "A")
        assert (report.StudyInstanceUID, report.ContentDate) == ("1.2.3", "20240305")


def test_a_study_without_any_patient_is_refused_all_the_same():
    report = refused(header())
    for keyword in ("PatientName", "PatientID", "StudyDate", "ReferringPhysicianName"):
        assert keyword in report
        assert not report.get(keyword)


def test_values_against_the_standard_are_copied_and_unreadable_ones_left_out():
    broken = header(SpecificCharacterSet="ISO_IR 999", PatientName="Müller^Jörg")
    broken["PatientSex"] = DataElement("PatientSex", "CS", "unknown", validation_mode=config.IGNORE)
    report = refused(broken)
    assert (str(report.PatientName), report.PatientSex) == ("Müller^Jörg", "unknown")
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_what_was_looked_at_is_evidence_as_far_as_it_has_identifiers():
    nameless = header(3)
    del nameless.SOPClassUID
    malformed = header(4)
    malformed["SeriesInstanceUID"] = DataElement("SeriesInstanceUID", "UI", "1.2.x", validation_mode=config.IGNORE)
    report = refused(header(1), header(2), nameless, malformed)
    assert evidence(report) == {"1.2.3.4.1", "1.2.3.4.2"}
    assert "CurrentRequestedProcedureEvidenceSequence" not in refused(nameless)


def test_a_study_that_nothing_names_can_have_no_report():
    nameless = header()
    del nameless.StudyInstanceUID
    with pytest.raises(ValueError, match="Study Instance UID"):
        encode_refusals((nameless,), (UNCORRECTED,), PROVENANCE)


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_same_refusal_gives_the_same_bytes_in_any_order_of_the_headers(kind):
    one, two = (encoded(headers, kind) for headers in ((header(1), header(2)), (header(2), header(1))))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    assert one == two
