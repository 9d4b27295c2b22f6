import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from config.indication import Indication
from dicom_io.indication import indication, is_lymphoma


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def coded(value, scheme, meaning="x", keyword="AdmittingDiagnosesCodeSequence"):
    item = header(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
    return header(**{keyword: Sequence([item])})


@pytest.mark.parametrize("value", ["C81", "C81.1", "C83.3", "C85.9", "C86.0", "C88.4"])
@pytest.mark.parametrize("scheme", ["I10", "I10C", "ICD10", "ICD-10-GM"])
def test_icd_10_codes_of_lymphomas_are_recognised(value, scheme):
    assert is_lymphoma(coded(value, scheme))


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("C34.1", "I10"), ("C87", "I10"), ("C80", "I10"), ("C89", "I10"), ("C90.0", "I10"), ("C81", "99LOCAL")],
)
def test_other_codes_are_not(value, scheme):
    assert not is_lymphoma(coded(value, scheme))


@pytest.mark.parametrize("value", ["118600007", "118599009", "118601006"])
def test_snomed_codes_are_recognised(value):
    assert is_lymphoma(coded(value, "SCT", keyword="ReasonForPerformedProcedureCodeSequence"))
    assert not is_lymphoma(coded("254637007", "SCT"))  # non-small cell lung cancer


def test_the_meaning_of_a_code_counts_too():
    assert is_lymphoma(coded("1", "99LOCAL", "Follicular lymphoma, grade 2"))


@pytest.mark.parametrize(
    "words",
    [
        "PET/CT lymphoma staging",
        "M. Hodgkin, Zwischenstaging",
        "Non-Hodgkin lymphoma",
        "NHL",
        "DLBCL, end of treatment",
        "LYMPHOME B",
        "Lymphom",
    ],
)
@pytest.mark.parametrize("keyword", ["StudyDescription", "AdmittingDiagnosesDescription"])
def test_words_for_lymphoma_are_recognised(words, keyword):
    assert is_lymphoma(header(**{keyword: words}))


@pytest.mark.parametrize(
    "words",
    [
        "Lung cancer",
        "lymph node metastases",
        "Lymphoma?",
        "Lymphoma excluded",
        "r/o lymphoma",
        "rule out lymphoma",
        "no lymphoma",
        "kein Lymphom",
        "lymphedema",
        "ANHLING",
    ],
)
def test_denied_and_doubted_and_other_words_are_not(words):
    assert not is_lymphoma(header(StudyDescription=words))


def test_one_text_that_says_so_is_enough():
    assert is_lymphoma(header(StudyDescription="no contrast", AdmittingDiagnosesDescription="Hodgkin lymphoma"))


def test_the_request_counts():
    request = header(RequestedProcedureDescription="Lymphoma follow-up")
    assert is_lymphoma(header(RequestAttributesSequence=Sequence([request])))


def test_without_any_word_it_is_something_else():
    assert indication(Dataset()) is Indication.OTHER
    assert indication(header(StudyDescription="PET lymphoma")) is Indication.LYMPHOMA
