"""The listener: a Verification and Storage SCP that says success only when an instance is durable (PS3.4 Annex B).

What destinations answer to requests for storage commitment, it takes too (`dicom_io.network.commitment`).
"""

import errno
import itertools
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import structlog
from pydicom.dataset import Dataset
from pynetdicom import build_context, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification

from config.reasons import Reason, Remark
from config.settings import Listener as Settings
from dicom_io.network.admission import Refusal, refusal
from dicom_io.network.commitment import Answers, accepted_context
from dicom_io.network.incoming import AssociationFolder, clean_parts
from dicom_io.network.limits import limit
from dicom_io.network.silent import Silent
from dicom_io.network.tls import certificate_names, listening_context, shake_hands
from dicom_io.network.transport import application_entity, prepare_socket, readable_transfer_syntaxes
from dicom_io.sop_classes import ACCEPTED

log = structlog.get_logger()

SUCCESS = 0x0000
# PS3.4 Table B.2-1 and, for the first two, PS3.7 Annex C.
_STATUS = {
    Reason.INTERNAL_ERROR: 0x0110,
    Reason.UNSUPPORTED_SOP_CLASS: 0x0122,
    Reason.DISK_FULL: 0xA700,
    Reason.TRUNCATED: 0xC000,
    Reason.MISSING_IDENTIFIERS: 0xC000,
}
_LIMIT_EXCEEDED = (2, 3, 2)  # rejected-transient, local limit exceeded (PS3.8 Section 9.3.4)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Outcome(StrEnum):
    """How an association ended: by release, or by abort, time-out or loss of the connection."""

    RELEASED = "released"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class AssociationInfo:
    """An association, from the requestor's A-ASSOCIATE-RQ and its connection. Ids sort by time of opening."""

    id: str
    calling_ae: str
    called_ae: str
    address: str
    port: int
    at: datetime


class Events(Protocol):
    """What the listener tells the node, one call at a time in the order of events, on a thread of its own.

    A slow callee delays neither acknowledgements nor other associations.
    """

    def association_opened(self, association: AssociationInfo) -> None: ...

    def association_closed(self, association: AssociationInfo, outcome: Outcome, stored: int) -> None:
        """Every instance of the association is durable or was refused; nothing more will come of it."""

    def association_rejected(self, association: AssociationInfo, remark: Remark) -> None: ...

    def instance_refused(self, association: AssociationInfo, sop_instance_uid: str, remark: Remark) -> None:
        """An instance is not kept: it was answered with a failure status, or its association was ended for it."""


class Listener:
    """Receives instances into the spool's incoming folder, whose layout :mod:`dicom_io.network.incoming` describes.

    Parameters
    ----------
    settings
        Where to listen and whom to let in. Port 0 takes any free port.
    spool
        Folder that this listener alone writes to.
    minimum_free_mb
        Instances that would leave less than this free (MiB) are refused with 0xA700.
    events
        Told of associations and refusals.
    congestion
        Why no association is taken for the time being; asked at every request that is otherwise let in.
    new_association_id
        Gives ids that are unique, sortable and fit for a folder's name.
    """

    def __init__(
        self,
        settings: Settings,
        spool: Path,
        minimum_free_mb: int,
        events: Events,
        new_association_id: Callable[[], str] | None = None,
        congestion: Callable[[], Refusal | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._minimum_free_bytes = minimum_free_mb * 1024 * 1024
        self._events = events
        self._new_association_id = new_association_id or _association_ids()
        self._congestion = congestion
        self._server: Any = None
        self._open: dict[Any, _Open] = {}
        self._silent = Silent()
        self._admitted: set[Any] = set()
        self._admitting = threading.Lock()

    def start(self) -> None:
        """Clean the incoming folder of half-written files and listen; returns at once.

        Raises ``OSError`` if the address can't be bound or the spool can't be written, ``Refused`` if the files for TLS
        can't be used.
        """
        self._spool.mkdir(parents=True, exist_ok=True)
        answers = Answers(self._spool)
        answers.clean()
        removed = clean_parts(self._spool)
        if removed:
            log.warning("half-written instances removed", count=removed)
        self._teller = ThreadPoolExecutor(1, thread_name_prefix="listener-events")
        entity = application_entity(self._settings.ae_title, self._settings.network_timeout_s)
        entity.maximum_pdu_size = self._settings.maximum_pdu_bytes
        entity.maximum_associations = sys.maxsize  # which would count silent connections, too: `_crowd` does not
        self._server = entity.start_server(
            (self._settings.host, self._settings.port),
            block=False,
            contexts=_presentation_contexts(),
            ssl_context=listening_context(self._settings.tls) if self._settings.tls else None,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, self._silent.connected),
                (evt.EVT_CONN_OPEN, prepare_socket, [self._settings.network_timeout_s]),
                (evt.EVT_CONN_OPEN, shake_hands, [self._mistrusted]),
                (evt.EVT_CONN_OPEN, limit, [self._settings.maximum_object_mb, self._too_large]),
                (evt.EVT_CONN_CLOSE, self._silent.ended),
                (evt.EVT_CONN_CLOSE, _let_go),
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_ESTABLISHED, self._established),
                (evt.EVT_DIMSE_RECV, self._received),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_N_EVENT_REPORT, answers.take_in),
            ],
        )

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no new associations, let the open ones finish for ``grace_s``, then abort them. May be called twice."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        self._silent.hang_up()
        deadline = time.monotonic() + grace_s
        for association in server.active_associations:
            association.join(max(0.0, deadline - time.monotonic()))
        unfinished = server.active_associations
        for association in unfinished:
            association.abort()
        for association in unfinished:
            association.join()
        for ended in list(self._open.values()):
            ended.watcher.join()
        self._teller.shutdown(wait=True)

    @property
    def port(self) -> int:
        """The port listened on, while listening."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _requested(self, event: evt.Event) -> None:
        self._silent.ended(event)
        request = event.assoc.requestor.primitive
        found = refusal(
            self._settings,
            request.calling_ae_title,
            request.called_ae_title,
            event.assoc.requestor.address,
            certificate_names(event),
        )
        found = found or self._congestion() or self._crowd(event.assoc)
        if found is None:
            return
        event.assoc.acse.send_reject(*found.answer)
        self._tell(self._events.association_rejected, self._describe(event.assoc), found.remark)
        event.assoc.kill()

    def _crowd(self, association: Any) -> Refusal | None:
        """Why an association is one too many; who was admitted before holds a place as long as its thread lives."""
        with self._admitting:
            self._admitted = {one for one in self._admitted if one.is_alive()}
            if len(self._admitted) < self._settings.maximum_associations:
                self._admitted.add(association)
                return None
        limit = f"{self._settings.maximum_associations} associations are open."
        return Refusal(Remark(Reason.TOO_MANY_ASSOCIATIONS, limit), _LIMIT_EXCEEDED)

    def _mistrusted(self, address: str, port: int, detail: str) -> None:
        info = AssociationInfo(self._new_association_id(), "", "", address, port, datetime.now(UTC))
        remark = Remark(Reason.TLS_REFUSED, f"{address}: {detail}.")
        self._tell(self._events.association_rejected, info, remark)

    def _established(self, event: evt.Event) -> None:
        info = self._describe(event.assoc)
        folder = AssociationFolder(
            self._spool,
            info.id,
            calling_ae=info.calling_ae,
            called_ae=info.called_ae,
            address=info.address,
            port=info.port,
        )
        watcher = threading.Thread(target=self._watch, args=(event.assoc,), name=f"watch-{info.id}", daemon=True)
        watcher.start()
        self._open[event.assoc] = _Open(info, folder, watcher)
        self._tell(self._events.association_opened, info)

    def _watch(self, association: Any) -> None:
        """Report the end of an association when its thread ends: only then is nothing of it still being stored."""
        association.join()
        ended = self._open[association]
        outcome = Outcome.RELEASED if association.is_released else Outcome.ABORTED
        self._tell(self._events.association_closed, ended.info, outcome, ended.folder.stored)
        del self._open[association]

    def _store(self, event: evt.Event) -> int | Dataset:
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        if request.AffectedSOPClassUID != event.context.abstract_syntax:
            detail = f"{request.AffectedSOPClassUID} came under the context of {event.context.abstract_syntax}."
            return self._refuse(event.assoc, uid, Remark(Reason.UNSUPPORTED_SOP_CLASS, detail))
        dataset = event.encoded_dataset(include_meta=False)
        if not dataset:
            return self._refuse(event.assoc, uid, Remark(Reason.TRUNCATED, "The request has no data set."))
        free_bytes = shutil.disk_usage(self._spool).free - len(dataset)
        if free_bytes < self._minimum_free_bytes:
            detail = f"{free_bytes} bytes would be left, {self._minimum_free_bytes} are to stay free."
            return self._refuse(event.assoc, uid, Remark(Reason.DISK_FULL, detail))
        try:
            self._open[event.assoc].folder.store(
                request.AffectedSOPClassUID, uid, event.context.transfer_syntax, dataset
            )
        except OSError as error:
            reason = Reason.DISK_FULL if error.errno in _NO_ROOM else Reason.INTERNAL_ERROR
            return self._refuse(event.assoc, uid, Remark(reason, f"{error}."))
        return SUCCESS

    def _received(self, event: evt.Event) -> None:
        """Answer a C-STORE-RQ without SOP Class or SOP Instance UID, which pynetdicom drops and leaves unanswered."""
        command = event.message.command_set
        if not isinstance(event.message, C_STORE_RQ) or "MessageID" not in command:
            return
        sop_class_uid, uid = command.get("AffectedSOPClassUID"), command.get("AffectedSOPInstanceUID")
        if sop_class_uid and uid:
            return
        detail = f"SOP Class UID {sop_class_uid or 'missing'}, SOP Instance UID {uid or 'missing'}."
        failure = self._refuse(event.assoc, str(uid or ""), Remark(Reason.MISSING_IDENTIFIERS, detail))
        response = C_STORE()
        response.MessageIDBeingRespondedTo = command.MessageID
        response.AffectedSOPClassUID, response.AffectedSOPInstanceUID = sop_class_uid or None, uid or None
        response.Status, response.ErrorComment = failure.Status, failure.ErrorComment
        event.assoc.dimse.send_msg(response, event.message.context_id)

    def _too_large(self, association: Any) -> None:
        if association in self._open:  # before, pynetdicom aborts at the first PDU that is not a request
            remark = Remark(Reason.OBJECT_TOO_LARGE, f"{self._settings.maximum_object_mb} MiB are the most.")
            self._tell(self._events.instance_refused, self._open[association].info, "", remark)

    def _refuse(self, association: Any, sop_instance_uid: str, remark: Remark) -> Dataset:
        """The answer for an instance that is not kept; Error Comment (0000,0902) holds 64 characters."""
        self._tell(self._events.instance_refused, self._open[association].info, sop_instance_uid, remark)
        response = Dataset()
        response.Status = _STATUS[remark.reason]
        response.ErrorComment = remark.reason.meaning[:64]
        return response

    def _describe(self, association: Any) -> AssociationInfo:
        request = association.requestor.primitive
        return AssociationInfo(
            id=self._new_association_id(),
            calling_ae=request.calling_ae_title,
            called_ae=request.called_ae_title,
            address=association.requestor.address,
            port=association.requestor.port,
            at=datetime.now(UTC),
        )

    def _tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        self._teller.submit(_call, callback, *arguments)


@dataclass(frozen=True, slots=True)
class _Open:
    info: AssociationInfo
    folder: AssociationFolder
    watcher: threading.Thread


def _presentation_contexts() -> list[PresentationContext]:
    transfer_syntaxes = list(readable_transfer_syntaxes())
    storage = [build_context(uid, transfer_syntaxes) for uid in sorted(ACCEPTED)]
    return [build_context(Verification), accepted_context(), *storage]


def _let_go(event: evt.Event) -> None:
    """End the threads of a connection that closed before it asked for an association, as health checks do.

    pynetdicom goes on waiting for the request until its ACSE time-out, and counts each such wait as an association.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)


def _call(callback: Callable[..., None], *arguments: Any) -> None:
    try:
        callback(*arguments)
    except Exception:  # the boundary to the node's code: a defect there must not end the reporting
        log.exception("listener event failed", callback=callback.__qualname__, reason=Reason.INTERNAL_ERROR)


def _association_ids() -> Callable[[], str]:
    counter, process = itertools.count(1), secrets.token_hex(8)

    def new() -> str:
        return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{process}-{next(counter):06d}"

    return new
