"""Delivery to a PACS that is down, refuses, or takes only some of the results."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydicom.uid import ComprehensiveSRStorage, SecondaryCaptureImageStorage, SegmentationStorage
from pynetdicom import AE, evt

from config.reasons import Reason
from config.settings import Destination
from db.retry import retry
from db.states import DeliveryState, StudyState
from dicom_io.scanner.study import WrittenStudy
from node.delivery import Delivery

RESULTS = (SegmentationStorage, ComprehensiveSRStorage, SecondaryCaptureImageStorage)
Pacs = Callable[..., Destination]


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    """Start a PACS that takes the given SOP Classes and answers C-STORE with a status."""
    servers = []

    def start(*sop_classes: str, status: int = 0x0000, port: int = 0) -> Destination:
        entity = AE("PACS")
        for uid in sop_classes:
            entity.add_supported_context(uid)
        entity.add_supported_context("1.2.840.10008.1.1")
        handlers = [(evt.EVT_C_STORE, lambda event: status)]
        server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        servers.append(server)
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def encoded(node, write) -> WrittenStudy:
    study = write()
    node.receive(study.files)
    node.run()
    return study


def deliver(node, destination: Destination) -> None:
    Delivery(destination, node.database, node.spool, node.settings, lambda: node.now).step()


def states(node, study: WrittenStudy) -> dict[str, DeliveryState]:
    results = node.study(study.study_uid).reports[-1].results
    return {str(result.kind): result.deliveries[0].state for result in results}


def reasons(node, study: WrittenStudy) -> set[Reason | None]:
    return {result.deliveries[0].reason for result in node.study(study.study_uid).reports[-1].results}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_accepted_is_delivered(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(*RESULTS))
    assert set(states(node, encoded).values()) == {DeliveryState.SENT}
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED


def test_a_destination_that_is_down_gets_the_results_when_it_is_back(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    port = closed_port()
    deliver(node, Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port))
    assert set(states(node, encoded).values()) == {DeliveryState.PENDING}
    assert reasons(node, encoded) == {Reason.DESTINATION_UNREACHABLE}
    back = pacs(*RESULTS, port=port)
    deliver(node, back)
    assert set(states(node, encoded).values()) == {DeliveryState.PENDING}, "before the back-off has passed"
    node.now += timedelta(seconds=2 * node.settings.delivery.last_retry_s)
    deliver(node, back)
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED


def test_a_failure_status_is_never_called_sent(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(*RESULTS, status=0xA700))
    assert set(states(node, encoded).values()) == {DeliveryState.PENDING}
    assert reasons(node, encoded) == {Reason.DESTINATION_REFUSED_OBJECT}
    assert {r.deliveries[0].last_status for r in node.study(encoded.study_uid).reports[0].results} == {0xA700}


def test_a_warning_status_is_not_a_failure(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(*RESULTS, status=0xB000))
    assert set(states(node, encoded).values()) == {DeliveryState.SENT}


def test_who_refuses_one_kind_still_gets_the_others(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(SegmentationStorage, SecondaryCaptureImageStorage))
    found = states(node, encoded)
    assert found == {"SEG": DeliveryState.SENT, "SR": DeliveryState.REFUSED, "picture": DeliveryState.SENT}
    summary = node.study(encoded.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.DESTINATION_REFUSES_SOP_CLASS)


def test_a_person_can_send_again_what_is_missing(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(SegmentationStorage, SecondaryCaptureImageStorage))
    with node.database.transaction() as session:
        retry(session, encoded.study_uid, "administrator", node.now)
    deliver(node, pacs(*RESULTS))
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED


def test_attempts_come_to_an_end(node, encoded: WrittenStudy) -> None:
    down = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=closed_port())
    for _ in range(node.settings.delivery.maximum_attempts):
        deliver(node, down)
        node.now += timedelta(seconds=2 * node.settings.delivery.last_retry_s)
    assert set(states(node, encoded).values()) == {DeliveryState.FAILED}
    assert node.study(encoded.study_uid).summary.reason is Reason.DESTINATION_UNREACHABLE
