"""Delivery to a PACS that is down, slow, refuses, or takes only some of the results."""

import itertools
import socket
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import (
    BasicTextSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from sqlalchemy.exc import OperationalError

from config.reasons import Reason
from config.settings import Delivery as Retries
from config.settings import Destination
from db.audit_actions import AuditAction
from db.capabilities import Capabilities, known_capabilities
from db.delivery import record_sent
from db.detail import DeliveryDetail
from db.retry import retry
from db.states import DeliveryState, StudyState
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from dicom_io.sop_classes import LabelMapSegmentationStorage
from node.delivery import Delivery, back_off

PICTURES = (SecondaryCaptureImageStorage, KeyObjectSelectionDocumentStorage)
RESULTS = (SegmentationStorage, ComprehensiveSRStorage, *PICTURES)
Pacs = Callable[..., Destination]
Start = Callable[..., Any]


@pytest.fixture
def pacs(peer: Start) -> Pacs:
    return lambda *sop_classes, **how: peer(*sop_classes, **how).destination()


@pytest.fixture
def encoded(node, write) -> WrittenStudy:
    return analysed(node, write())


def analysed(node, study: WrittenStudy) -> WrittenStudy:
    node.receive(study.files)
    node.run()
    return study


def deliver(node, destination: Destination) -> None:
    """Until nothing is due."""
    delivery = Delivery(destination, node.database, node.spool, node.settings, lambda: node.now)
    while delivery.step():
        pass


def deliveries(node, study: WrittenStudy, destination: str = "pacs") -> dict[str, DeliveryDetail]:
    """By kind; of several objects of a kind the last."""
    results = node.study(study.study_uid).reports[-1].results
    found = [(str(result.kind), delivery) for result in results for delivery in result.deliveries]
    return {kind: delivery for kind, delivery in found if delivery.destination == destination}


def states(node, study: WrittenStudy) -> dict[str, DeliveryState]:
    return {kind: delivery.state for kind, delivery in deliveries(node, study).items()}


def instead(node, study: WrittenStudy) -> dict[str, str]:
    """What was sent instead of what."""
    found = deliveries(node, study).items()
    return {kind: str(delivery.sent_instead) for kind, delivery in found if delivery.sent_instead}


def reasons(node, study: WrittenStudy) -> set[Reason | None]:
    return {delivery.reason for delivery in deliveries(node, study).values()}


def known(node) -> Capabilities | None:
    with node.database.reading() as session:
        return known_capabilities(session, "pacs")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_accepted_is_delivered(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(*RESULTS))
    assert states(node, encoded) == dict.fromkeys(["SEG", "SR", "picture", "key images", "KOS"], DeliveryState.SENT)
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
    assert {delivery.last_status for delivery in deliveries(node, encoded).values()} == {0xA700}


def test_a_warning_status_is_not_a_failure(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(*RESULTS, status=0xB000))
    assert set(states(node, encoded).values()) == {DeliveryState.SENT}


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [(EnhancedSRStorage, "SR text"), (BasicTextSRStorage, "SR basic text"), (EncapsulatedPDFStorage, "PDF")],
)
def test_who_takes_no_measurement_report_gets_the_best_text_that_it_takes(
    node, encoded: WrittenStudy, pacs: Pacs, sop_class: str, kind: str
) -> None:
    deliver(node, pacs(SegmentationStorage, *PICTURES, sop_class))
    assert instead(node, encoded) == {"SR": kind}
    found = states(node, encoded)
    assert (found["SR"], found[kind]) == (DeliveryState.REPLACED, DeliveryState.SENT)
    summary = node.study(encoded.study_uid).summary
    assert summary.state is StudyState.DELIVERED
    assert f"pacs: {kind} instead of SR" in summary.detail
    (event,) = [entry for entry in node.audit() if entry.action is AuditAction.RESULT_REPLACED]
    assert (event.detail["kind"], event.detail["sent_instead"]) == ("SR", kind)


def test_the_plainest_pacs_gets_pictures_and_paper(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(SecondaryCaptureImageStorage, EncapsulatedPDFStorage))
    assert instead(node, encoded) == {"SEG": "key images", "SR": "PDF"}
    found = states(node, encoded)
    assert found.pop("KOS") is DeliveryState.OMITTED
    assert {kind for kind, state in found.items() if state is DeliveryState.SENT} == {"PDF", "picture", "key images"}
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED


def test_who_takes_no_segmentation_gets_outlines(node, encoded: WrittenStudy, pacs: Pacs) -> None:
    deliver(node, pacs(ComprehensiveSRStorage, *PICTURES, GrayscaleSoftcopyPresentationStateStorage))
    assert instead(node, encoded) == {"SEG": "GSPS"}
    assert states(node, encoded)["GSPS"] is DeliveryState.SENT


def test_who_refuses_one_kind_and_all_that_could_stand_for_it_still_gets_the_others(
    node, encoded: WrittenStudy, pacs: Pacs
) -> None:
    deliver(node, pacs(SegmentationStorage, *PICTURES))
    found = states(node, encoded)
    assert found.pop("SR") is DeliveryState.REFUSED
    assert set(found.values()) == {DeliveryState.SENT}
    summary = node.study(encoded.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.DESTINATION_REFUSES_SOP_CLASS)


def test_a_person_can_send_again_what_is_missing(node, encoded: WrittenStudy, peer: Start) -> None:
    stubborn = peer(SegmentationStorage, *PICTURES)
    deliver(node, stubborn.destination())
    stubborn.stop()
    with node.database.transaction() as session:
        retry(session, encoded.study_uid, "administrator", node.now)
    deliver(node, peer(*RESULTS, port=stubborn.port).destination())
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED


def test_attempts_come_to_an_end(node, encoded: WrittenStudy) -> None:
    down = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=closed_port())
    for _ in range(node.settings.delivery.maximum_attempts):
        deliver(node, down)
        node.now += timedelta(seconds=2 * node.settings.delivery.last_retry_s)
    assert set(states(node, encoded).values()) == {DeliveryState.FAILED}
    assert node.study(encoded.study_uid).summary.reason is Reason.DESTINATION_UNREACHABLE


def test_a_destination_is_asked_before_the_first_delivery_and_then_once_a_day(node, write, peer: Start) -> None:
    asked = peer(*RESULTS)
    for hours, seed, times in ((0, "a", 1), (23, "b", 1), (2, "c", 2)):
        node.now += timedelta(hours=hours)
        analysed(node, write(plan=StudyPlan(seed=seed)))
        deliver(node, asked.destination())
        assert asked.probed == times
    remembered = known(node)
    assert remembered is not None
    assert remembered.refused.isdisjoint(RESULTS)
    assert EncapsulatedPDFStorage in remembered.refused
    assert [entry.action for entry in node.audit()].count(AuditAction.DESTINATION_PROBED) == 2


def test_a_destination_that_moved_is_asked_anew(node, write, peer: Start) -> None:
    old, new = peer(*RESULTS), peer(*RESULTS)
    for one, seed in ((old, "a"), (new, "b")):
        analysed(node, write(plan=StudyPlan(seed=seed)))
        deliver(node, one.destination())
    assert (old.probed, new.probed) == (1, 1)


def test_who_acts_otherwise_than_it_said_gets_a_substitute_and_is_asked_again(node, write, peer: Start) -> None:
    before = peer(*RESULTS)
    analysed(node, write(plan=StudyPlan(seed="a")))
    deliver(node, before.destination())
    before.stop()
    after = peer(SegmentationStorage, *PICTURES, BasicTextSRStorage, port=before.port)
    second = analysed(node, write(plan=StudyPlan(seed="b")))
    deliver(node, after.destination())
    assert instead(node, second)["SR"] == "SR basic text"
    assert states(node, second)["SR basic text"] is DeliveryState.SENT
    remembered = known(node)
    assert remembered is not None
    assert ComprehensiveSRStorage in remembered.refused


def test_every_destination_gets_its_own_profile(start_node, write, peer: Start) -> None:
    everything = peer(*RESULTS, EnhancedSRStorage, EncapsulatedPDFStorage, GrayscaleSoftcopyPresentationStateStorage)
    common = {"ae_title": "PACS", "host": "127.0.0.1", "port": everything.port}
    node = start_node(
        destinations=(
            Destination(name="main", outlines=True, **common),
            Destination(name="slicer", profile="slicer", **common),
            Destination(name="old", profile="text", **common),
            Destination(name="paper", profile="encapsulated-pdf", **common),
        )
    )
    study = analysed(node, write())
    for destination in node.settings.destinations:
        deliver(node, destination)
    pictures = ["picture", "key images", "KOS"]
    assert {
        name: sorted(kind for kind, one in deliveries(node, study, name).items() if one.state is DeliveryState.SENT)
        for name in ("main", "slicer", "old", "paper")
    } == {
        "main": sorted(["SEG", "SR", "GSPS", *pictures]),
        "slicer": sorted(["SEG", "SR measurements", "SR regions", *pictures]),
        "old": sorted(["SR text", *pictures]),
        "paper": sorted(["PDF", *pictures]),
    }
    assert node.study(study.study_uid).summary.state is StudyState.DELIVERED


def test_an_organ_map_goes_as_label_map_only_to_who_takes_one(start_node, write, peer: Start) -> None:
    node = start_node(results={"organ_map": True})
    first = analysed(node, write(plan=StudyPlan(seed="a")))
    deliver(node, peer(*RESULTS, LabelMapSegmentationStorage).destination())
    second = analysed(node, write(plan=StudyPlan(seed="b")))
    deliver(node, peer(*RESULTS).destination())
    assert states(node, first)["organ map"] is DeliveryState.SENT
    assert instead(node, second) == {"organ map": "organ masks"}


def counts(node, study: WrittenStudy) -> Counter[DeliveryState]:
    """Of all objects that are due, not of one of each kind."""
    results = node.study(study.study_uid).reports[-1].results
    return Counter(delivery.state for result in results for delivery in result.deliveries)


def test_each_object_is_on_record_before_the_next_is_sent(
    node, encoded: WrittenStudy, peer: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a destination that takes its time is never sent again what it has."""
    receiver, on_record = peer(*RESULTS), []
    monkeypatch.setattr(receiver, "stored", Watched(lambda: on_record.append(counts(node, encoded))))
    due = counts(node, encoded)[DeliveryState.PENDING]
    deliver(node, receiver.destination())
    assert [found[DeliveryState.SENT] for found in on_record] == list(range(due))


class Watched(list[str]):
    """Tells before something is added."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, one: str) -> None:
        self._tell()
        super().append(one)


def test_no_more_is_claimed_than_the_lease_outlasts(
    node, encoded: WrittenStudy, peer: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, under_way = peer(*RESULTS), []
    monkeypatch.setattr(
        receiver, "stored", Watched(lambda: under_way.append(counts(node, encoded)[DeliveryState.SENDING]))
    )
    monkeypatch.setattr("node.delivery._AT_ONCE", 2)
    deliver(node, receiver.destination())
    assert max(under_way) == 2


def test_what_the_database_did_not_take_is_put_on_record_when_it_is_back_and_not_sent_again(
    node, encoded: WrittenStudy, peer: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = peer(*RESULTS)
    due = counts(node, encoded)[DeliveryState.PENDING]
    delivery = Delivery(receiver.destination(), node.database, node.spool, node.settings, lambda: node.now)
    with monkeypatch.context() as away:
        away.setattr("node.delivery.record_sent", fails_on(2))
        with pytest.raises(OperationalError):
            delivery.step()
    while delivery.step():
        pass
    assert node.study(encoded.study_uid).summary.state is StudyState.DELIVERED, "without waiting for the lease to end"
    assert len(receiver.stored) == due


def fails_on(call: int) -> Callable[..., bool]:
    """`record_sent` of a database that is away at that call of it."""
    calls = itertools.count(1)

    def record(*arguments: Any, **named: Any) -> bool:
        if next(calls) >= call:
            raise OperationalError("UPDATE", {}, Exception("the connection is closed"))
        return record_sent(*arguments, **named)

    return record


def test_an_object_that_a_defect_keeps_from_being_sent_keeps_no_other(
    node, encoded: WrittenStudy, peer: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = counts(node, encoded)[DeliveryState.PENDING]
    delivery = Delivery(peer(*RESULTS).destination(), node.database, node.spool, node.settings, lambda: node.now)
    monkeypatch.setattr("node.delivery._AT_ONCE", 1)
    with monkeypatch.context() as defect:
        defect.setattr("node.delivery.send", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivery.step()
    while delivery.step():
        pass
    assert counts(node, encoded) == {DeliveryState.SENDING: 1, DeliveryState.SENT: due - 1}


def test_a_file_that_is_not_what_is_on_record_is_not_sent(node, encoded: WrittenStudy, peer: Start) -> None:
    receiver = peer(*RESULTS)
    (report,) = node.study(encoded.study_uid).reports
    (result,) = [one for one in report.results if one.kind == "SR"]
    changed = dcmread(node.spool.folder / result.path)
    changed.SeriesDescription = "another"
    changed.save_as(node.spool.folder / result.path)
    deliver(node, receiver.destination())
    assert ComprehensiveSRStorage not in receiver.stored
    told = deliveries(node, encoded)["SR"]
    assert (told.state, told.reason) == (DeliveryState.PENDING, Reason.INTERNAL_ERROR)
    assert "not what is on record" in str(told.detail)
    assert states(node, encoded)["SEG"] is DeliveryState.SENT


def test_the_back_off_stays_at_its_longest_however_many_attempts_there_were() -> None:
    settings = Retries(first_retry_s=1.0, last_retry_s=900.0)
    assert timedelta(seconds=900) <= back_off(settings, 100_000) <= timedelta(seconds=1080)
