from datetime import date

import pytest

from config.reasons import Reason, Remark
from dicom_io.identity import ResultReference
from dicom_io.results.document import encode_document, print_report, printed_name
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity
from tests.unit.dicom_io.results.pdf import characters, pages, streams


def printed(context):
    return encode_document(context).EncapsulatedDocument


def test_it_is_an_encapsulated_pdf(contexts):
    context = contexts()
    document = encode_document(context)
    assert document.SOPClassUID == document.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"
    assert (document.Modality, document.ConversionType, document.BurnedInAnnotation) == ("DOC", "WSD", "YES")
    assert document.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert document.EncapsulatedDocument.startswith(b"%PDF-")
    assert len(document.EncapsulatedDocument) % 2 == 0
    assert 0 <= len(document.EncapsulatedDocument) - document.EncapsulatedDocumentLength <= 1
    assert document.ConceptNameCodeSequence[0].CodeValue == "44136-0"
    assert document.VerificationFlag == "UNVERIFIED"


def test_it_refers_to_the_images_it_comes_from(contexts):
    context = contexts()
    assert [item.ReferencedSOPInstanceUID for item in encode_document(context).SourceInstanceSequence] == [
        header.SOPInstanceUID for header in context.pet.headers
    ]


def test_it_is_archivable_as_pdf_a(contexts):
    pdf = print_report(contexts())
    assert b"<pdfaid:part>2</pdfaid:part>" in b"".join((pdf, *streams(pdf)))


def test_the_same_analysis_prints_the_same_bytes(contexts):
    remark = Remark(Reason.CT_COVERS_PARTLY, "80 %")
    assert print_report(contexts(2, 1, remarks=(remark,))) == print_report(contexts(2, 1, remarks=(remark,)))
    assert print_report(contexts(2, 1)) != print_report(contexts(1, 1))


@pytest.mark.parametrize("script", SAMPLE_NAMES)
def test_names_print_in_the_script_that_they_are_written_in(contexts, script):
    name, character_set = SAMPLE_NAMES[script]
    patient = PatientIdentity(name, "P-1", date(1950, 2, 3), "F", 70.0, 1.7, character_set)
    shown = characters(printed(contexts(patient=patient)))
    assert set(name) - set("^= ") <= shown


@pytest.mark.parametrize("name", ["김철수", "เพชร", "नमन", "כהן", "გიორგი", "Արամ", "Иванов", "Nguyễn", "Łukasz"])
def test_names_print_in_scripts_of_any_continent(contexts, name):
    patient = PatientIdentity(name, "P-1", date(1950, 2, 3), "F", 70.0, 1.7, ("ISO_IR 192",))
    shown = "".join(characters(printed(contexts(patient=patient))))
    assert "\N{REPLACEMENT CHARACTER}" not in shown
    assert set(name) <= set(shown)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Diaz^Ana^Maria^Dr", "Diaz Ana Maria Dr"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada Tarou   山田 太郎   やまだ たろう"),
        ("=山田^太郎", "山田 太郎"),
        ("^^", ""),
        (None, ""),
    ],
)
def test_names_are_printed_without_carets(name, expected):
    assert printed_name(name) == expected


def test_a_character_that_no_font_has_does_not_keep_a_report_from_being_printed(contexts):
    patient = PatientIdentity("\N{CHEROKEE LETTER A}^Ana", "P-1", date(1950, 2, 3), "F", 70.0, 1.7, ("ISO_IR 192",))
    pdf = printed(contexts(patient=patient))
    assert set("Ana") <= characters(pdf)
    assert pdf == printed(contexts(patient=patient))


def test_the_label_is_printed_until_a_site_says_otherwise(contexts):
    assert print_report(contexts()) != print_report(contexts(label=""))


def test_a_report_without_lesions_is_one_page(contexts):
    assert pages(print_report(contexts(0, 0))) == 1


def test_earlier_reports_are_predecessors(contexts):
    before = (
        ResultReference("1.2", "1.2.1", "1.2.840.10008.5.1.4.1.1.104.1", "1.2.1.1"),
        ResultReference("1.2", "1.2.2", "1.2.840.10008.5.1.4.1.1.66.4", "1.2.2.1"),
    )
    (study,) = encode_document(contexts(predecessor=before)).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == ["1.2.1.1"]


def test_markup_in_a_name_is_printed_and_not_obeyed(contexts):
    patient = PatientIdentity("#panic()^*A* $x$", "P-1", date(1950, 2, 3), "F", 70.0, 1.7, ("ISO_IR 192",))
    assert set("#()*$") <= characters(printed(contexts(patient=patient)))
