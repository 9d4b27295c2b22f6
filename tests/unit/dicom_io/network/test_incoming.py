import os
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless

from dicom_io.network.incoming import AssociationFolder, Envelope, clean_parts, read_envelope


def folder_of(spool: Path, address: str = "192.0.2.7", calling_ae: str = "PACS") -> AssociationFolder:
    return AssociationFolder(spool, "A1", calling_ae=calling_ae, called_ae="UPTAKE", address=address, port=40000)


def test_the_data_set_follows_the_file_meta_group_byte_for_byte(tmp_path: Path) -> None:
    payload = os.urandom(1001)
    path = folder_of(tmp_path).store(CTImageStorage, "2.25.1", JPEGLSLossless, payload)
    assert path == tmp_path / "incoming" / "A1" / "000001.dcm"
    assert path.read_bytes().endswith(payload)
    assert path.read_bytes()[144 + read_file_meta_info(path).FileMetaInformationGroupLength :] == payload


def test_the_file_meta_group_is_what_part_10_asks_for(tmp_path: Path) -> None:
    path = folder_of(tmp_path).store(CTImageStorage, "2.25.123", JPEGLSLossless, b"")
    meta = dcmread(path).file_meta
    assert meta.FileMetaInformationVersion == b"\x00\x01"
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert meta.MediaStorageSOPInstanceUID == "2.25.123"
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    assert meta.SourceApplicationEntityTitle == "PACS"
    assert meta.SendingApplicationEntityTitle == "PACS"
    assert meta.ReceivingApplicationEntityTitle == "UPTAKE"
    assert meta.SendingPresentationAddress == "dicom:192.0.2.7:40000"


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("calling_ae", ["A", "PACS", "SIXTEEN CHARS AE"])
def test_the_envelope_is_read_back_from_the_file_alone(tmp_path: Path, address: str, calling_ae: str) -> None:
    path = folder_of(tmp_path, address, calling_ae).store(CTImageStorage, "2.25.12", ExplicitVRLittleEndian, b"")
    assert read_envelope(path) == Envelope(calling_ae, "UPTAKE", address, "A1", "2.25.12")


def test_a_file_is_synced_before_it_gets_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path)
    folder.store(CTImageStorage, "2.25.1", ExplicitVRLittleEndian, b"first")
    synced = []

    def note(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, (folder.path / "000002.dcm").exists()))

    monkeypatch.setattr(os, "fsync", note)
    folder.store(CTImageStorage, "2.25.2", ExplicitVRLittleEndian, b"second")
    assert synced == [("000002.part", False), ("A1", True)]


def test_new_folders_are_synced_into_their_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink()))
    folder_of(tmp_path).store(CTImageStorage, "2.25.1", ExplicitVRLittleEndian, b"")
    assert {tmp_path, tmp_path / "incoming", tmp_path / "incoming" / "A1"} <= set(synced)


def test_a_failed_write_leaves_nothing_and_its_number_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        folder.path.mkdir(parents=True)
        full.setattr("dicom_io.network.incoming.sync_path", lambda path: None)
        full.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            folder.store(CTImageStorage, "2.25.1", ExplicitVRLittleEndian, b"lost")
    assert list(folder.path.iterdir()) == []
    assert folder.store(CTImageStorage, "2.25.2", ExplicitVRLittleEndian, b"kept").name == "000002.dcm"
    assert folder.stored == 1


def test_an_association_without_instances_leaves_no_folder(tmp_path: Path) -> None:
    folder_of(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_half_written_files_are_cleaned_away(tmp_path: Path) -> None:
    kept = folder_of(tmp_path).store(CTImageStorage, "2.25.1", ExplicitVRLittleEndian, b"kept")
    (kept.parent / "000002.part").write_bytes(b"half")
    assert clean_parts(tmp_path) == 1
    assert [path.name for path in kept.parent.iterdir()] == ["000001.dcm"]
