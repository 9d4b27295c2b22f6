"""Identity of result objects: UIDs and identifiers that are functions of what went in, never of clock or chance."""

import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from config.finding import Finding, ResultKind

PRODUCT = "uptake"
IMPLEMENTATION_CLASS_UID = "2.25.29195979144558520254173188050328098367"
IMPLEMENTATION_VERSION_NAME = "UPTAKE"


@dataclass(frozen=True, slots=True)
class ResultReference:
    """A result object that was made before."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str

    @classmethod
    def of(cls, result: Any) -> "ResultReference":
        """The reference to a result's data set."""
        return cls(
            str(result.StudyInstanceUID),
            str(result.SeriesInstanceUID),
            str(result.SOPClassUID),
            str(result.SOPInstanceUID),
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result, and of what.

    Parameters
    ----------
    version
        Of this software.
    label
        What results are marked with until a site says otherwise (``RESEARCH``); empty for none.
    manufacturer
        Who stands for this software.
    input_digest, settings_digest
        Digests of the instances analysed and of the settings (with those of the models).
    revision
        1 for the first analysis of a pair; each correction or completion counts on.
    series_number
        Of the first result's series of revision 1.
    predecessor
        Results of the revision before, to which this report refers (PS3.3 C.17.2, Predecessor Documents).
    models_digest
        Of the trained models that took part; empty without any.
    """

    version: str
    label: str
    manufacturer: str
    input_digest: str
    settings_digest: str
    revision: int
    series_number: int
    predecessor: tuple[ResultReference, ...] = ()
    models_digest: str = ""

    @property
    def device_uid(self) -> str:
        """The device: another for every version of the software and of its models (IHE AI Results)."""
        return derived_uid("device", self.manufacturer, PRODUCT, self.version, self.models_digest)

    def series_instance_uid(self, kind: ResultKind) -> str:
        return derived_uid("series", *self._parts(kind))

    def sop_instance_uid(self, kind: ResultKind, part: int = 1) -> str:
        """Of one of a kind's objects, which count from 1."""
        return derived_uid("instance", *self._parts(kind), *([] if part == 1 else [str(part)]))

    def series_number_of(self, kind: ResultKind) -> int:
        """Series Number: twenty are set aside for each revision."""
        return self.series_number + 20 * (self.revision - 1) + list(ResultKind).index(kind)

    def _parts(self, kind: ResultKind) -> tuple[str, ...]:
        return self.input_digest, self.settings_digest, self.version, str(self.revision), kind.value


def derived_uid(*parts: str) -> str:
    """A UID that is the same whenever the parts are the same (PS3.5 B.2: ``2.25.`` and a UUID as a decimal integer).

    The UUID is of version 5 in form, from the first 16 bytes of a SHA-256 over the parts and their lengths.
    """
    digest = sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def tracking_uid(pet_series_uid: str, finding: Finding) -> str:
    """Tracking UID: the same in SEG and SR, and in every revision in which the finding has the same place.

    Place is the centroid to the millimetre with row and column of SUVmax; neither number, kind, measurements nor
    slice index take part, since a late slice changes them.
    """
    row_and_column = (str(index) for index in finding.measurements.suv_max_index[1:])
    return derived_uid("tracking", pet_series_uid, tracking_identifier(finding), *row_and_column)


def tracking_identifier(finding: Finding) -> str:
    """Tracking Identifier for people: where the centroid lies in the patient, mm, as in ``Uptake R31 P12 S240``.

    L/R left or right, P/A posterior or anterior, S/I superior or inferior of the frame of reference's origin.
    """
    centroid = (round(coordinate) for coordinate in finding.measurements.centroid_mm)
    axes = zip(("LR", "PA", "SI"), centroid, strict=True)
    return "Uptake " + " ".join(f"{letters[0] if value >= 0 else letters[1]}{abs(value)}" for letters, value in axes)
