"""Measurement groups of the report: what is said of one lesion, and where a viewer shows it."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code

from config.finding import Finding, UptakeGrade
from config.vocabulary import Location
from dicom_io.identity import PRODUCT, Provenance, tracking_identifier
from dicom_io.results import codes
from dicom_io.results.content_items import Relation, code, container, image, number, polyline, text, uid
from dicom_io.results.result import ResultContext
from dicom_io.results.segments import SegmentReference

CANDIDATES = 3
"""How many places a lesion may be in are told."""

_MODIFIER = Relation.CONCEPT_MODIFIER


def volumetric_group(finding: Finding, context: ResultContext, segment: SegmentReference) -> Dataset:
    """TID 1411: measurements of the lesion's segment, its grade, and the places that it may be in."""
    children = [
        *_identity(finding, context),
        *measurements(finding, context),
        image(
            dictionary.DCM.ReferencedSegment, segment.sop_class_uid, segment.sop_instance_uid, segment=segment.number
        ),
        uid(dictionary.DCM.SourceSeriesForSegmentation, context.pet_series_uid),
    ]
    if finding.grade is not None:
        basis = text(codes.BASIS_OF_GRADE, finding.grade.why, Relation.INFERRED_FROM)
        children.append(_grade(finding.grade, basis))
    children += [_candidate(location, confidence) for location, confidence in finding.location.top5[:CANDIDATES]]
    return _group("1411", [*children, comment(finding.caption)])


def planar_group(finding: Finding, context: ResultContext) -> Dataset:
    """TID 1410: the place on the slice of SUVmax that viewers jump to.

    Without it, or with a number in it, OHIF shows nothing. PixelMed's validator takes every group of a report with a
    single image region for TID 1410, and so finds two errors in the report of a single lesion; a second region would
    silence it, but OHIF then lists the lesion twice.
    """
    source = context.pet.sources[finding.measurements.suv_max_index[0]]
    shown = image(
        dictionary.SCT.Source,
        source.sop_class_uid,
        source.sop_instance_uid,
        Relation.SELECTED_FROM,
        frame=source.frame,
    )
    points = [(float(column), float(row)) for column, row in rectangle(finding, context)]
    children = [
        *_identity(finding, context),
        code(dictionary.DCM.GeometricPurposeOfRegion, dictionary.SCT.BoundedBy),
        polyline(dictionary.DCM.ImageRegion, points, shown),
    ]
    if finding.grade is not None:
        children.append(_grade(finding.grade))
    return _group("1410", [*children, comment(finding.caption)])


def measurements(finding: Finding, context: ResultContext) -> list[Dataset]:
    """SUVmax, SUVpeak, SUVmean in that order (viewers drop derivations), then volume, glycolysis and axes."""
    measured, made_by = finding.measurements, context.provenance
    suv = codes.SUVBW, codes.SUV_UNIT
    delineation = [
        f"SUVbw >= {finding.threshold_suv:.3f} g/ml",
        *(f"{method.name} {method.version}" for method in context.analysis.methods if method.stage == "segmentation"),
    ]
    volume, glycolysis = dictionary.DCM.MetabolicVolume, dictionary.DCM.TotalLesionGlycolysis
    long_axis, short_axis = dictionary.SCT.LongAxis, dictionary.SCT.ShortAxis
    return [
        measurement(*suv, measured.suv_max, made_by, derivation(dictionary.SCT.Maximum)),
        measurement(*suv, measured.suv_peak, made_by, derivation(codes.PEAK)),
        measurement(*suv, measured.suv_mean, made_by, derivation(dictionary.SCT.Mean)),
        measurement(volume, codes.MILLILITRE, measured.mtv_ml, made_by, parameters=delineation),
        measurement(glycolysis, codes.GRAM, measured.tlg, made_by),
        measurement(long_axis, codes.MILLIMETRE, measured.long_axis_mm, made_by),
        measurement(short_axis, codes.MILLIMETRE, measured.short_axis_mm, made_by),
    ]


def measurement(
    name: Code,
    unit: Code,
    value: float,
    provenance: Provenance,
    *modifiers: Dataset,
    parameters: list[str] | None = None,
) -> Dataset:
    """A number (TID 300) with what it is of, and the algorithm that it comes from (TID 4019)."""
    algorithm = [
        text(dictionary.DCM.AlgorithmName, PRODUCT, _MODIFIER),
        text(dictionary.DCM.AlgorithmVersion, provenance.version, _MODIFIER),
        *(text(dictionary.DCM.AlgorithmParameters, parameter, _MODIFIER) for parameter in parameters or ()),
    ]
    return number(name, value, unit, children=[*modifiers, *algorithm])


def derivation(of: Code) -> Dataset:
    """Derivation (121401): which value of many."""
    return code(dictionary.DCM.Derivation, of, _MODIFIER)


def finding_site(location: Location) -> Dataset:
    """Finding Site (363698007) with its laterality as a modifier (272741003)."""
    return code(dictionary.SCT.FindingSite, codes.site(location), _MODIFIER, _laterality(location))


def tracking(finding: Finding, context: ResultContext) -> list[Dataset]:
    """Tracking Identifier and UID, the same in all objects that speak of a lesion."""
    observed = Relation.OBSERVATION_CONTEXT
    return [
        text(dictionary.DCM.TrackingIdentifier, tracking_identifier(finding), observed),
        uid(dictionary.DCM.TrackingUniqueIdentifier, context.tracking_uid(finding), observed),
    ]


def comment(words: str) -> Dataset:
    """Comment (121106), which viewers take for a group's label."""
    return text(dictionary.DCM.Comment, words)


def rectangle(finding: Finding, context: ResultContext) -> NDArray[np.float64]:
    """Closed rectangle round the finding on its slice of SUVmax: five points (column, row), PS3.3 C.18.6.

    Coordinates count from the outer corner of the first pixel, so whole pixels lie inside.
    """
    plane = context.analysis.labels[finding.measurements.suv_max_index[0]] == finding.number
    rows, columns = np.nonzero(plane)
    if rows.size == 0:
        rows, columns = (np.array([index]) for index in finding.measurements.suv_max_index[1:])
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], dtype=np.float64)


def _group(template: str, children: list[Dataset]) -> Dataset:
    return container(dictionary.DCM.MeasurementGroup, children, template=template)


def _identity(finding: Finding, context: ResultContext) -> list[Dataset]:
    return [
        *tracking(finding, context),
        code(codes.FINDING_CATEGORY, codes.LESION_CATEGORY),
        code(dictionary.DCM.Finding, codes.LESION_TYPE),
        finding_site(finding.location.location),
    ]


def _grade(grade: UptakeGrade, *basis: Dataset) -> Dataset:
    return code(codes.grade_scale(grade), codes.grade_value(grade), children=basis)


def _candidate(location: Location, confidence: float) -> Dataset:
    """A place that the lesion may be in, by name where its code only encloses it, with the confidence in percent."""
    certainty = number(
        dictionary.DCM.CertaintyOfFinding, round(100.0 * confidence, 1), codes.PERCENT, Relation.PROPERTY
    )
    named = [] if location.code_match == "exact" else [text(codes.NAME_OF_SITE, location.name, Relation.PROPERTY)]
    return code(codes.CANDIDATE_SITE, codes.site(location), children=[*_laterality(location), certainty, *named])


def _laterality(location: Location) -> list[Dataset]:
    side = codes.side(location)
    return [] if side is None else [code(dictionary.SCT.Laterality, side, _MODIFIER)]
