"""Values by value representation (PS3.5 Table 6.2-1)."""

import pytest
from pydicom.dataset import Dataset

from dicom_io.check.fault import Rule
from dicom_io.check.opened import open_dataset
from dicom_io.check.values import definition, value_faults

RIGHT = (
    ("SOPInstanceUID", "UI", "1.2.840.0.99"),
    ("StudyDate", "DA", "20240229"),
    ("StudyTime", "TM", "235959.123456"),
    ("StudyTime", "TM", "07"),
    ("AcquisitionDateTime", "DT", "20200101120000.5-0800"),
    ("AcquisitionDateTime", "DT", "2020"),
    ("PatientAge", "AS", "070Y"),
    ("PatientWeight", "DS", "-1.5e-3"),
    ("SeriesNumber", "IS", "+2147483647"),
    ("Modality", "CS", "PT_1 A"),
    ("StationAETitle", "AE", "UPTAKE node"),
    ("StudyDescription", "LO", "Ganzkörper, größer"),
    ("PatientName", "PN", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("PatientComments", "LT", "one\r\ntwo\tthree\\four"),
    ("TextValue", "UT", "x" * 20000),
    ("RetrieveURL", "UR", "https://example.org/a?b=1"),
    ("Rows", "US", 65535),
    ("ImageOrientationPatient", "DS", ["1", "0", "0", "0", "1", "0"]),
    ("GraphicData", "FL", [1.0, 2.0, 3.0, 4.0]),
    ("SoftwareVersions", "LO", ["1", "2", "3"]),
)
WRONG = (
    (Rule.VALUE, "SOPInstanceUID", "UI", "1.02.3"),
    (Rule.VALUE, "SOPInstanceUID", "UI", "1." + "2" * 63),
    (Rule.VALUE, "SOPInstanceUID", "UI", "1.2."),
    (Rule.VALUE, "StudyDate", "DA", "20230229"),
    (Rule.VALUE, "StudyDate", "DA", "2023.02.28"),
    (Rule.VALUE, "StudyDate", "DA", "20200101-20200202"),
    (Rule.VALUE, "StudyTime", "TM", "25"),
    (Rule.VALUE, "StudyTime", "TM", "12:00:00"),
    (Rule.VALUE, "StudyTime", "TM", "1200-1300"),
    (Rule.VALUE, "AcquisitionDateTime", "DT", "20201301"),
    (Rule.VALUE, "AcquisitionDateTime", "DT", "20200230"),
    (Rule.VALUE, "PatientAge", "AS", "70"),
    (Rule.VALUE, "PatientWeight", "DS", "70.123456789012345"),
    (Rule.VALUE, "PatientWeight", "DS", "nan"),
    (Rule.VALUE, "SeriesNumber", "IS", "2147483648"),
    (Rule.VALUE, "SeriesNumber", "IS", "1.5"),
    (Rule.VALUE, "Modality", "CS", "pet"),
    (Rule.VALUE, "Modality", "CS", "A" * 17),
    (Rule.VALUE, "StationAETitle", "AE", "A" * 17),
    (Rule.VALUE, "StudyDescription", "LO", "two\nlines"),
    (Rule.VALUE, "StudyDescription", "LO", "x" * 65),
    (Rule.VALUE, "AccessionNumber", "SH", "x" * 17),
    (Rule.VALUE, "PatientName", "PN", "A" * 65),
    (Rule.VALUE, "PatientName", "PN", "A^B^C^D^E^F"),
    (Rule.VALUE, "PatientName", "PN", "A=B=C=D"),
    (Rule.VALUE, "PatientComments", "LT", "x" * 10241),
    (Rule.VALUE, "PatientComments", "LT", "bell\x07"),
    (Rule.VALUE, "RetrieveURL", "UR", "not a url"),
    (Rule.MULTIPLICITY, "ImageOrientationPatient", "DS", ["1", "0", "0"]),
    (Rule.MULTIPLICITY, "GraphicData", "FL", [1.0]),
    (Rule.MULTIPLICITY, "Rows", "US", [1, 2]),
    (Rule.REPRESENTATION, "Rows", "UL", 1),
    (Rule.REPRESENTATION, "StudyDate", "LO", "20200101"),
)


def faults(keyword: str, representation: str, value: object) -> list[Rule]:
    dataset = Dataset()
    dataset.add_new(keyword, representation, value)
    unreadable: list = []
    element = open_dataset(dataset, unreadable).elements[keyword]
    assert unreadable == []
    return [rule for _, rule in value_faults(keyword, element)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("keyword", "representation", "value"), RIGHT)
def test_what_the_standard_allows_is_no_fault(keyword: str, representation: str, value: object) -> None:
    assert faults(keyword, representation, value) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rule", "keyword", "representation", "value"), WRONG)
def test_what_it_forbids_is_one(rule: Rule, keyword: str, representation: str, value: object) -> None:
    assert rule in faults(keyword, representation, value)


@pytest.mark.parametrize(
    ("keyword", "least", "most", "step"),
    [
        ("Rows", 1, 1, 1),
        ("ImageType", 2, None, 1),
        ("GraphicData", 2, None, 1),
        ("ImageOrientationPatient", 6, 6, 1),
        ("SoftwareVersions", 1, None, 1),
        ("SelectorAttributeKeyword", 1, 1, 1),
        ("RecommendedDisplayCIELabValue", 3, 3, 1),
        ("ReferencedTimeOffsets", 1, None, 1),
        ("GridFrameOffsetVector", 2, None, 1),
        ("ContourData", 3, None, 3),
    ],
)
def test_the_dictionary_says_how_many_values_there_are(keyword: str, least: int, most: int | None, step: int) -> None:
    defined = definition(keyword)
    assert defined is not None
    assert (defined.least, defined.most, defined.step) == (least, most, step)


def test_values_that_tell_who_the_patient_is_are_not_quoted() -> None:
    dataset = Dataset()
    dataset.add_new("PatientID", "LO", "P" * 70)
    dataset.add_new("PatientBirthDate", "DA", "1.2.1950")
    dataset.add_new("ReferringPhysicianName", "PN", "D" * 70)
    opened = open_dataset(dataset, [])
    said = [what for keyword, element in opened.elements.items() for what, _ in value_faults(keyword, element)]
    assert len(said) == 3
    assert not any("PPP" in what or "1950" in what or "DDD" in what for what in said)
