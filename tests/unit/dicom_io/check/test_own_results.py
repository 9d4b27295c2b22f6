"""Results of every kind pass, of whatever examination, and as files."""

from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from config.result_kind import ResultKind
from dicom_io.check import Fault, Severity, check
from dicom_io.identity import ResultReference
from dicom_io.results.encode import encode
from dicom_io.results.result import ResultContext
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Storage
from tests.unit.dicom_io.results.conftest import Contexts

MOST_CHECKED = (ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.PICTURE)


def faults(context: ResultContext, folder: Path, kinds: Collection[ResultKind] = tuple(ResultKind)) -> list[Fault]:
    """Of all results of an analysis, as they were written, checked with one another and with the images."""
    written = []
    for result in encode(context, kinds):
        path = folder / f"{result.kind.name}_{result.part}"
        result.dataset.save_as(path, enforce_file_format=True)
        written.append(pydicom.dcmread(path))
    assert written
    everything = [*context.pet.headers, *written]
    return [fault for dataset in written for fault in check(dataset, everything, among_is_all=True)]


@pytest.mark.parametrize("lesions", [0, 1, 3])
def test_results_have_no_faults(contexts: Contexts, lesions: int, tmp_path: Path) -> None:
    assert faults(contexts(lesions=lesions, physiologic=1), tmp_path) == []


def test_results_of_multi_frame_images_have_none(contexts: Contexts, tmp_path: Path) -> None:
    assert faults(contexts(storage=Storage.ENHANCED), tmp_path) == []


@pytest.mark.parametrize(
    ("name", "character_set"),
    [
        ("Müller^Jürgen", ("ISO_IR 100",)),
        ("Люкceмбypг", ("ISO_IR 144",)),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ("", "ISO 2022 IR 87")),
        ("王^小东", ("ISO_IR 192",)),
        ("قباني^لنزار", ("ISO_IR 127",)),
    ],
)
def test_names_in_any_script_have_none(
    contexts: Contexts, name: str, character_set: tuple[str, ...], tmp_path: Path
) -> None:
    patient = PatientIdentity(name, "P-1", date(1950, 2, 3), "F", 70.0, 1.7, character_set)
    assert faults(contexts(patient=patient), tmp_path, MOST_CHECKED) == []


def test_a_second_revision_has_none(contexts: Contexts, tmp_path: Path) -> None:
    first = contexts()
    made = encode(first, (ResultKind.REPORT,))[0].dataset
    context = contexts(revision=2, predecessor=(ResultReference.of(made),))
    assert faults(context, tmp_path) == []


def private_in_a_copy(header: Dataset) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", "1.2.3.04"
    item.add_new(0x00091001, "LO", "A leftover")
    item.EchoTime = 1.0
    header.ReferencedStudySequence = Sequence([item])


ODDITIES: tuple[Callable[[Dataset], None], ...] = (
    lambda header: header.add_new(0x00100030, "DA", "1950.02.03"),
    lambda header: header.add_new(0x00100040, "CS", "U"),
    lambda header: header.add_new(0x00100020, "LO", "P" * 70),
    lambda header: header.add_new(0x00100010, "PN", "N" * 70),
    lambda header: header.add_new(0x00080050, "SH", "A" * 30),
    lambda header: header.add_new(0x00080020, "DA", ""),
    lambda header: header.add_new(0x00080070, "LO", "M" * 70),
    lambda header: header.add_new(0x0020000D, "UI", "1.2.03"),
    lambda header: header.add_new(0x00200052, "UI", header.StudyInstanceUID),
    private_in_a_copy,
)


@pytest.mark.parametrize("oddity", ODDITIES, ids=range(len(ODDITIES)))
@pytest.mark.filterwarnings("ignore")
def test_what_is_odd_in_the_images_holds_no_result_back(
    contexts: Contexts, oddity: Callable[[Dataset], None], tmp_path: Path
) -> None:
    found = faults(contexts(edit=oddity), tmp_path, MOST_CHECKED)
    assert [str(fault) for fault in found if fault.severity is Severity.ERROR] == []
