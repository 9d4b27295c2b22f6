"""Storage commitment with real peers on loopback: requests, and answers on either association."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from config.reasons import Reason, Remark
from config.settings import Destination
from dicom_io.network.commitment import Answer, Answers, new_transaction_uid, request_commitment
from dicom_io.network.listener import Listener

StartPeer = Callable[..., Destination]
COMMITMENT = [build_context(StorageCommitmentPushModel)]
INSTANCES = ((CTImageStorage, "2.25.1"), (CTImageStorage, "2.25.2"))
TRANSACTION = "2.25.77"


@pytest.fixture
def answers(spool: Path) -> Answers:
    return Answers(spool)


@pytest.fixture
def report() -> Iterator[Callable[..., int]]:
    """Sends an answer on an association of the peer's own; the status that it is answered with."""
    opened = []

    def send(
        listener: Listener,
        information: Dataset,
        *,
        role: bool = True,
        syntax: str = ExplicitVRLittleEndian,
        event_type: int = 1,
    ) -> int:
        entity = AE("ARCHIVE")
        entity.dimse_timeout = entity.acse_timeout = 5
        association = entity.associate(
            "127.0.0.1",
            listener.port,
            contexts=[build_context(StorageCommitmentPushModel, syntax)],
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)] if role else None,
            ae_title="UPTAKE",
        )
        opened.append(association)
        assert association.is_established
        if not role:  # pynetdicom would not send it in the role of the SCU
            association.accepted_contexts[0]._as_scp = True
        status, _ = association.send_n_event_report(
            information, event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        return int(status.Status)

    yield send
    for association in opened:
        association.release()


def ask(peer: Destination, answers: Answers, wait_s: float = 0.0) -> Remark | None:
    return request_commitment(peer, "UPTAKE", TRANSACTION, INSTANCES, answers, wait_s)


def information(committed: tuple[str, ...] = (), failed: dict[str, int] | None = None) -> Dataset:
    said = Dataset()
    said.TransactionUID = TRANSACTION
    said.ReferencedSOPSequence = [reference(uid) for uid in committed]
    if failed:
        said.FailedSOPSequence = [reference(uid) for uid in failed]
        for item, failure in zip(said.FailedSOPSequence, failed.values(), strict=True):
            item.FailureReason = failure
    return said


def reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    return item


def kept(answers: Answers) -> list[Answer]:
    return [answer for _, answer in answers.waiting()]


def test_a_request_names_the_transaction_and_every_instance(start_peer: StartPeer, answers: Answers) -> None:
    asked: list[Any] = []

    def action(event: evt.Event) -> tuple[int, None]:
        asked.append((event.action_type, event.request.RequestedSOPInstanceUID, event.action_information))
        return 0x0000, None

    assert ask(start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, action)]), answers) is None
    ((action_type, instance_uid, said),) = asked
    assert (action_type, instance_uid, said.TransactionUID) == (1, "1.2.840.10008.1.20.1.1", TRANSACTION)
    assert [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in said.ReferencedSOPSequence] == list(
        INSTANCES
    )


def test_an_answer_that_comes_before_the_request_is_answered_is_kept(start_peer: StartPeer, answers: Answers) -> None:
    def action(event: evt.Event) -> tuple[int, None]:
        status, _ = event.assoc.send_n_event_report(
            information(("2.25.1", "2.25.2")), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        return int(status.Status), None

    assert ask(start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, action)]), answers, wait_s=5) is None
    assert kept(answers) == [Answer(TRANSACTION, ("2.25.1", "2.25.2"), {}, "PACS")]


def test_an_answer_on_the_same_association_is_kept_as_soon_as_it_comes(start_peer: StartPeer, answers: Answers) -> None:
    statuses: list[int] = []

    def action(event: evt.Event) -> tuple[int, None]:
        def later() -> None:
            """After the response to N-ACTION (PS3.4 Section J.3.3)."""
            time.sleep(0.2)
            status, _ = event.assoc.send_n_event_report(
                information(("2.25.1",), {"2.25.2": 0x0112}),
                2,
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
            )
            statuses.append(int(status.Status))

        threading.Thread(target=later).start()
        return 0x0000, None

    peer = start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, action)])
    began = time.monotonic()
    assert ask(peer, answers, wait_s=30.0) is None
    assert time.monotonic() - began < 20
    assert kept(answers) == [Answer(TRANSACTION, ("2.25.1",), {"2.25.2": 0x0112}, "PACS")]
    assert statuses == [0x0000]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("role", [True, False])
def test_an_answer_on_another_association_is_kept(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int], syntax: str, role: bool
) -> None:
    assert report(start_listener(), information(("2.25.1", "2.25.2")), role=role, syntax=syntax) == 0x0000
    assert kept(answers) == [Answer(TRANSACTION, ("2.25.1", "2.25.2"), {}, "ARCHIVE")]


def test_answers_wait_in_the_order_in_which_they_came_until_they_are_on_record(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int]
) -> None:
    listener = start_listener()
    for number in range(1, 4):
        report(listener, information((f"2.25.{number}",)))
    assert [answer.committed for answer in kept(answers)] == [("2.25.1",), ("2.25.2",), ("2.25.3",)]
    for file, _ in answers.waiting():
        file.unlink()
    assert kept(answers) == []


def test_a_failure_without_a_reason_is_a_failure(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int]
) -> None:
    said = information(failed={"2.25.1": 0})
    del said.FailedSOPSequence[0].FailureReason
    assert report(start_listener(), said, event_type=2) == 0x0000
    assert kept(answers)[0].failed == {"2.25.1": 0x0110}


def broken(keyword: str) -> Dataset:
    said = information(("2.25.1",))
    delattr(said if keyword in said else said.ReferencedSOPSequence[0], keyword)
    return said


@pytest.mark.parametrize("missing", ["TransactionUID", "ReferencedSOPInstanceUID"])
def test_an_answer_that_is_none_is_told_so_and_not_kept(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int], missing: str
) -> None:
    assert report(start_listener(), broken(missing)) == 0x0115
    assert kept(answers) == []


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_transaction_uid_that_is_none_is_not_kept(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int]
) -> None:
    said = information(("2.25.1",))
    said.add(DataElement(0x00081195, "UI", "1" * 3000, validation_mode=IGNORE))
    assert report(start_listener(), said) == 0x0115
    assert kept(answers) == []


def test_an_answer_that_is_far_too_long_is_not_read(
    start_listener: Callable[..., Listener], answers: Answers, report: Callable[..., int]
) -> None:
    said = information(("2.25.1",))
    said.TextValue = "x" * (5 * 1024 * 1024)
    assert report(start_listener(), said) == 0x0115
    assert kept(answers) == []


def test_an_answer_that_can_not_be_kept_is_not_acknowledged(
    start_listener: Callable[..., Listener], spool: Path, report: Callable[..., int]
) -> None:
    listener = start_listener()
    (spool / "commitments").write_text("in the way")
    assert report(listener, information(("2.25.1",))) == 0x0110


def test_an_answer_is_durable_before_it_is_acknowledged(
    start_listener: Callable[..., Listener],
    spool: Path,
    report: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("dicom_io.network.commitment.sync_path", synced.append)
    report(start_listener(), information(("2.25.1",)))
    assert synced == [spool / "commitments", spool]


def test_what_a_crash_left_half_written_of_an_answer_is_cleaned_away(
    start_listener: Callable[..., Listener], answers: Answers, spool: Path, report: Callable[..., int]
) -> None:
    report(start_listener(), information(("2.25.1",)))
    (spool / "commitments" / "0123.part").write_text("{")
    start_listener()
    assert [path.suffix for path in (spool / "commitments").iterdir()] == [".json"]
    assert len(kept(answers)) == 1


def test_a_peer_that_is_not_there_is_unreachable(answers: Answers) -> None:
    nobody = Destination(name="x", ae_title="PACS", host="127.0.0.1", port=1, network_timeout_s=2)
    remark = ask(nobody, answers)
    assert remark is not None
    assert remark.reason is Reason.DESTINATION_UNREACHABLE


def test_a_peer_that_has_no_storage_commitment_refuses(start_peer: StartPeer, answers: Answers) -> None:
    remark = ask(start_peer([build_context(CTImageStorage)]), answers)
    assert remark is not None
    assert remark.reason is Reason.COMMITMENT_REFUSED


def test_a_failure_status_says_which(start_peer: StartPeer, answers: Answers) -> None:
    peer = start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, lambda event: (0x0213, None))])
    remark = ask(peer, answers)
    assert remark is not None
    assert remark.reason is Reason.COMMITMENT_REFUSED
    assert "0x0213" in remark.detail


def test_a_peer_that_aborts_has_taken_nothing(start_peer: StartPeer, answers: Answers) -> None:
    def abort(event: evt.Event) -> tuple[int, None]:
        event.assoc.abort()
        return 0x0000, None

    remark = ask(start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, abort)]), answers)
    assert remark is not None
    assert remark.reason is Reason.DESTINATION_REJECTED_ASSOCIATION


def test_a_peer_that_falls_silent_is_given_up(start_peer: StartPeer, answers: Answers) -> None:
    def sleep(event: evt.Event) -> tuple[int, None]:
        time.sleep(3)
        return 0x0000, None

    peer = start_peer(COMMITMENT, handlers=[(evt.EVT_N_ACTION, sleep)]).model_copy(update={"network_timeout_s": 1.0})
    remark = ask(peer, answers)
    assert remark is not None
    assert remark.reason is Reason.DESTINATION_UNREACHABLE


def test_transactions_can_not_be_guessed_nor_meet() -> None:
    many = {new_transaction_uid() for _ in range(100)}
    assert len(many) == 100
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in many)
