"""Intake: what the listener acknowledged is taken from its journal into the database."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

import structlog
from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import Reason, Refused, Remark
from db.associations import close_association, open_association
from db.intake import InstanceRecord, RejectedInstance, record_instance, record_rejected_instance
from db.retention import hold_files
from db.returned import own_result, record_returned
from db.session import Database
from db.states import AssociationOutcome, Disposition
from dicom_io.digest import dataset_digest
from dicom_io.header_values import text
from dicom_io.network.incoming import Envelope, read_envelope
from dicom_io.reading.files import read_header
from dicom_io.sop_classes import ANALYSED
from node.postponed import Postponed
from node.spool import Spool, link_durably

log = structlog.get_logger()

_BATCH = 64
_LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class _Arrival:
    journal_file: Path
    kept_file: Path
    envelope: Envelope | None
    record: InstanceRecord | RejectedInstance


class Intake:
    """Takes acknowledged instances, in batches, each batch in one transaction.

    A file keeps its name in the journal until the transaction that records it is committed, so that a power cut at any
    line leaves it either there, to be taken again, or on record. Another node may take over the journal at any line,
    too: then one of them finds that the file is gone, or that the instance is on record.

    A file that can't be taken, whatever the cause, stays in the journal, is tried again less and less often, and holds
    up no other. Its association stays open as long: nobody takes what it brought for all of it.
    """

    def __init__(self, database: Database, spool: Spool, listener: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._listener = listener
        self._clock = clock
        self._postponed = Postponed[Path](clock)

    def step(self) -> bool:
        """Take one batch, and the ends of associations that are taken; False if there was nothing to take."""
        files = list(islice(filter(self._postponed.is_due, self._spool.journal()), _BATCH))
        if files:
            self._take_all(files)
        return self._take_ends() or bool(files)

    def _take_ends(self) -> bool:
        folders = {self._spool.incoming / name: outcome for name, outcome in self._spool.taken_associations()}
        due = list(filter(self._postponed.is_due, folders))
        for folder in due:
            self._try(folder, partial(self._end, folder.name, folders[folder]))
        return bool(due)

    def _end(self, association_id: str, outcome: AssociationOutcome) -> None:
        with self._database.transaction() as session:
            close_association(session, association_id, outcome, self._clock())
        self._spool.forget_association(association_id)

    def _take_all(self, files: Sequence[Path]) -> None:
        """Together, or if one of them can't be taken, each for itself."""
        try:
            self._take(files)
        except Exception:  # whatever it is, it must not keep the others waiting
            for file in files:
                self._try(file, partial(self._take, [file]))
        else:
            for file in files:
                self._postponed.succeeded(file)

    def _try(self, path: Path, take: Callable[[], None]) -> None:
        """Take one thing from the journal, or leave it there for later."""
        try:
            take()
        except Exception as error:
            if not path.exists():  # another node has taken over
                return
            self._require_database()
            if self._postponed.put_off(path, error):
                log.exception("can't be taken in, and stays in the journal", path=self._spool.relative(path))
        else:
            self._postponed.succeeded(path)

    def _require_database(self) -> None:
        """Raise ``SQLAlchemyError`` if the database is away, which is no fault of a file: then all wait for it."""
        with self._database.reading() as session:
            session.execute(select(1))

    def _take(self, files: Iterable[Path]) -> None:
        arrivals = [self._examine(file) for file in files]
        arrivals.sort(key=lambda arrival: (arrival.record.study_uid or "", arrival.record.digest or ""))
        with self._database.transaction() as session:
            hold_files(session)
            link_durably((arrival.journal_file, arrival.kept_file) for arrival in arrivals)
            for arrival in arrivals:
                self._record(session, arrival)
        for arrival in arrivals:
            arrival.journal_file.unlink(missing_ok=True)

    def _examine(self, file: Path) -> _Arrival:
        envelope, digest = None, dataset_digest(file)
        try:
            envelope = read_envelope(file)
            header = read_header(file)
        except (InvalidDicomError, AttributeError) as error:
            found = Remark(Reason.NOT_DICOM, f"The listener did not write this file: {error}")
            return self._rejected(file, envelope, digest, found)
        except Refused as refused:
            return self._rejected(file, envelope, digest, refused.remark)
        return self._accepted(file, envelope, digest, header)

    def _rejected(self, file: Path, envelope: Envelope | None, digest: str, found: Remark) -> _Arrival:
        kept = self._spool.rejected / f"{digest}.dcm"
        record = RejectedInstance(
            association_id=envelope.association_id if envelope else None,
            reason=found.reason,
            detail=found.detail,
            sop_instance_uid=_short(envelope.sop_instance_uid) if envelope else None,
            digest=digest,
            path=self._spool.relative(kept),
            size_bytes=file.stat().st_size,
        )
        return _Arrival(file, kept, envelope, record)

    def _accepted(self, file: Path, envelope: Envelope, digest: str, header: Dataset) -> _Arrival:
        kept = self._spool.study_file(str(header.StudyInstanceUID), digest)
        record = InstanceRecord(
            association_id=envelope.association_id,
            study_uid=str(header.StudyInstanceUID),
            series_uid=str(header.SeriesInstanceUID),
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            transfer_syntax_uid=str(header.file_meta.TransferSyntaxUID),
            digest=digest,
            path=self._spool.relative(kept),
            size_bytes=file.stat().st_size,
            relevant=str(header.SOPClassUID) in ANALYSED,
            modality=_text(header, "Modality"),
            series_description=_text(header, "SeriesDescription"),
            patient_id=_text(header, "PatientID"),
            issuer_of_patient_id=_text(header, "IssuerOfPatientID"),
            patient_name=_text(header, "PatientName"),
            accession_number=_text(header, "AccessionNumber"),
            study_date=_text(header, "StudyDate"),
        )
        return _Arrival(file, kept, envelope, record)

    def _record(self, session: Session, arrival: _Arrival) -> None:
        now, record, envelope = self._clock(), arrival.record, arrival.envelope
        if envelope is not None:
            self._register(session, envelope, now)
        if isinstance(record, RejectedInstance):
            record_rejected_instance(session, record, now)
            log.warning("instance rejected", reason=record.reason, detail=record.detail, path=record.path)
            return
        if self._came_back(session, record, envelope.calling_ae if envelope else self._listener, now):
            return
        disposition = record_instance(session, record, now)
        if disposition is Disposition.CONFLICT:
            log.warning("instance kept aside: same UID, other content", sop_instance_uid=record.sop_instance_uid)

    def _came_back(self, session: Session, record: InstanceRecord, sender: str, now: datetime) -> bool:
        """Whether the instance is a result of this node; then that is on record."""
        result = None if record.relevant else own_result(session, record.sop_instance_uid)
        if result is None:
            return False
        file = self._spool.folder / result
        changed = not file.exists() or dataset_digest(file) != record.digest
        record_returned(session, record, sender, now, changed=changed)
        log.info("result came back", sop_instance_uid=record.sop_instance_uid, changed=changed)
        return True

    def _register(self, session: Session, envelope: Envelope, now: datetime) -> None:
        """Put an association on record, if the listener's own report of it is not there yet."""
        open_association(
            session,
            envelope.association_id,
            listener=self._listener,
            calling_ae=envelope.calling_ae,
            called_ae=envelope.called_ae,
            address=envelope.address,
            now=now,
        )


def _text(header: Dataset, keyword: str) -> str | None:
    return _short(text(header, keyword)) or None


def _short(value: str) -> str:
    """A text that an index takes; of one that is longer than any VR of one line allows, its beginning and its digest.

    Two that differ stay different: a Patient ID that is only cut off might become another patient's.
    """
    if len(value) <= _LONGEST_TEXT:
        return value
    return f"{value[: _LONGEST_TEXT // 2]}… {hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"
