"""The sender: a Storage and Verification SCU that believes only what the peer answers (PS3.4 Annex B)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.sop_class import Verification

from config.reasons import Reason, Refused
from config.settings import Destination
from dicom_io.header_values import UNREADABLE, text
from dicom_io.network.transport import Association, associate
from dicom_io.reading.identifiers import is_uid

log = structlog.get_logger()

SUCCESS = 0x0000
MAXIMUM_CONTEXTS = 128

_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)})


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What became of one file.

    ``reason`` is None if and only if the destination said that it has stored the instance; ``warning`` then says
    whether it did so with reservations. ``status`` is the C-STORE status (PS3.4 Section B.2.3), None without an answer.
    """

    path: Path
    sop_instance_uid: str | None
    status: int | None
    reason: Reason | None
    detail: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class EchoOutcome:
    """What became of a C-ECHO; ``reason`` is None if the peer answered with status 0x0000."""

    status: int | None
    reason: Reason | None
    detail: str

    @property
    def is_success(self) -> bool:
        return self.reason is None


def send(
    destination: Destination,
    files: Sequence[Path],
    calling_ae: str,
    progress: Callable[[SendOutcome], None] = lambda outcome: None,
) -> tuple[SendOutcome, ...]:
    """Send files by C-STORE; one outcome for each, in their order, whatever the peer does.

    Presentation contexts are those of the files: each SOP Class with the transfer syntax that a file has, and with the
    uncompressed ones to fall back to, by decompression, where the destination does not take a compressed one. More
    than 128 contexts are spread over several associations. ``progress`` is told of each outcome as it is known.
    """
    outcomes: dict[Path, SendOutcome] = {}

    def report(outcome: SendOutcome) -> None:
        outcomes[outcome.path] = outcome
        progress(outcome)

    parcels = []
    for path in dict.fromkeys(files):
        try:
            parcels.append(_parcel(path))
        except Refused as refused:
            report(SendOutcome(path, None, None, refused.reason, refused.detail))
    for batch in _batches(parcels):
        _send_batch(destination, batch, calling_ae, report)
    return tuple(outcomes[path] for path in files)


def echo(destination: Destination, calling_ae: str) -> EchoOutcome:
    """Ask a destination whether it is there, by C-ECHO (PS3.4 Annex A)."""
    try:
        with associate(destination, calling_ae, [build_context(Verification)]) as association:
            status = echo_status(association)
            if status is None:
                raise association.lost
    except Refused as refused:
        return EchoOutcome(None, refused.reason, refused.detail)
    if status != SUCCESS:
        return EchoOutcome(status, Reason.DESTINATION_REFUSED_OBJECT, f"C-ECHO was answered with 0x{status:04X}.")
    return EchoOutcome(status, None, "")


def echo_status(association: Association) -> int | None:
    """The status of a C-ECHO on an open association; None if it was not answered."""
    return _status(association.request(lambda handle: handle.send_c_echo()))


@dataclass(frozen=True, slots=True)
class _Parcel:
    path: Path
    sop_class_uid: UID
    sop_instance_uid: str
    transfer_syntax_uid: UID

    @property
    def contexts(self) -> frozenset[tuple[UID, UID]]:
        """(SOP Class, transfer syntax) pairs under which it can be sent."""
        syntaxes = {self.transfer_syntax_uid}
        if self.transfer_syntax_uid.is_little_endian:
            syntaxes.update(_UNCOMPRESSED)
        return frozenset((self.sop_class_uid, syntax) for syntax in syntaxes)


def _parcel(path: Path) -> _Parcel:
    try:
        meta = read_file_meta_info(path)
    except (InvalidDicomError, *UNREADABLE) as error:
        raise Refused(Reason.NOT_DICOM, f"{path} can't be read as a Part 10 file: {error}.") from error
    parcel = _Parcel(
        path,
        UID(text(meta, "MediaStorageSOPClassUID")),
        text(meta, "MediaStorageSOPInstanceUID"),
        UID(text(meta, "TransferSyntaxUID")),
    )
    if not all(map(is_uid, (parcel.sop_class_uid, parcel.sop_instance_uid, parcel.transfer_syntax_uid))):
        raise Refused(Reason.MISSING_IDENTIFIERS, f"{path} lacks usable UIDs in its File Meta Information.")
    if not parcel.transfer_syntax_uid.is_transfer_syntax:
        raise Refused(Reason.UNSUPPORTED_TRANSFER_SYNTAX, f"{path} is in {parcel.transfer_syntax_uid}.")
    return parcel


def _batches(parcels: Iterable[_Parcel]) -> list[list[_Parcel]]:
    """Parcels grouped, in order, so that each group needs no more contexts than an association can have."""
    batches: list[tuple[set[tuple[UID, UID]], list[_Parcel]]] = []
    for parcel in parcels:
        for contexts, batch in batches:
            if len(contexts | parcel.contexts) <= MAXIMUM_CONTEXTS:
                contexts.update(parcel.contexts)
                batch.append(parcel)
                break
        else:
            batches.append((set(parcel.contexts), [parcel]))
    return [batch for _, batch in batches]


def _send_batch(
    destination: Destination, batch: Sequence[_Parcel], calling_ae: str, report: Callable[[SendOutcome], None]
) -> None:
    pairs = sorted(frozenset[tuple[UID, UID]]().union(*(parcel.contexts for parcel in batch)))
    remaining = list(batch)
    try:
        with associate(destination, calling_ae, [build_context(*pair) for pair in pairs]) as association:
            while remaining:
                report(_send_one(association, remaining[0], len(batch) - len(remaining) + 1))
                remaining.pop(0)
    except Refused as refused:
        for parcel in remaining:
            report(SendOutcome(parcel.path, parcel.sop_instance_uid, None, refused.reason, refused.detail))


def _send_one(association: Association, parcel: _Parcel, number: int) -> SendOutcome:
    """Send one instance; raises the ``Refused`` that ends the association if there is no answer."""
    try:
        instance = _encoded_for(association, parcel)
    except Refused as refused:
        return SendOutcome(parcel.path, parcel.sop_instance_uid, None, refused.reason, refused.detail)
    message_id = (number - 1) % 0xFFFF + 1
    try:
        answer = association.request(lambda handle: handle.send_c_store(instance, msg_id=message_id))
    except (AttributeError, ValueError) as error:  # pynetdicom can't encode what was converted
        return SendOutcome(
            parcel.path, parcel.sop_instance_uid, None, Reason.PIXEL_DATA_UNREADABLE, f"Can't be converted: {error}."
        )
    status = _status(answer)
    if status is None:
        raise association.lost
    comment = str(answer.get("ErrorComment", ""))
    said = f"0x{status:04X}" + (f" ({comment})" if comment else "")
    if status == SUCCESS:
        return SendOutcome(parcel.path, parcel.sop_instance_uid, status, None, "")
    if status in _WARNINGS:
        return SendOutcome(parcel.path, parcel.sop_instance_uid, status, None, f"Stored with {said}.", warning=True)
    detail = f"{association.where} answered {said}."
    return SendOutcome(parcel.path, parcel.sop_instance_uid, status, Reason.DESTINATION_REFUSED_OBJECT, detail)


def _encoded_for(association: Association, parcel: _Parcel) -> Path | Dataset:
    """The instance in an accepted transfer syntax: its file as it is, or else decompressed."""
    accepted = association.accepted(parcel.sop_class_uid)
    if parcel.transfer_syntax_uid in accepted:
        return parcel.path
    if not accepted or not parcel.transfer_syntax_uid.is_little_endian:
        raise Refused(
            Reason.DESTINATION_REFUSES_SOP_CLASS,
            f"{association.where} does not take {parcel.sop_class_uid.name} in {parcel.transfer_syntax_uid.name}"
            + (f", only in {', '.join(sorted(uid.name for uid in accepted))}." if accepted else "."),
        )
    try:
        dataset = dcmread(parcel.path)
        if parcel.transfer_syntax_uid.is_compressed:
            dataset.decompress(generate_instance_uid=False)
    except Exception as error:  # decoders raise what they like; the other files are to be sent all the same
        log.warning("not decompressed", sop_instance_uid=parcel.sop_instance_uid, error=str(error))
        raise Refused(Reason.PIXEL_DATA_UNREADABLE, f"{parcel.path} can't be decompressed: {error}.") from error
    return dataset


def _status(answer: Dataset) -> int | None:
    return int(answer.Status) if "Status" in answer else None
