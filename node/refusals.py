"""Refusals: studies that can't be analysed honestly are rejected, and their destinations told why."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version

import structlog

from config.profiles import refusal_kind
from config.reasons import Reason, Remark
from config.settings import Settings
from db.earlier import predecessors
from db.refusals import reject_and_tell
from db.reports import ReportRecord, ResultRecord
from db.session import Database
from db.states import ReportOutcome
from db.work import Claimed, Receiving, StoredSeries, reject, relevant_series
from dicom_io.identity import Provenance
from dicom_io.reading.files import read_header
from dicom_io.results.refusal import encode_refusals
from dicom_io.sop_classes import PET
from node.earlier import documents
from node.records import result_records
from node.result_files import keep_objects
from node.spool import Spool, sync
from node.trouble import is_of_machine

log = structlog.get_logger()


class Refusals:
    """Rejects studies. Of one with a PET, a report says so to every destination; without, there is nothing to refer to.

    The report is a function of the study's instances, the settings and the reason, as that of an analysis is.
    """

    def __init__(self, database: Database, spool: Spool, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings
        self._clock = clock

    def reject(self, token: Receiving | Claimed, remark: Remark) -> bool:
        """Reject the study; False if the token no longer holds.

        Raises trouble of the machine (`node.trouble`) if nothing can be read, written or put on record at the moment.
        """
        try:
            told = self._report(token, remark)
        except Exception as error:  # a study must come to its end even where a defect keeps us from saying so
            if is_of_machine(error):
                raise
            log.exception("refusal not encoded", study=token.study_uid, reason=Reason.INTERNAL_ERROR)
            told = None
        everywhere = {one.name: (refusal_kind(one.profile),) for one in self._settings.destinations}
        with self._database.transaction() as session:
            if told is None:
                return reject(session, token, remark.reason, remark.detail, self._clock())
            return reject_and_tell(session, token, remark, *told, everywhere, self._clock())

    def _report(self, token: Receiving | Claimed, remark: Remark) -> tuple[ReportRecord, list[ResultRecord]] | None:
        with self._database.reading() as session:
            series = relevant_series(session, token.study_uid)
            replaced = predecessors(session, token.study_uid, token.revision)
        pet = _pet(series)
        if pet is None:
            return None
        results = self._settings.results
        provenance = Provenance(
            version=version("uptake"),
            label=results.label,
            manufacturer=results.manufacturer,
            input_digest=_input_digest(series),
            settings_digest=_settings_digest(self._settings),
            revision=token.revision,
            series_number=results.series_number,
            predecessor=documents(replaced, self._spool),
        )
        headers = [read_header(self._spool.folder / instance.path) for instance in pet.instances]
        made = encode_refusals(headers, [remark], provenance)
        folder = self._spool.result_folder(token.study_uid, token.revision)
        files = keep_objects(made, folder)
        sync(folder, files)
        report = ReportRecord(
            outcome=ReportOutcome.NOT_ANALYSED,
            pet_series_uid=pet.series_uid,
            ct_series_uid=None,
            tracer=None,
            suv_factor=None,
            input_digest=provenance.input_digest,
            settings_digest=provenance.settings_digest,
            software_version=provenance.version,
            remarks=(remark,),
            timings_s={},
        )
        return report, result_records(made, files, self._spool, headers)


def _pet(series: Sequence[StoredSeries]) -> StoredSeries | None:
    """The PET series of most instances."""
    pets = [one for one in series if any(instance.sop_class_uid in PET for instance in one.instances)]
    return max(pets, key=lambda one: (len(one.instances), one.series_uid), default=None)


def _input_digest(series: Sequence[StoredSeries]) -> str:
    lines = sorted(f"{instance.sop_instance_uid} {instance.digest}" for one in series for instance in one.instances)
    return hashlib.sha256("\n".join(["refused", *lines]).encode()).hexdigest()


def _settings_digest(settings: Settings) -> str:
    """Of the settings alone: no model has looked at what is refused."""
    shaping = settings.model_dump(mode="json", include={"analysis", "completeness", "results", "sources"})
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
