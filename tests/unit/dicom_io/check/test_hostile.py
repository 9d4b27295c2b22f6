"""Whatever bytes come, there are faults or a coded refusal, and never an exception."""

import io
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.valuerep import STANDARD_VR

from config.reasons import Reason, Refused
from dicom_io.check import Fault, Rule, check, pixels
from dicom_io.check.files import read_object
from dicom_io.check.opened import MAXIMUM_DEPTH
from tests.unit.dicom_io.check.conftest import Good

NAMES = ("segmentation", "report", "key objects", "outlines", "picture", "document", "label map", "basic text")
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def files(made: dict[str, Dataset]) -> dict[str, bytes]:
    """Each object as bytes; pixel data are cut short, which is a fault by itself."""
    written = {}
    for name in NAMES:
        stream = io.BytesIO()
        made[name].save_as(stream, enforce_file_format=True)
        written[name] = stream.getvalue()[:40_000]
    return written


def is_judged(faults: tuple[Fault, ...]) -> bool:
    """Whether no rule stumbled."""
    return Rule.APPLICABLE not in {fault.rule for fault in faults}


@given(data=st.data())
@often
def test_a_file_with_other_bytes_is_checked_or_refused(
    data: st.DataObject, files: dict[str, bytes], tmp_path: Path
) -> None:
    content = bytearray(files[data.draw(st.sampled_from(NAMES))])
    for place in data.draw(st.lists(st.integers(132, len(content) - 1), max_size=12)):
        content[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path / "object"
    path.write_bytes(content[:length])
    try:
        dataset = read_object(path)
    except Refused:
        return
    assert is_judged(check(dataset, [read_object(path)]))


def items(dataset: Dataset) -> list[Dataset]:
    """The data set and every item below it."""
    found = [dataset]
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                found += items(item)
    return found


@given(data=st.data())
@often
def test_a_dataset_with_other_elements_is_checked(data: st.DataObject, files: dict[str, bytes]) -> None:
    name = data.draw(st.sampled_from(NAMES))
    dataset, other = (pydicom.dcmread(io.BytesIO(files[name])) for _ in range(2))
    places = items(dataset)
    for _ in range(data.draw(st.integers(1, 6))):
        item = data.draw(st.sampled_from(places))
        tag = data.draw(st.sampled_from(sorted(item.keys()) or [Tag(0x00080060)]))
        if tag in item and data.draw(st.booleans()):
            del item[tag]
        else:
            representation = data.draw(st.sampled_from(sorted(map(str, STANDARD_VR))))
            value = data.draw(st.binary(max_size=40))
            item[tag] = RawDataElement(Tag(tag), representation, len(value), value, 0, False, True)
    assert is_judged(check(dataset, [other], among_is_all=True))


def test_a_value_that_can_t_be_decoded_is_a_fault(good: Good) -> None:
    dataset = good("picture")
    dataset[0x00280010] = RawDataElement(Tag(0x00280010), "US", 3, b"\1\2\3", 0, False, True)
    found = check(dataset)
    assert ("Rows (0028,0010)", Rule.READABLE) in {(fault.where, fault.rule) for fault in found}


def test_sequences_nested_without_end_are_a_fault(good: Good) -> None:
    dataset = good("report")
    item = Dataset()
    item.ValueType, item.RelationshipType, item.ContinuityOfContent = "CONTAINER", "CONTAINS", "SEPARATE"
    for _ in range(MAXIMUM_DEPTH + 10):
        outer = Dataset()
        outer.ValueType, outer.RelationshipType, outer.ContinuityOfContent = "CONTAINER", "CONTAINS", "SEPARATE"
        outer.ContentSequence = Sequence([item])
        item = outer
    dataset.ContentSequence = Sequence([*dataset.ContentSequence, item])
    assert Rule.READABLE in {fault.rule for fault in check(dataset)}


def test_an_object_on_which_a_rule_stumbles_has_a_fault(good: Good, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "faults", lambda *_: 1 / 0)
    assert [fault.rule for fault in check(good("picture"))] == [Rule.APPLICABLE]


def test_an_empty_dataset_is_of_no_sop_class() -> None:
    assert [fault.rule for fault in check(Dataset())] == [Rule.SOP_CLASS]


def test_what_is_not_dicom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("Not a DICOM file, by far." * 20)
    with pytest.raises(Refused) as refused:
        read_object(path)
    assert refused.value.reason is Reason.NOT_DICOM


def test_a_large_document_is_measured_where_it_lies(good: Good, tmp_path: Path) -> None:
    dataset = good("document")
    dataset.EncapsulatedDocument = b"%PDF-1.7" + bytes(3_000_000)
    dataset.EncapsulatedDocumentLength = 3_000_008
    dataset.save_as(tmp_path / "document", enforce_file_format=True)
    assert check(read_object(tmp_path / "document")) == ()
    assert len(pydicom.dcmread(tmp_path / "document").EncapsulatedDocument) == 3_000_008
