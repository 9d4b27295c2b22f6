"""From C-STORE to committed: an archive that loses objects, answers late, elsewhere, wrongly, or never."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance, Verification

from config.reasons import Reason
from config.settings import Destination
from config.settings import Listener as ListenerSettings
from db.audit_actions import AuditAction
from db.states import DeliveryState, StudyState
from dicom_io.network.listener import Listener
from dicom_io.scanner.study import WrittenStudy
from node.commitment import Commitment, CommitmentAnswers
from node.delivery import Delivery

RESULTS = (
    SegmentationStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    KeyObjectSelectionDocumentStorage,
)


class Archive:
    """Stores what it takes and answers for it; ``loses``: SOP Classes of which it loses each instance once.

    ``calls``: where it answers on an association of its own; otherwise it does on the one on which it was asked.
    """

    def __init__(self, *, commits: bool = True, silent: bool = False) -> None:
        self.loses: set[str] = set()
        self.calls: int | None = None
        self.silent = silent
        self.stored: list[str] = []
        self.requests: list[Dataset] = []
        self._held: set[str] = set()
        self._lost: set[str] = set()
        self._answering: list[threading.Thread] = []
        self._entity = AE("PACS")
        for uid in (*RESULTS, Verification, *([StorageCommitmentPushModel] if commits else [])):
            self._entity.add_supported_context(uid)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._asked)]
        self._server = self._entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    def destination(self, **settings: Any) -> Destination:
        port = self._server.server_address[1]
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, **settings)

    def answer(self, request: Dataset, association: Any = None) -> None:
        """On an association, or else on one of its own."""
        own = association is None
        if own:
            entity = AE("PACS")
            entity.add_requested_context(StorageCommitmentPushModel)
            role = build_role(StorageCommitmentPushModel, scp_role=True)
            association = entity.associate("127.0.0.1", self.calls, ext_neg=[role], ae_title="UPTAKE")
        information = self._information(request)
        association.send_n_event_report(
            information,
            2 if "FailedSOPSequence" in information else 1,
            StorageCommitmentPushModel,
            StorageCommitmentPushModelInstance,
        )
        if own:
            association.release()

    def join(self) -> None:
        """Until all answers are given."""
        for thread in self._answering:
            thread.join()

    def stop(self) -> None:
        self._server.shutdown()

    def _store(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.stored.append(uid)
        if event.request.AffectedSOPClassUID in self.loses and uid not in self._lost:
            self._lost.add(uid)
        else:
            self._held.add(uid)
        return 0x0000

    def _asked(self, event: evt.Event) -> tuple[int, None]:
        request = event.action_information
        self.requests.append(request)
        if not self.silent:
            on = None if self.calls else event.assoc
            self._answering.append(threading.Thread(target=self._answer_soon, args=(request, on)))
            self._answering[-1].start()
        return 0x0000, None

    def _answer_soon(self, request: Dataset, association: Any) -> None:
        time.sleep(0.2)  # until the response to N-ACTION is sent
        self.answer(request, association)

    def _information(self, request: Dataset) -> Dataset:
        said = Dataset()
        said.TransactionUID = request.TransactionUID
        held = [item for item in request.ReferencedSOPSequence if item.ReferencedSOPInstanceUID in self._held]
        lost = [item for item in request.ReferencedSOPSequence if item not in held]
        said.ReferencedSOPSequence = held
        if lost:
            for item in lost:
                item.FailureReason = 0x0112
            said.FailedSOPSequence = lost
        return said


@pytest.fixture
def archive() -> Iterator[Callable[..., Archive]]:
    archives: list[Archive] = []

    def start(**how: Any) -> Archive:
        archives.append(Archive(**how))
        return archives[-1]

    yield start
    for one in archives:
        one.stop()


class Nobody:
    """Does not care what a listener tells."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.fixture
def listener(node) -> Iterator[Listener]:
    """Of the node, on a free port."""
    settings = ListenerSettings().model_copy(update={"port": 0})
    with Listener(settings, node.spool.folder, 0, Nobody()) as listening:  # type: ignore[arg-type]
        yield listening


@pytest.fixture
def encoded(node, write) -> WrittenStudy:
    study = write()
    node.receive(study.files)
    node.run()
    return study


def deliver(node, archive: Archive, **settings: Any) -> None:
    """Until nothing is due."""
    parts = (node.database, node.spool, node.settings, lambda: node.now)
    destination = archive.destination(**settings)
    delivery, commitment = Delivery(destination, *parts), Commitment(destination, *parts)
    answers = CommitmentAnswers(node.database, node.spool, node.settings, lambda: node.now)
    while delivery.step() or commitment.step() or answers.step():
        archive.join()


def back_later(node, archive: Archive, **settings: Any) -> None:
    node.now += timedelta(seconds=2 * node.settings.delivery.last_retry_s)
    deliver(node, archive, **settings)


def states(node, study: WrittenStudy) -> list[DeliveryState]:
    results = node.study(study.study_uid).reports[-1].results
    return [delivery.state for result in results for delivery in result.deliveries]


def study_state(node, study: WrittenStudy) -> StudyState:
    return node.study(study.study_uid).summary.state


def test_an_archive_that_offers_it_is_asked_and_the_study_is_committed(node, encoded: WrittenStudy, archive) -> None:
    pacs = archive()
    deliver(node, pacs)
    assert set(states(node, encoded)) == {DeliveryState.COMMITTED}
    assert study_state(node, encoded) is StudyState.COMMITTED
    (request,) = pacs.requests
    assert [item.ReferencedSOPInstanceUID for item in request.ReferencedSOPSequence] == pacs.stored
    actions = [entry.action for entry in node.audit()]
    assert actions.index(AuditAction.STUDY_DELIVERED) < actions.index(AuditAction.COMMITMENT_REQUESTED)
    assert actions[-1] is AuditAction.STUDY_COMMITTED


def test_an_archive_may_answer_on_an_association_of_its_own(
    node, encoded: WrittenStudy, archive, listener: Listener
) -> None:
    pacs = archive()
    pacs.calls = listener.port
    deliver(node, pacs)
    assert study_state(node, encoded) is StudyState.COMMITTED


def test_only_what_an_archive_lost_is_sent_again(node, encoded: WrittenStudy, archive) -> None:
    pacs = archive()
    pacs.loses = {SegmentationStorage}
    deliver(node, pacs)
    sent = list(pacs.stored)
    assert sorted(states(node, encoded)) == ["committed"] * (len(sent) - 1) + ["pending"]
    back_later(node, pacs)
    (again,) = pacs.stored[len(sent) :]
    (lost,) = [one for one in node.study(encoded.study_uid).reports[-1].results if one.sop_instance_uid == again]
    assert lost.sop_class_uid == SegmentationStorage
    assert study_state(node, encoded) is StudyState.COMMITTED


@pytest.mark.parametrize(
    ("how", "settings"), [({"commits": False}, {}), ({"commits": True}, {"storage_commitment": False})]
)
def test_who_does_not_offer_it_or_is_not_to_be_asked_is_not_asked(
    node, encoded: WrittenStudy, archive, how: dict[str, bool], settings: dict[str, bool]
) -> None:
    pacs = archive(**how)
    deliver(node, pacs, **settings)
    assert (set(states(node, encoded)), pacs.requests) == ({DeliveryState.SENT}, [])
    assert study_state(node, encoded) is StudyState.DELIVERED


def test_who_must_commit_and_can_not_fails_the_study_in_the_end(node, encoded: WrittenStudy, archive) -> None:
    pacs = archive(commits=False)
    deliver(node, pacs, storage_commitment=True)
    assert study_state(node, encoded) is StudyState.DELIVERED
    for _ in range(node.settings.delivery.maximum_attempts):
        back_later(node, pacs, storage_commitment=True)
    summary = node.study(encoded.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.COMMITMENT_REFUSED)


def test_who_is_silent_is_asked_again_and_the_late_answer_counts(
    node, encoded: WrittenStudy, archive, listener: Listener
) -> None:
    pacs = archive(silent=True)
    pacs.calls = listener.port
    deliver(node, pacs)
    node.now += timedelta(seconds=node.settings.commitment.answer_s)
    back_later(node, pacs)
    back_later(node, pacs)
    assert len({request.TransactionUID for request in pacs.requests}) == 2
    assert set(states(node, encoded)) == {DeliveryState.UNCOMMITTED}
    pacs.answer(pacs.requests[0])
    deliver(node, pacs)
    assert study_state(node, encoded) is StudyState.COMMITTED


def test_an_answer_survives_a_restart_before_it_is_on_record(
    node, encoded: WrittenStudy, archive, listener: Listener
) -> None:
    pacs = archive(silent=True)
    pacs.calls = listener.port
    deliver(node, pacs)
    pacs.answer(pacs.requests[0])
    listener.stop()
    assert study_state(node, encoded) is StudyState.DELIVERED
    assert CommitmentAnswers(node.database, node.spool, node.settings, lambda: node.now).step()
    assert study_state(node, encoded) is StudyState.COMMITTED


def test_who_is_no_longer_to_be_asked_leaves_it_at_delivered(node, encoded: WrittenStudy, archive) -> None:
    pacs = archive(silent=True)
    deliver(node, pacs)
    node.now += timedelta(seconds=node.settings.commitment.answer_s)
    deliver(node, pacs, storage_commitment=False)
    assert set(states(node, encoded)) == {DeliveryState.SENT}
    assert study_state(node, encoded) is StudyState.DELIVERED
