"""Instances that can't be used: kept, audited with a coded reason, and without harm to the rest of their study."""

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from config.reasons import Reason
from db.audit_actions import AuditAction
from db.states import AssociationOutcome, StudyState
from dicom_io.network.incoming import AssociationFolder
from dicom_io.scanner.study import WrittenStudy

Write = Callable[..., WrittenStudy]


def encoded(dataset: pydicom.Dataset) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset)
    return stream.getvalue()


def slice_of(study: WrittenStudy) -> pydicom.Dataset:
    return pydicom.dcmread(study.pet_files[0])


def garbage(study: WrittenStudy) -> tuple[bytes, str]:
    return b"\x07" * 4000, ExplicitVRLittleEndian


def truncated(study: WrittenStudy) -> tuple[bytes, str]:
    return encoded(slice_of(study))[:-1000], ExplicitVRLittleEndian


def without_pixels(study: WrittenStudy) -> tuple[bytes, str]:
    dataset = slice_of(study)
    del dataset.PixelData
    return encoded(dataset), ExplicitVRLittleEndian


def without_a_study(study: WrittenStudy) -> tuple[bytes, str]:
    dataset = slice_of(study)
    del dataset.StudyInstanceUID
    return encoded(dataset), ExplicitVRLittleEndian


def of_another_class(study: WrittenStudy) -> tuple[bytes, str]:
    dataset = slice_of(study)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    return encoded(dataset), ExplicitVRLittleEndian


def in_an_unknown_transfer_syntax(study: WrittenStudy) -> tuple[bytes, str]:
    return encoded(slice_of(study)), "1.2.3.4.5"


BAD = {
    Reason.TRUNCATED: truncated,
    Reason.NO_PIXEL_DATA: without_pixels,
    Reason.MISSING_IDENTIFIERS: without_a_study,
    Reason.UNSUPPORTED_SOP_CLASS: of_another_class,
    Reason.UNSUPPORTED_TRANSFER_SYNTAX: in_an_unknown_transfer_syntax,
}


def receive_raw(node, content: bytes, transfer_syntax: str) -> None:
    sender = {"calling_ae": "SCANNER", "called_ae": "UPTAKE", "address": "127.0.0.1", "port": 50000}
    folder = AssociationFolder(node.spool.folder, "raw", **sender)
    folder.store("1.2.840.10008.5.1.4.1.1.128", "1.2.3.4", transfer_syntax, content)
    node.spool.end_association("raw", AssociationOutcome.RELEASED)


@pytest.mark.parametrize("reason", BAD, ids=str)
def test_a_bad_instance_is_kept_and_audited_and_its_study_goes_on(node, write: Write, reason: Reason) -> None:
    study = write()
    content, transfer_syntax = BAD[reason](study)
    receive_raw(node, content, transfer_syntax)
    node.receive(study.files)
    node.run()
    (event,) = [entry for entry in node.audit() if entry.action is AuditAction.INSTANCE_REJECTED]
    assert (event.detail["reason"], event.who) == (reason, "SCANNER")
    assert content in next(node.spool.rejected.iterdir()).read_bytes()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED


def test_bytes_that_are_no_data_set_are_kept_and_audited(node, write: Write) -> None:
    receive_raw(node, *garbage(write()))
    node.run()
    (event,) = [entry for entry in node.audit() if entry.action is AuditAction.INSTANCE_REJECTED]
    assert Reason(event.detail["reason"]) in {Reason.NOT_DICOM, Reason.MISSING_IDENTIFIERS, Reason.TRUNCATED}


def test_a_file_that_the_listener_did_not_write_does_not_stop_intake(node, write: Write) -> None:
    stray = node.spool.incoming / "stray" / "000001.dcm"
    stray.parent.mkdir()
    stray.write_bytes(b"a letter")
    study = write()
    node.receive(study.files)
    node.run()
    assert not stray.exists()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED


def test_pixels_that_can_not_be_decoded_reject_the_study(node, write: Write, tmp_path: Path) -> None:
    study = write(transfer_syntax=JPEGLSLossless)
    broken = pydicom.dcmread(study.pet_files[10])
    data = bytearray(broken.PixelData)
    start = data.index(b"\xff\xd8")
    data[start : start + 24] = bytes(24)
    broken.PixelData = bytes(data)
    broken.save_as(tmp_path / "broken.dcm")
    node.receive([tmp_path / "broken.dcm", *[file for file in study.files if file != study.pet_files[10]]])
    node.run()
    assert node.study(study.study_uid).summary.reason is Reason.PIXEL_DATA_UNREADABLE
