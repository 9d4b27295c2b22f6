"""DICOM SR: the measurement report (PS3.16 TID 1500) as a Comprehensive SR, whole or in two parts."""

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code
from pydicom.uid import ComprehensiveSRStorage

from config.result_kind import ResultKind
from dicom_io.identity import ResultReference
from dicom_io.results import codes, narrative
from dicom_io.results.content_items import Relation, code, container, text
from dicom_io.results.measurement_groups import (
    comment,
    derivation,
    finding_site,
    measurement,
    planar_group,
    tracking,
    volumetric_group,
)
from dicom_io.results.result import ResultContext
from dicom_io.results.segments import tracked_segments
from dicom_io.results.structured_report import heading, structured_report

_REFERENCES = {
    "liver": dictionary.SCT.Liver,
    "blood_pool": codes.DESCENDING_AORTA,
    "spleen": dictionary.SCT.Spleen,
    "parotid": dictionary.SCT.ParotidGland,
}
_STATISTICS = {"mean": dictionary.SCT.Mean, "sd": codes.STANDARD_DEVIATION}


def encode_report(context: ResultContext, segmentations: Sequence[Dataset]) -> Dataset:
    """The lesions, measured and shown, with totals, and how it all came about.

    Parameters
    ----------
    context
        The analysis.
    segmentations
        What ``encode_segmentations`` gave for the same analysis; empty only if that found nothing.

    Notes
    -----
    That nothing was found is said in so many codes, (111241, DCM, "All algorithms succeeded; without findings") and
    (52988006, SCT, "Lesion") = absent; such a report exists only of an analysis that succeeded.

    OHIF makes measurements of an Imaging Measurement Report, and a black viewport if it has no regions; of a PET
    Measurement Report it shows the text.
    """
    groups = [
        group
        for volume, place in zip(_volumes(context, segmentations), _places(context), strict=True)
        for group in (volume, place)
    ]
    title = dictionary.DCM.ImagingMeasurementReport if groups else dictionary.DCM.PETMeasurementReport
    containers = [*_imaging_measurements(groups), _derived_measurements(context), _evaluations(context)]
    return _report(context, ResultKind.REPORT, "AI lesion measurements", title, containers, segmentations)


def encode_measurements(context: ResultContext, segmentations: Sequence[Dataset]) -> Dataset:
    """The part of the report that measures segments, without regions: what 3D Slicer makes its table of."""
    containers = [
        *_imaging_measurements(_volumes(context, segmentations)),
        _derived_measurements(context),
        _evaluations(context),
    ]
    title = dictionary.DCM.PETMeasurementReport
    return _report(context, ResultKind.MEASUREMENTS, "AI lesion measurements", title, containers, segmentations)


def encode_regions(context: ResultContext) -> Dataset | None:
    """The part of the report that shows where the lesions are, without numbers; None without lesions."""
    if not context.analysis.lesions:
        return None
    containers = [*_imaging_measurements(_places(context)), _conclusion(context)]
    title = dictionary.DCM.ImagingMeasurementReport
    return _report(context, ResultKind.REGIONS, "AI lesion regions", title, containers, ())


def _report(
    context: ResultContext,
    kind: ResultKind,
    description: str,
    title: Code,
    containers: Iterable[Dataset],
    segmentations: Sequence[Dataset],
) -> Dataset:
    procedure = code(
        dictionary.DCM.ProcedureReported,
        codes.procedure_reported(context.analysis.tracer),
        Relation.CONCEPT_MODIFIER,
    )
    children = [*heading(context.provenance), procedure, *containers]
    return structured_report(
        context,
        kind,
        description,
        sop_class_uid=ComprehensiveSRStorage,
        root=container(title, children, None, "1500"),
        evidence=[ResultReference.of(each) for each in (*context.headers, *segmentations)],
    )


def _volumes(context: ResultContext, segmentations: Sequence[Dataset]) -> list[Dataset]:
    segments = tracked_segments(segmentations)
    return [
        volumetric_group(lesion, context, segments[context.tracking_uid(lesion)]) for lesion in context.analysis.lesions
    ]


def _places(context: ResultContext) -> list[Dataset]:
    return [planar_group(lesion, context) for lesion in context.analysis.lesions]


def _imaging_measurements(groups: Sequence[Dataset]) -> list[Dataset]:
    return [container(dictionary.DCM.ImagingMeasurements, groups)] if groups else []


def _derived_measurements(context: ResultContext) -> Dataset:
    """Totals over the lesions (TID 1420), and the uptake of the organs that they are compared with."""
    totals, made_by = context.analysis.totals, context.provenance
    total, maximum = derivation(dictionary.SCT.Total), derivation(dictionary.SCT.Maximum)
    derived = [
        measurement(codes.NUMBER_OF_LESIONS, codes.NO_UNITS, totals.lesion_count, made_by),
        measurement(dictionary.DCM.MetabolicVolume, codes.MILLILITRE, totals.tmtv_ml, made_by, total),
        measurement(dictionary.DCM.TotalLesionGlycolysis, codes.GRAM, totals.tlg, made_by, total),
    ]
    for hottest in context.analysis.lesions[:1]:
        about = (maximum, finding_site(hottest.location.location), *tracking(hottest, context))
        derived.append(measurement(codes.SUVBW, codes.SUV_UNIT, hottest.measurements.suv_max, made_by, *about))
    if totals.dmax_mm is not None:
        derived.append(measurement(dictionary.DCM.Distance, codes.MILLIMETRE, totals.dmax_mm, made_by, maximum))
    return container(dictionary.DCM.DerivedImagingMeasurements, [*derived, *_references(context)])


def _references(context: ResultContext) -> list[Dataset]:
    """Mean and standard deviation of SUVbw in reference regions, each with its site."""
    measured = []
    for name, value in context.analysis.references.items():
        organ, _, statistic = name.rpartition("_")
        about = (
            derivation(_STATISTICS[statistic]),
            code(dictionary.DCM.Finding, codes.REFERENCE_REGION, Relation.CONCEPT_MODIFIER),
            code(dictionary.SCT.FindingSite, _REFERENCES[organ], Relation.CONCEPT_MODIFIER),
        )
        measured.append(measurement(codes.SUVBW, codes.SUV_UNIT, value, context.provenance, *about))
    return measured


def _conclusion(context: ResultContext, *sentences: Dataset) -> Dataset:
    """Whether lesions were found, in codes, and sentences."""
    found = bool(context.analysis.lesions)
    succeeded = dictionary.DCM
    summary = succeeded.AllAlgorithmsSucceededWithFindings if found else succeeded.AllAlgorithmsSucceededWithoutFindings
    coded = [
        code(codes.FINDINGS_SUMMARY, summary),
        code(dictionary.SCT.Lesion, dictionary.SCT.Present if found else dictionary.SCT.Absent),
    ]
    return container(codes.QUALITATIVE_EVALUATIONS, [*coded, *sentences])


def _evaluations(context: ResultContext) -> Dataset:
    """The conclusion with the summary and what a reader must know, in sentences, since viewers run them together."""
    analysis = context.analysis
    texts = [
        *([] if analysis.lesions else ["No lesion found."]),
        narrative.made_by(context.provenance),
        narrative.physiologic_uptake(analysis.findings),
        narrative.quantification(context),
        *narrative.methods(context),
        *narrative.remarks(context.remarks),
    ]
    summary = [text(dictionary.DCM.Summary, analysis.summary)] if analysis.summary else []
    return _conclusion(context, *summary, *(comment(each) for each in texts if each))
