"""DICOM SR: the measurement report (PS3.16 TID 1500) as a Comprehensive SR."""

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.uid import ComprehensiveSRStorage

from config.finding import FindingKind, ResultKind
from dicom_io.identity import PRODUCT, Provenance, ResultReference, tracking_uid
from dicom_io.results import codes
from dicom_io.results.measurement_groups import comment, lesion_groups, measurement
from dicom_io.results.result import ResultContext, complete, construction, stand_in

_CONTAINS = sr.RelationshipTypeValues.CONTAINS


def encode_report(context: ResultContext, segmentation: Dataset | None) -> Dataset:
    """The lesions, measured and described, with totals, and how it all came about.

    Parameters
    ----------
    context
        The analysis.
    segmentation
        What ``encode_segmentation`` gave for the same analysis; None only if that found nothing.

    Notes
    -----
    Complete, preliminary and unverified. That nothing was found is said in so many codes, (111241, DCM, "All
    algorithms succeeded; without findings") and (52988006, SCT, "Lesion") = absent; a report exists only of an
    analysis that succeeded.
    """
    evidence = [stand_in(header) for header in context.pet.headers]
    if segmentation is not None:
        evidence.append(stand_in(segmentation))
    report = sr.ComprehensiveSR(
        **construction(context, ResultKind.REPORT, "AI lesion measurements"),
        evidence=evidence,
        content=_heading(context),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=_predecessors(context.provenance.predecessor) or None,
    )
    # Added here because the constructor copies and searches what it is given, which for 50 lesions takes a second.
    report.ContentSequence.extend(_containers(context, segmentation))
    return complete(report, context)


def _heading(context: ResultContext) -> sr.ContainerContentItem:
    """The root of the tree with who observed and what was examined.

    OHIF makes measurements of an Imaging Measurement Report, and a black viewport if it has no regions; of a PET
    Measurement Report it shows the text.
    """
    titles = dictionary.DCM.ImagingMeasurementReport, dictionary.DCM.PETMeasurementReport
    root = sr.ContainerContentItem(name=titles[0] if context.analysis.lesions else titles[1], template_id="1500")
    root.ContentSequence = sr.ContentSequence()
    root.ContentSequence.extend(sr.LanguageOfContentItemAndDescendants(_language()))
    root.ContentSequence.extend(_device_observer(context.provenance))
    root.ContentSequence.append(
        sr.CodeContentItem(
            name=dictionary.DCM.ProcedureReported,
            value=codes.procedure_reported(context.analysis.tracer),
            relationship_type=sr.RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
    )
    return root


def _containers(context: ResultContext, segmentation: Dataset | None) -> list[sr.ContainerContentItem]:
    measured = segmentation is not None and context.analysis.lesions
    containers = [_imaging_measurements(context, segmentation)] if measured else []
    return [*containers, _derived_measurements(context), _qualitative_evaluations(context)]


def _imaging_measurements(context: ResultContext, segmentation: Dataset) -> sr.ContainerContentItem:
    container = _container(dictionary.DCM.ImagingMeasurements)
    numbers = {str(segment.TrackingUID): int(segment.SegmentNumber) for segment in segmentation.SegmentSequence}
    for finding in context.analysis.lesions:
        number = numbers[tracking_uid(context.pet_series_uid, finding)]
        for group in lesion_groups(finding, context, segmentation, number):
            container.ContentSequence.extend(group)
    return container


def _derived_measurements(context: ResultContext) -> sr.ContainerContentItem:
    """Totals over the lesions (TID 1420)."""
    totals = context.analysis.totals
    total, maximum = dictionary.SCT.Total, dictionary.SCT.Maximum
    derived = [
        measurement(codes.NUMBER_OF_LESIONS, codes.NO_UNITS, totals.lesion_count),
        measurement(dictionary.DCM.MetabolicVolume, codes.MILLILITRE, totals.tmtv_ml, total),
        measurement(dictionary.DCM.TotalLesionGlycolysis, codes.GRAM, totals.tlg, total),
    ]
    if totals.suv_max is not None:
        derived.append(measurement(codes.SUVBW, codes.SUV_UNIT, totals.suv_max, maximum))
    if totals.dmax_mm is not None:
        derived.append(measurement(dictionary.DCM.Distance, codes.MILLIMETRE, totals.dmax_mm, maximum))
    container = _container(dictionary.DCM.DerivedImagingMeasurements)
    for item in derived:
        container.ContentSequence.extend(item)
    return container


def _qualitative_evaluations(context: ResultContext) -> sr.ContainerContentItem:
    found = bool(context.analysis.lesions)
    summary = (
        dictionary.DCM.AllAlgorithmsSucceededWithFindings
        if found
        else dictionary.DCM.AllAlgorithmsSucceededWithoutFindings
    )
    presence = dictionary.SCT.Present if found else dictionary.SCT.Absent
    container = _container(codes.QUALITATIVE_EVALUATIONS)
    for name, value in ((codes.FINDINGS_SUMMARY, summary), (dictionary.SCT.Lesion, presence)):
        container.ContentSequence.append(sr.CodeContentItem(name=name, value=value, relationship_type=_CONTAINS))
    for text in _comments(context):
        container.ContentSequence.append(comment(text))
    return container


def _comments(context: ResultContext) -> list[str]:
    """What a reader must know of how the numbers came about, in sentences, since viewers run them together."""
    analysis, quantification, provenance = context.analysis, context.quantification, context.provenance
    texts = [] if analysis.lesions else ["No lesion found."]
    marked = f"{provenance.label}: made" if provenance.label else "Made"
    texts.append(f"{marked} by {PRODUCT} {provenance.version} without review by a physician.")
    physiologic = [
        f"{finding.location.location.name} (SUVmax {finding.measurements.suv_max:.1f})"
        for finding in analysis.findings
        if finding.kind is FindingKind.PHYSIOLOGIC
    ]
    if physiologic:
        texts.append(f"Physiologic uptake, not measured as lesions: {'; '.join(physiologic)}.")
    reference = quantification.decay_reference
    since = f", decay reference {reference:%Y-%m-%d %H:%M:%S}" if reference else ""
    factor = f"SUVbw of the first slice = {quantification.factor:.8g} x rescaled value{since}."
    texts.append(f"{factor} {_sentence(quantification.rule)}")
    texts += [f"Reference {name}: {value:.2f}." for name, value in analysis.references.items()]
    for method in analysis.methods:
        parameters = ", ".join(f"{key} = {value}" for key, value in method.parameters.items())
        described = f"{method.name} {method.version}" + (f" ({parameters})" if parameters else "")
        texts.append(f"Method of {method.stage}: {described}.")
    texts += [f"{_sentence(str(remark))} {remark.reason.meaning} {remark.reason.action}" for remark in context.remarks]
    return texts


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _container(name: object) -> sr.ContainerContentItem:
    container = sr.ContainerContentItem(name=name, relationship_type=_CONTAINS)
    container.ContentSequence = sr.ContentSequence()
    return container


def _language() -> sr.CodedConcept:
    return sr.CodedConcept(value="en", scheme_designator="RFC5646", meaning="English")


def _device_observer(provenance: Provenance) -> sr.templates.Template:
    """The software as the only observer (TID 1004), with no role: nobody else looked."""
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=dictionary.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=provenance.device_uid,
                name=PRODUCT,
                manufacturer_name=provenance.manufacturer,
                model_name=PRODUCT,
            ),
        )
    )


def _predecessors(references: tuple[ResultReference, ...]) -> list[Dataset]:
    """The reports among the results of the revision before (Predecessor Documents are SR documents)."""
    documents = []
    for reference in references:
        if reference.sop_class_uid == ComprehensiveSRStorage:
            document = Dataset()
            document.StudyInstanceUID = reference.study_instance_uid
            document.SeriesInstanceUID = reference.series_instance_uid
            document.SOPClassUID = reference.sop_class_uid
            document.SOPInstanceUID = reference.sop_instance_uid
            documents.append(document)
    return documents
