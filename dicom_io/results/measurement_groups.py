"""Measurement groups of the report: what is said of one lesion, and where a viewer shows it."""

import highdicom
import numpy as np
from highdicom import sr
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code

from config.finding import Finding
from dicom_io.identity import PRODUCT, Provenance, tracking_identifier, tracking_uid
from dicom_io.results import codes
from dicom_io.results.result import ResultContext


def lesion_groups(
    finding: Finding, context: ResultContext, segmentation: Dataset, segment_number: int
) -> list[sr.templates.Template]:
    """The two groups of a lesion, tied by its tracking identifier.

    The first (TID 1411) measures the segment. The second (TID 1410) carries the place on the slice of SUVmax that
    viewers jump to; without it, or with a number in it, OHIF shows nothing.

    PixelMed's validator takes every group of a report with a single image region for TID 1410, and so finds two errors
    in the report of a single lesion; a second region would silence it, but OHIF then lists the lesion twice.
    """
    return [_volumetric_group(finding, context, segmentation, segment_number), _planar_group(finding, context)]


def measurements(finding: Finding, provenance: Provenance) -> list[sr.Measurement]:
    """SUVmax, SUVpeak, SUVmean in that order (viewers drop derivations), then volume, glycolysis and axes."""
    measured = finding.measurements
    suv = codes.SUVBW, codes.SUV_UNIT
    volume, glycolysis = dictionary.DCM.MetabolicVolume, dictionary.DCM.TotalLesionGlycolysis
    long_axis, short_axis = dictionary.SCT.LongAxis, dictionary.SCT.ShortAxis
    threshold = f"SUVbw >= {finding.threshold_suv:.3f} g/ml"
    algorithm = sr.AlgorithmIdentification(name=PRODUCT, version=provenance.version)
    thresholding = sr.AlgorithmIdentification(name=PRODUCT, version=provenance.version, parameters=[threshold])
    return [
        measurement(*suv, measured.suv_max, dictionary.SCT.Maximum, algorithm),
        measurement(*suv, measured.suv_peak, codes.PEAK, algorithm),
        measurement(*suv, measured.suv_mean, dictionary.SCT.Mean, algorithm),
        measurement(volume, codes.MILLILITRE, measured.mtv_ml, algorithm=thresholding),
        measurement(glycolysis, codes.GRAM, measured.tlg, algorithm=algorithm),
        measurement(long_axis, codes.MILLIMETRE, measured.long_axis_mm, algorithm=algorithm),
        measurement(short_axis, codes.MILLIMETRE, measured.short_axis_mm, algorithm=algorithm),
    ]


def measurement(
    name: Code,
    unit: Code,
    value: float,
    derivation: Code | None = None,
    algorithm: sr.AlgorithmIdentification | None = None,
) -> sr.Measurement:
    """A number (TID 300) to three decimals."""
    return sr.Measurement(
        name=name, value=round(float(value), 3), unit=unit, derivation=derivation, algorithm_id=algorithm
    )


def comment(text: str) -> sr.TextContentItem:
    """Comment (121106), which viewers take for a group's label."""
    return sr.TextContentItem(
        name=dictionary.DCM.Comment, value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS
    )


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


def _volumetric_group(
    finding: Finding, context: ResultContext, segmentation: Dataset, segment_number: int
) -> sr.templates.Template:
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        **_identity(finding, context),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=segment_number,
            source_series=sr.SourceSeriesForSegmentation(context.pet_series_uid),
        ),
        measurements=measurements(finding, context.provenance),
    )
    group[0].ContentSequence.append(comment(finding.caption))
    return group


def _planar_group(finding: Finding, context: ResultContext) -> sr.templates.Template:
    source = context.pet.sources[finding.measurements.suv_max_index[0]]
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        **_identity(finding, context),
        referenced_region=sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.POLYLINE,
            graphic_data=rectangle(finding, context),
            source_image=sr.SourceImageForRegion(
                referenced_sop_class_uid=source.sop_class_uid,
                referenced_sop_instance_uid=source.sop_instance_uid,
                referenced_frame_numbers=None if source.frame is None else [source.frame],
            ),
        ),
        geometric_purpose=dictionary.SCT.BoundedBy,
    )
    group[0].ContentSequence.append(comment(finding.caption))
    return group


def _identity(finding: Finding, context: ResultContext) -> dict[str, object]:
    return {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=highdicom.UID(tracking_uid(context.pet_series_uid, finding)), identifier=tracking_identifier(finding)
        ),
        "finding_category": codes.LESION_CATEGORY,
        "finding_type": codes.LESION_TYPE,
        "finding_sites": [codes.finding_site(finding.location.location)],
    }
