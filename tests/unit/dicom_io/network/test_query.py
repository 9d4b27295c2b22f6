import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import build_context, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

from config.reasons import Reason, Refused
from config.settings import Destination
from dicom_io.network import query
from dicom_io.network.query import SeriesHeld, series_held
from dicom_io.network.sender import echo, send

StartPeer = Callable[..., Destination]
FIND = StudyRootQueryRetrieveInformationModelFind
DCMQRSCP = Path("/usr/bin/dcmqrscp")


def match(study_uid: str = "1.2", **elements: Any) -> Dataset:
    found = Dataset()
    found.StudyInstanceUID = study_uid
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


@pytest.fixture
def start_archive(start_peer: StartPeer) -> Callable[..., Destination]:
    """Starts an archive that answers each query level with given (status, identifier) pairs; it notes what is asked."""

    def start(asked: list[Dataset] | None = None, final: int = 0x0000, **levels: list[Any]) -> Destination:
        def find(event: evt.Event) -> Iterator[tuple[int, Any]]:
            if asked is not None:
                asked.append(event.identifier)
            for identifier in levels.get(event.identifier.QueryRetrieveLevel, []):
                yield 0xFF00, identifier
            yield final, None

        return start_peer([build_context(FIND)], handlers=[(evt.EVT_C_FIND, find)])

    return start


def test_an_archive_says_of_each_series_its_modality_and_how_many_instances_it_has(start_archive) -> None:
    archive = start_archive(
        SERIES=[
            match(SeriesInstanceUID="1.2.1", Modality="PT", NumberOfSeriesRelatedInstances=72),
            match(SeriesInstanceUID="1.2.2", Modality="CT", NumberOfSeriesRelatedInstances=80),
        ]
    )
    assert series_held(archive, "UPTAKE", "1.2") == {"1.2.1": SeriesHeld("PT", 72), "1.2.2": SeriesHeld("CT", 80)}


def test_the_question_is_a_study_root_query_at_series_level(start_archive) -> None:
    asked: list[Dataset] = []
    assert series_held(start_archive(asked), "UPTAKE", "1.2") == {}
    (identifier,) = asked
    assert (identifier.QueryRetrieveLevel, identifier.StudyInstanceUID) == ("SERIES", "1.2")
    assert {"SeriesInstanceUID", "Modality", "NumberOfSeriesRelatedInstances"} <= set(identifier.dir())


def test_where_an_archive_does_not_count_its_instances_are_counted(start_archive) -> None:
    archive = start_archive(
        SERIES=[match(SeriesInstanceUID="1.2.1", Modality="PT")],
        IMAGE=[match(SeriesInstanceUID="1.2.1", SOPInstanceUID=f"1.2.1.{number}") for number in (1, 2, 3, 3)],
    )
    assert series_held(archive, "UPTAKE", "1.2") == {"1.2.1": SeriesHeld("PT", 3)}


def test_what_an_archive_says_of_other_studies_is_left_out(start_archive) -> None:
    other = match("1.9", SeriesInstanceUID="1.9.1", Modality="PT", NumberOfSeriesRelatedInstances=72)
    assert series_held(start_archive(SERIES=[other]), "UPTAKE", "1.2") == {}


@pytest.mark.parametrize("status", [0x0122, 0xA700, 0xA900, 0xC001, 0xFE00])
def test_a_failure_is_told_with_its_status(start_archive, status: int) -> None:
    with pytest.raises(Refused, match=f"0x{status:04X}") as refused:
        series_held(start_archive(final=status), "UPTAKE", "1.2")
    assert refused.value.reason is Reason.ARCHIVE_REFUSED_QUERY


def test_half_an_answer_is_none(start_archive) -> None:
    series = [match(SeriesInstanceUID="1.2.1", Modality="PT", NumberOfSeriesRelatedInstances=72)]
    with pytest.raises(Refused):
        series_held(start_archive(final=0xA700, SERIES=series), "UPTAKE", "1.2")


def test_an_archive_that_does_not_come_to_an_end_is_left(start_archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MAXIMUM_MATCHES", 10)
    series = [match(SeriesInstanceUID=f"1.2.{number}", Modality="PT") for number in range(1000)]
    with pytest.raises(Refused, match="more than 10 matches"):
        series_held(start_archive(SERIES=series), "UPTAKE", "1.2")


@pytest.mark.parametrize("count", ["", "many", "1e400"])
def test_a_count_that_is_no_number_is_counted_instead(start_archive, count: str) -> None:
    series = match(SeriesInstanceUID="1.2.1", Modality="PT")
    series.add_new("NumberOfSeriesRelatedInstances", "LO", count)
    images = [match(SeriesInstanceUID="1.2.1", SOPInstanceUID="1.2.1.1")]
    archive = start_archive(SERIES=[series], IMAGE=images)
    assert series_held(archive, "UPTAKE", "1.2") == {"1.2.1": SeriesHeld("PT", 1)}


def test_a_peer_without_queries_refuses(start_peer: StartPeer) -> None:
    with pytest.raises(Refused) as refused:
        series_held(start_peer([build_context(Verification)]), "UPTAKE", "1.2")
    assert refused.value.reason is Reason.DESTINATION_REFUSES_SOP_CLASS


def test_a_peer_that_aborts_in_the_middle_refuses(start_peer: StartPeer) -> None:
    def find(event: evt.Event) -> Iterator[tuple[int, Any]]:
        yield 0xFF00, match(SeriesInstanceUID="1.2.1")
        event.assoc.abort()

    archive = start_peer([build_context(FIND)], handlers=[(evt.EVT_C_FIND, find)])
    with pytest.raises(Refused) as refused:
        series_held(archive, "UPTAKE", "1.2")
    assert refused.value.reason in (Reason.DESTINATION_REJECTED_ASSOCIATION, Reason.DESTINATION_UNREACHABLE)


def test_an_archive_that_is_not_there_is_unreachable() -> None:
    nowhere = Destination(name="x", ae_title="PACS", host="127.0.0.1", port=1, network_timeout_s=2)
    with pytest.raises(Refused) as refused:
        series_held(nowhere, "UPTAKE", "1.2")
    assert refused.value.reason is Reason.DESTINATION_UNREACHABLE


@pytest.mark.orthanc
@pytest.mark.skipif(not DCMQRSCP.exists(), reason="DCMTK's dcmqrscp is not installed")
def test_dcmtks_archive_is_counted_image_by_image(tmp_path: Path, write_ct: Callable[..., Path]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    archive = Destination(name="dcmtk", ae_title="ARCHIVE", host="127.0.0.1", port=port, network_timeout_s=10)
    (tmp_path / "held").mkdir()
    settings = tmp_path / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {tmp_path}/held RW (100, 1024mb) ANY\nAETable END\n"
    )
    environment: Mapping[str, str] = {**os.environ, "TCP_NODELAY": "1"}
    process = subprocess.Popen([DCMQRSCP, "-c", settings, str(port)], env=environment)
    try:
        deadline = time.monotonic() + 30
        while not echo(archive, "UPTAKE").is_success and time.monotonic() < deadline:
            time.sleep(0.1)
        assert series_held(archive, "UPTAKE", "2.25.100") == {}
        sent = send(archive, [write_ct("2.25.1"), write_ct("2.25.2")], "SCANNER")
        assert [outcome.reason for outcome in sent] == [None, None]
        held = series_held(archive, "UPTAKE", "2.25.100")
        assert {uid: one.instances for uid, one in held.items()} == {"2.25.200": 2}
    finally:
        process.terminate()
        process.wait(timeout=10)
