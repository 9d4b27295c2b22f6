"""The query: what an archive holds of a study, asked by C-FIND (PS3.4 Annex C, Study Root)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import _config, build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from config.reasons import Reason, Refused
from config.settings import Destination
from dicom_io.header_values import number, text
from dicom_io.network.transport import Association, associate

MAXIMUM_MATCHES = 20_000

# pynetdicom would decode every value of every match, to log what patients an archive has.
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_REQUEST_IDENTIFIERS = False

_SUCCESS = 0x0000
_PENDING = frozenset({0xFF00, 0xFF01})


@dataclass(frozen=True, slots=True)
class SeriesHeld:
    """What an archive says of one series."""

    modality: str
    instances: int


def series_held(archive: Destination, calling_ae: str, study_uid: str) -> Mapping[str, SeriesHeld]:
    """The series of a study that an archive holds, by Series Instance UID; empty if it does not know the study.

    Number of Series Related Instances (0020,1209) is optional (PS3.4 Table C.6-3): the instances of a series whose
    match has none are asked for and counted.

    Raises
    ------
    Refused
        As `associate`, or ``ARCHIVE_REFUSED_QUERY`` if a query ends with a failure, with a match that can't be read, or
        not within ``MAXIMUM_MATCHES``.
    """
    with associate(archive, calling_ae, [build_context(StudyRootQueryRetrieveInformationModelFind)]) as association:
        series = _matches(
            association, "SERIES", study_uid, SeriesInstanceUID="", Modality="", NumberOfSeriesRelatedInstances=None
        )
        held = {}
        for match in series:
            series_uid = text(match, "SeriesInstanceUID")
            counted = number(match, "NumberOfSeriesRelatedInstances")
            if counted is None:
                images = _matches(association, "IMAGE", study_uid, SeriesInstanceUID=series_uid, SOPInstanceUID="")
                counted = len({text(image, "SOPInstanceUID") for image in images})
            held[series_uid] = SeriesHeld(text(match, "Modality"), int(counted))
    return held


def _matches(association: Association, level: str, study_uid: str, **keys: str | None) -> list[Dataset]:
    """The identifiers that match; those of another study, which no archive should send, are left out."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    identifier.StudyInstanceUID = study_uid
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    matches: list[Dataset] = []

    def find(handle: Any) -> Dataset:
        status = Dataset()
        for status, match in handle.send_c_find(identifier, StudyRootQueryRetrieveInformationModelFind):
            unreadable = status.get("Status") in _PENDING and match is None
            if unreadable or len(matches) == MAXIMUM_MATCHES:
                handle.abort()
                found = "a match that can't be read" if unreadable else f"more than {MAXIMUM_MATCHES} matches"
                raise Refused(Reason.ARCHIVE_REFUSED_QUERY, f"{association.where} answered C-FIND with {found}.")
            if match is not None:
                matches.append(match)
        return status

    status = association.request(find)
    if "Status" not in status:
        raise association.lost
    if status.Status != _SUCCESS:
        detail = f"{association.where} answered C-FIND with 0x{status.Status:04X}."
        raise Refused(Reason.ARCHIVE_REFUSED_QUERY, detail)
    return [match for match in matches if text(match, "StudyInstanceUID") in ("", study_uid)]
