import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import build_context, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from config.reasons import Reason
from config.settings import Destination
from dicom_io.network.probe import ASKED, probe

StartPeer = Callable[..., Destination]
STORESCP = Path("/usr/bin/storescp")


def accepted(result: Any) -> dict[str, tuple[str, ...]]:
    return {item.sop_class_uid: item.transfer_syntax_uids for item in result.acceptances if item.transfer_syntax_uids}


def test_what_a_peer_would_take_is_said_by_class_and_transfer_syntax(start_peer: StartPeer) -> None:
    peer = start_peer(
        [
            build_context(Verification),
            build_context(SegmentationStorage, [ExplicitVRLittleEndian, RLELossless]),
            build_context(ComprehensiveSRStorage, [ImplicitVRLittleEndian]),
        ]
    )
    result = probe(peer, "UPTAKE")
    assert result.reachable
    assert result.remark is None
    assert result.echo_status == 0x0000
    assert accepted(result) == {
        SegmentationStorage: (ExplicitVRLittleEndian, RLELossless),
        ComprehensiveSRStorage: (ImplicitVRLittleEndian,),
    }
    assert [item.sop_class_uid for item in result.acceptances] == list(ASKED)


def test_every_question_fits_in_one_association() -> None:
    assert sum(len(syntaxes) for syntaxes in ASKED.values()) + 2 <= 128


def test_a_peer_without_verification_has_no_echo_status(start_peer: StartPeer) -> None:
    result = probe(start_peer([build_context(SecondaryCaptureImageStorage)]), "UPTAKE")
    assert result.reachable
    assert result.echo_status is None


@pytest.mark.parametrize("offered", [True, False])
def test_storage_commitment_is_said(offered: bool, start_peer: StartPeer) -> None:
    contexts = [build_context(Verification)] + ([build_context(StorageCommitmentPushModel)] if offered else [])
    assert probe(start_peer(contexts), "UPTAKE").storage_commitment is offered


def test_the_peers_implementation_and_longest_pdu_are_said(start_peer: StartPeer) -> None:
    result = probe(start_peer([build_context(Verification)]), "UPTAKE")
    assert result.implementation_class_uid.startswith("1.2.826.0.1.3680043.9.3811.")
    assert result.implementation_version_name.startswith("PYNETDICOM")
    assert result.maximum_pdu_bytes == 16382


def test_nothing_is_stored(start_peer: StartPeer) -> None:
    stored: list[evt.Event] = []
    probe(start_peer([build_context(Verification), build_context(SegmentationStorage)], stored.append), "UPTAKE")
    assert stored == []


def test_a_peer_that_is_not_there_is_not_reachable() -> None:
    result = probe(Destination(name="x", ae_title="PACS", host="127.0.0.1", port=1, network_timeout_s=2), "UPTAKE")
    assert not result.reachable
    assert result.remark is not None
    assert result.remark.reason is Reason.DESTINATION_UNREACHABLE


def test_a_peer_that_does_not_know_us_is_reachable_and_says_so(start_peer: StartPeer) -> None:
    result = probe(start_peer([build_context(Verification)], ae_title="ANOTHER"), "UPTAKE")
    assert result.reachable
    assert result.remark is not None
    assert result.remark.reason is Reason.DESTINATION_REJECTED_ASSOCIATION


@pytest.mark.orthanc
@pytest.mark.skipif(not STORESCP.exists(), reason="DCMTK's storescp is not installed")
def test_dcmtk_takes_segmentations_and_no_label_maps(start_peer: StartPeer) -> None:
    port = start_peer([build_context(Verification)]).port + 1
    process = subprocess.Popen([STORESCP, "-aet", "PACS", "--ignore", str(port)])
    destination = Destination(name="dcmtk", ae_title="PACS", host="127.0.0.1", port=port, network_timeout_s=5)
    try:
        deadline = time.monotonic() + 5
        while not (result := probe(destination, "UPTAKE")).reachable and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert ExplicitVRLittleEndian in accepted(result)[SegmentationStorage]
    assert "1.2.840.10008.5.1.4.1.1.66.7" not in accepted(result)
    assert result.implementation_version_name.startswith("OFFIS_DCMTK")
