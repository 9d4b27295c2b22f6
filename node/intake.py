"""Intake: what the listener acknowledged is taken from its journal into the database."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import structlog
from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from sqlalchemy.orm import Session

from config.reasons import Reason, Refused, Remark
from db.associations import close_association, open_association
from db.intake import InstanceRecord, RejectedInstance, record_instance, record_rejected_instance
from db.retention import hold_files
from db.returned import own_result, record_returned
from db.session import Database
from db.states import Disposition
from dicom_io.digest import dataset_digest
from dicom_io.header_values import text
from dicom_io.network.incoming import Envelope, read_envelope
from dicom_io.reading.files import read_header
from dicom_io.sop_classes import ANALYSED
from node.spool import Spool, link_durably

log = structlog.get_logger()

_BATCH = 64


@dataclass(frozen=True, slots=True)
class _Arrival:
    journal_file: Path
    kept_file: Path
    envelope: Envelope | None
    digest: str
    header: Dataset | None
    refusal: Remark | None

    @property
    def study_uid(self) -> str:
        return str(self.header.StudyInstanceUID) if self.header is not None else ""


class Intake:
    """Takes acknowledged instances, in batches, each batch in one transaction.

    A file keeps its name in the journal until the transaction that records it is committed, so that a power cut at any
    line leaves it either there, to be taken again, or on record. Another node may take over the journal at any line,
    too: then one of them finds that the file is gone, or that the instance is on record.
    """

    def __init__(self, database: Database, spool: Spool, listener: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._listener = listener
        self._clock = clock

    def step(self) -> bool:
        """Take one batch, or else the ends of associations; False if there was nothing to take."""
        arrivals = [self._examine(file) for file in islice(self._spool.journal(), _BATCH)]
        return self._take(arrivals) if arrivals else self._take_ends()

    def _take_ends(self) -> bool:
        ended = list(self._spool.taken_associations())
        for association_id, outcome in ended:
            with self._database.transaction() as session:
                close_association(session, association_id, outcome, self._clock())
            self._spool.forget_association(association_id)
        return bool(ended)

    def _take(self, arrivals: list[_Arrival]) -> bool:
        arrivals.sort(key=lambda arrival: (arrival.study_uid, arrival.digest))
        with self._database.transaction() as session:
            hold_files(session)
            link_durably((arrival.journal_file, arrival.kept_file) for arrival in arrivals)
            for arrival in arrivals:
                self._record(session, arrival)
        for arrival in arrivals:
            arrival.journal_file.unlink(missing_ok=True)
        return True

    def _examine(self, file: Path) -> _Arrival:
        envelope, digest = None, dataset_digest(file)
        kept = self._spool.rejected / f"{digest}.dcm"
        try:
            envelope = read_envelope(file)
            header = read_header(file)
        except (InvalidDicomError, AttributeError) as error:
            found = Remark(Reason.NOT_DICOM, f"The listener did not write this file: {error}")
            return _Arrival(file, kept, envelope, digest, None, found)
        except Refused as refused:
            return _Arrival(file, kept, envelope, digest, None, refused.remark)
        kept = self._spool.study_file(str(header.StudyInstanceUID), digest)
        return _Arrival(file, kept, envelope, digest, header, None)

    def _record(self, session: Session, arrival: _Arrival) -> None:
        now = self._clock()
        envelope = arrival.envelope
        if envelope is not None:
            self._register(session, envelope, now)
        association_id = envelope.association_id if envelope else None
        path, size = self._spool.relative(arrival.kept_file), arrival.journal_file.stat().st_size
        if arrival.header is None:
            assert arrival.refusal is not None
            rejected = RejectedInstance(
                association_id=association_id,
                reason=arrival.refusal.reason,
                detail=arrival.refusal.detail,
                sop_instance_uid=envelope.sop_instance_uid if envelope else None,
                digest=arrival.digest,
                path=path,
                size_bytes=size,
            )
            record_rejected_instance(session, rejected, now)
            log.warning("instance rejected", reason=arrival.refusal.reason, detail=arrival.refusal.detail, path=path)
            return
        header = arrival.header
        record = InstanceRecord(
            association_id=association_id,
            study_uid=arrival.study_uid,
            series_uid=str(header.SeriesInstanceUID),
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            transfer_syntax_uid=str(header.file_meta.TransferSyntaxUID),
            digest=arrival.digest,
            path=path,
            size_bytes=size,
            relevant=str(header.SOPClassUID) in ANALYSED,
            modality=text(header, "Modality") or None,
            series_description=text(header, "SeriesDescription") or None,
            patient_id=text(header, "PatientID") or None,
            issuer_of_patient_id=text(header, "IssuerOfPatientID") or None,
            patient_name=text(header, "PatientName") or None,
            accession_number=text(header, "AccessionNumber") or None,
            study_date=text(header, "StudyDate") or None,
        )
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
