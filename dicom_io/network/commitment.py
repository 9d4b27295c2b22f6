"""Storage commitment as SCU: asking a peer to answer for what it has stored, and its answers (PS3.4 Annex J)."""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any, cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import build_context, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from config.reasons import Reason, Refused, Remark
from config.settings import Destination
from dicom_io.durable import sync_path
from dicom_io.network.transport import associate

log = structlog.get_logger()

SUCCESS = 0x0000
INVALID_ARGUMENT = 0x0115
PROCESSING_FAILURE = 0x0110

FOR_GOOD = frozenset({0x0119, 0x0122})
"""Failure Reasons (0008,1197) that sending again does not mend: of SOP Classes that differ, or are not supported."""

_REQUEST = 1
_LONGEST_UID = 64
_LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer said of a request; ``failed`` has a Failure Reason (0008,1197) by SOP Instance UID."""

    transaction_uid: str
    committed: tuple[str, ...]
    failed: dict[str, int]
    peer: str


class Answers:
    """The spool's folder of answers that are acknowledged and not yet on record, one durable file each.

    Listeners and requests put them there, on any thread of any process.
    """

    def __init__(self, spool: Path) -> None:
        self._folder = spool / "commitments"

    def clean(self) -> None:
        """Remove what a crash left half written, which was never acknowledged; before anybody puts answers there."""
        for part in self._folder.glob("*.part"):
            part.unlink()

    def take_in(self, event: evt.Event) -> tuple[int, None]:
        """Handler of ``EVT_N_EVENT_REPORT``: success only for an answer that is durable (PS3.4 Section J.3.3)."""
        try:
            answer = _read(event)
        except Exception as error:  # a hostile data set may break pydicom anywhere
            log.warning("commitment not understood", peer=event.assoc.remote["ae_title"], error=type(error).__name__)
            return INVALID_ARGUMENT, None
        try:
            self._keep(answer)
        except OSError:
            log.exception("commitment not kept", reason=Reason.INTERNAL_ERROR)
            return PROCESSING_FAILURE, None
        return SUCCESS, None

    def waiting(self) -> Iterator[tuple[Path, Answer]]:
        """Answers in the order in which they came; whoever has one on record removes its file."""
        for file in sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
            said = json.loads(file.read_text(encoding="utf-8"))
            yield file, Answer(said["transaction_uid"], tuple(said["committed"]), said["failed"], said["peer"])

    def _keep(self, answer: Answer) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            with part.open("x", encoding="utf-8") as stream:
                json.dump(asdict(answer), stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(part.with_suffix(".json"))
        except OSError:
            part.unlink(missing_ok=True)
            raise
        for folder in (self._folder, self._folder.parent):
            sync_path(folder)


def accepted_context() -> PresentationContext:
    """The presentation context in which a listener takes answers: the requestor is the SCP (PS3.7 Section D.3.3.4)."""
    context = build_context(StorageCommitmentPushModel, _SYNTAXES)
    context.scu_role, context.scp_role = False, True
    return context


def new_transaction_uid() -> str:
    """A Transaction UID (0008,1195) that nobody can guess."""
    return str(generate_uid(prefix=None))


def request_commitment(
    destination: Destination,
    calling_ae: str,
    transaction_uid: str,
    instances: Iterable[tuple[str, str]],
    answers: Answers,
    wait_s: float,
) -> Remark | None:
    """Ask a destination to commit itself to instances, given as (SOP Class UID, SOP Instance UID) pairs.

    An answer that comes on the same association within ``wait_s`` goes to ``answers``. None if the request was taken,
    else why not.
    """
    answered = Event()

    def take_in(event: evt.Event) -> tuple[int, None]:
        status = answers.take_in(event)
        answered.set()
        return status

    def ask(handle: Any) -> Dataset:
        handle.bind(evt.EVT_N_EVENT_REPORT, take_in)
        request = _request(transaction_uid, instances)
        status, _ = handle.send_n_action(
            request, _REQUEST, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        return cast(Dataset, status)

    try:
        with associate(destination, calling_ae, [build_context(StorageCommitmentPushModel, _SYNTAXES)]) as association:
            said = association.request(ask)
            if "Status" not in said:
                raise association.lost
            if said.Status != SUCCESS:
                detail = f"{association.where} answered N-ACTION with 0x{said.Status:04X}."
                return Remark(Reason.COMMITMENT_REFUSED, detail)
            answered.wait(wait_s)
    except Refused as refused:
        if refused.reason is Reason.DESTINATION_REFUSES_SOP_CLASS:
            return Remark(Reason.COMMITMENT_REFUSED, refused.detail)
        return refused.remark
    return None


def _request(transaction_uid: str, instances: Iterable[tuple[str, str]]) -> Dataset:
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = [_reference(*one) for one in instances]
    return request


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return item


def _read(event: evt.Event) -> Answer:
    """The Event Information of PS3.4 Table J.3-2; raises whatever a data set that is not one leads to."""
    size = len(event.request.EventInformation.getbuffer())
    if size > _LARGEST_ANSWER_BYTES:
        raise ValueError(f"{size} bytes")
    said = event.event_information
    transaction_uid = str(said.TransactionUID)
    if len(transaction_uid) > _LONGEST_UID:
        raise ValueError("Transaction UID of more than 64 characters")
    return Answer(
        transaction_uid=transaction_uid,
        committed=tuple(str(item.ReferencedSOPInstanceUID) for item in said.get("ReferencedSOPSequence", ())),
        failed={
            str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason", PROCESSING_FAILURE))
            for item in said.get("FailedSOPSequence", ())
        },
        peer=str(event.assoc.remote["ae_title"]),
    )
