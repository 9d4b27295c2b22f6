"""Every rule is broken in good objects, and noticed."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RTPlanStorage

from dicom_io.check import Rule, Severity, check
from tests.unit.dicom_io.check.conftest import Good

CLOSED_SQUARE = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0, 1.0, 1.0]


class Break(NamedTuple):
    """A way to break a rule: of which object, by what, and where the fault must be found."""

    rule: Rule
    good: str
    how: Callable[[Dataset], object]
    where: str


def content(dataset: Dataset) -> Iterator[Dataset]:
    """Every content item below the root."""
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from content(item)


def named(dataset: Dataset, code: str) -> Dataset:
    """The first content item of a name."""
    return next(
        item
        for item in content(dataset)
        if item.get("ConceptNameCodeSequence") and item.ConceptNameCodeSequence[0].CodeValue == code
    )


def of_type(dataset: Dataset, value_type: str) -> Dataset:
    return next(item for item in content(dataset) if item.get("ValueType") == value_type)


def images_of(dataset: Dataset) -> list[Dataset]:
    return [item for item in content(dataset) if item.get("ValueType") == "IMAGE"]


def parent(dataset: Dataset, child: Dataset) -> Dataset:
    candidates = (dataset, *content(dataset))
    return next(one for one in candidates if any(item is child for item in one.get("ContentSequence", ())))


def without(dataset: Dataset, code: str) -> None:
    """Take the first content item of a name out."""
    item = named(dataset, code)
    holder = parent(dataset, item)
    holder.ContentSequence = Sequence([one for one in holder.ContentSequence if one is not item])


def deselect(dataset: Dataset, *items: Dataset) -> None:
    """Take children of the root out."""
    dataset.ContentSequence = Sequence(
        [one for one in dataset.ContentSequence if not any(one is item for item in items)]
    )


def frame(dataset: Dataset, number: int) -> Dataset:
    return dataset.PerFrameFunctionalGroupsSequence[number - 1]


def drop(keyword: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


def put(**values: object) -> Callable[[Dataset], None]:
    """Set attributes of the data set, whatever their values."""

    def set_all(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return set_all


def on(find: Callable[[Dataset], Dataset], **values: object) -> Callable[[Dataset], None]:
    """Set attributes of an item."""
    return lambda dataset: put(**values)(find(dataset))


def segment(number: int) -> Callable[[Dataset], Dataset]:
    return lambda dataset: dataset.SegmentSequence[number - 1]


def move_frame(dataset: Dataset, by_mm: tuple[float, float, float]) -> None:
    plane = frame(dataset, 2).PlanePositionSequence[0]
    plane.ImagePositionPatient = [float(a) + b for a, b in zip(plane.ImagePositionPatient, by_mm, strict=True)]


def refer(dataset: Dataset, *path: int) -> None:
    """Replace the last content item by a reference to another."""
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ReferencedContentItemIdentifier = list(path)
    dataset.ContentSequence[-1] = item


def evidence(dataset: Dataset) -> Sequence:
    return dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence


def verify(dataset: Dataset) -> None:
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = "Doe^Jane", "A hospital"
    observer.VerificationDateTime = "20200101120000"
    observer.VerifyingObserverIdentificationCodeSequence = []
    dataset.VerifyingObserverSequence = [observer]


def repeat_dimension_index(dataset: Dataset) -> None:
    contents = [group.FrameContentSequence[0] for group in dataset.PerFrameFunctionalGroupsSequence]
    first = contents[0].DimensionIndexValues
    other = next(one for one in contents if one.DimensionIndexValues[1] != first[1])
    other.DimensionIndexValues = [other.DimensionIndexValues[0], first[1]]


def same_group_twice(dataset: Dataset) -> None:
    group = named(dataset, "125007")
    holder = parent(dataset, group)
    holder.ContentSequence = Sequence([*holder.ContentSequence, group])


def reference_to(code: str) -> Callable[[Dataset], Dataset]:
    return lambda dataset: named(dataset, code).ReferencedSOPSequence[0]


def first_annotation(dataset: Dataset) -> Dataset:
    return dataset.GraphicAnnotationSequence[0]


BREAKS = (
    Break(Rule.SOP_CLASS, "report", put(SOPClassUID="1.2.3"), "SOPClassUID"),
    Break(Rule.IDENTITY, "report", put(SOPInstanceUID="1.2.3"), "MediaStorageSOPInstanceUID"),
    Break(Rule.IDENTITY, "report", put(SOPClassUID=RTPlanStorage), "MediaStorageSOPClassUID"),
    Break(
        Rule.IDENTITY,
        "report",
        lambda dataset: setattr(dataset, "SeriesInstanceUID", dataset.StudyInstanceUID),
        "SeriesInstanceUID",
    ),
    Break(Rule.ATTRIBUTE_PRESENT, "segmentation", drop("ContentLabel"), "ContentLabel"),
    Break(Rule.ATTRIBUTE_PRESENT, "report", drop("PatientBirthDate"), "PatientBirthDate"),
    Break(
        Rule.ATTRIBUTE_PRESENT,
        "segmentation",
        lambda dataset: delattr(dataset.SegmentSequence[1], "SegmentLabel"),
        "SegmentSequence[2].SegmentLabel",
    ),
    Break(Rule.ATTRIBUTE_PRESENT, "picture", drop("ConversionType"), "ConversionType"),
    Break(Rule.CONDITION, "outlines", drop("PresentationLUTShape"), "PresentationLUTShape"),
    Break(Rule.CONDITION, "outlines", drop("RescaleType"), "RescaleType"),
    Break(
        Rule.CONDITION,
        "outlines",
        lambda dataset: delattr(first_annotation(dataset).GraphicObjectSequence[0], "TrackingID"),
        "GraphicAnnotationSequence[1].GraphicObjectSequence[1].TrackingID",
    ),
    Break(Rule.ATTRIBUTE_PRESENT, "document", drop("DocumentTitle"), "DocumentTitle"),
    Break(
        Rule.ATTRIBUTE_PRESENT, "report", put(ClinicalTrialSubjectID="7"), "ClinicalTrialSponsorName"
    ),  # of a module that is there in part
    Break(Rule.ATTRIBUTE_VALUED, "segmentation", put(SegmentationType=""), "SegmentationType"),
    Break(Rule.ATTRIBUTE_VALUED, "report", put(PerformedProcedureCodeSequence=None, Modality=None), "Modality"),
    Break(
        Rule.ATTRIBUTE_VALUED,
        "segmentation",
        lambda dataset: setattr(dataset.SegmentSequence[0], "SegmentedPropertyTypeCodeSequence", []),
        "SegmentSequence[1].SegmentedPropertyTypeCodeSequence",
    ),
    Break(
        Rule.CONDITION,
        "segmentation",
        lambda dataset: delattr(segment(1)(dataset), "SegmentAlgorithmName"),
        "SegmentSequence[1].SegmentAlgorithmName",
    ),
    Break(Rule.CONDITION, "segmentation", drop("FrameOfReferenceUID"), "FrameOfReferenceUID"),
    Break(Rule.CONDITION, "fractional", drop("MaximumFractionalValue"), "MaximumFractionalValue"),
    Break(Rule.CONDITION, "picture", drop("PlanarConfiguration"), "PlanarConfiguration"),
    Break(Rule.CONDITION, "picture", put(LossyImageCompression="01"), "LossyImageCompressionRatio"),
    Break(Rule.CONDITION, "report", put(VerificationFlag="VERIFIED"), "VerifyingObserverSequence"),
    Break(
        Rule.CONDITION,
        "outlines",
        lambda dataset: delattr(first_annotation(dataset).GraphicObjectSequence[0], "GraphicFilled"),
        "GraphicAnnotationSequence[1].GraphicObjectSequence[1].GraphicFilled",
    ),
    Break(
        Rule.CONDITION,
        "outlines",
        on(lambda dataset: dataset.DisplayedAreaSelectionSequence[0], PresentationSizeMode="MAGNIFY"),
        "DisplayedAreaSelectionSequence[1].PresentationPixelMagnificationRatio",
    ),
    Break(Rule.EMPTY_SEQUENCE, "report", put(ContributingEquipmentSequence=[]), "ContributingEquipmentSequence"),
    Break(Rule.ATTRIBUTE_VALUED, "segmentation", put(FrameOfReferenceUID=None), "FrameOfReferenceUID"),
    Break(
        Rule.CODE,
        "segmentation",
        lambda dataset: delattr(segment(1)(dataset).AnatomicRegionSequence[0], "CodeValue"),
        "SegmentSequence[1].AnatomicRegionSequence[1].CodeValue",
    ),
    Break(
        Rule.FRAME_GEOMETRY,
        "segmentation",
        lambda dataset: delattr(dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0], "SliceThickness"),
        "SharedFunctionalGroupsSequence[1].PixelMeasuresSequence[1].SliceThickness",
    ),
    Break(Rule.ATTRIBUTE_BELONGS, "report", put(EchoTime=1.0), "EchoTime"),
    Break(Rule.ATTRIBUTE_BELONGS, "segmentation", on(segment(1), PatientName="Doe"), "SegmentSequence[1].PatientName"),
    Break(
        Rule.ATTRIBUTE_BELONGS,
        "report",
        on(lambda dataset: named(dataset, "112039"), GraphicType="POINT"),
        "ContentSequence",
    ),
    Break(Rule.PRIVATE, "report", lambda dataset: dataset.add_new(0x00091001, "LO", "SECRET"), "(0009,1001)"),
    Break(Rule.PRIVATE, "picture", lambda dataset: dataset.add_new(0x00090010, "LO", "VENDOR"), "(0009,0010)"),
    Break(Rule.REPRESENTATION, "report", lambda dataset: dataset.add_new(0x00080060, "LO", "SR"), "Modality"),
    Break(Rule.REPRESENTATION, "picture", lambda dataset: dataset.add_new(0x00280010, "SS", 9), "Rows"),
    Break(Rule.VALUE, "report", put(ContentDate="20200231"), "ContentDate"),
    Break(Rule.VALUE, "report", put(SeriesInstanceUID="1.2.03"), "SeriesInstanceUID"),
    Break(Rule.VALUE, "segmentation", on(segment(1), SegmentLabel="L" * 65), "SegmentSequence[1].SegmentLabel"),
    Break(
        Rule.VALUE,
        "report",
        lambda dataset: (
            named(dataset, "126401").MeasuredValueSequence[0].add_new(0x0040A30A, "DS", "12.3456789012345678")
        ),
        "ContentSequence",
    ),
    Break(Rule.MULTIPLICITY, "segmentation", put(ContentLabel=["A", "B"]), "ContentLabel"),
    Break(Rule.MULTIPLICITY, "outlines", put(PresentationLUTShape=["IDENTITY"] * 2), "PresentationLUTShape"),
    Break(Rule.ENUMERATED, "report", put(CompletionFlag="DONE"), "CompletionFlag"),
    Break(Rule.ENUMERATED, "report", put(PatientSex="X"), "PatientSex"),
    Break(Rule.ENUMERATED, "segmentation", put(Modality="SR"), "Modality"),
    Break(Rule.ENUMERATED, "segmentation", put(ImageType=["ORIGINAL", "PRIMARY"]), "ImageType"),
    Break(Rule.ENUMERATED, "segmentation", on(segment(1), SegmentAlgorithmType="AI"), "SegmentSequence[1].SegmentA"),
    Break(
        Rule.ENUMERATED, "report", on(lambda dataset: named(dataset, "112039"), ValueType="WORDS"), "ContentSequence"
    ),
    Break(Rule.ENUMERATED, "document", put(MIMETypeOfEncapsulatedDocument="text/XML"), "MIMEType"),
    Break(Rule.CHARACTER_SET, "report", put(PatientName="山田^太郎"), "PatientName"),
    Break(Rule.CHARACTER_SET, "picture", put(SpecificCharacterSet="ISO_IR 100", StudyDescription="ПЭТ"), "StudyDescr"),
    Break(
        Rule.CHARACTER_SET,
        "report",
        on(lambda dataset: named(dataset, "121106"), TextValue="SUV ≥ 4"),
        "ContentSequence",
    ),
    Break(
        Rule.CODE,
        "segmentation",
        lambda dataset: delattr(segment(1)(dataset).SegmentedPropertyTypeCodeSequence[0], "CodingSchemeDesignator"),
        "SegmentSequence[1].SegmentedPropertyTypeCodeSequence[1].CodingSchemeDesignator",
    ),
    Break(
        Rule.CODE,
        "report",
        lambda dataset: delattr(named(dataset, "121071").ConceptCodeSequence[0], "CodeValue"),
        "ContentSequence",
    ),
    Break(
        Rule.CODE,
        "report",
        on(lambda dataset: named(dataset, "121071").ConceptCodeSequence[0], ContextIdentifier="7151"),
        "ContentSequence",
    ),
    Break(
        Rule.CODE_MEANING,
        "key objects",
        on(lambda dataset: dataset.ConceptNameCodeSequence[0], CodeMeaning="For Lunch"),
        "ConceptNameCodeSequence[1].CodeMeaning",
    ),
    Break(Rule.PIXELS, "segmentation", lambda dataset: put(PixelData=dataset.PixelData[:-2])(dataset), "PixelData"),
    Break(Rule.PIXELS, "segmentation", lambda dataset: put(Rows=dataset.Rows + 1)(dataset), "PixelData"),
    Break(Rule.PIXELS, "picture", drop("PixelData"), "PixelData"),
    Break(Rule.PIXELS, "picture", put(HighBit=6), "HighBit"),
    Break(Rule.PIXELS, "picture", put(BitsStored=9), "BitsStored"),
    Break(Rule.PIXELS, "picture", put(PhotometricInterpretation="MONOCHROME2"), "SamplesPerPixel"),
    # Segmentations
    Break(Rule.SEGMENTATION_TYPE, "segmentation", put(SegmentationType="FRACTIONAL"), "BitsAllocated"),
    Break(Rule.SEGMENTATION_TYPE, "segmentation", put(SegmentationType="LABELMAP"), "SegmentationType"),
    Break(Rule.SEGMENTATION_TYPE, "label map", put(SegmentationType="BINARY"), "SegmentationType"),
    Break(Rule.SEGMENTATION_TYPE, "label map", put(SegmentsOverlap="YES"), "SegmentsOverlap"),
    Break(Rule.SEGMENTATION_TYPE, "fractional", put(PixelRepresentation=1), "PixelRepresentation"),
    Break(Rule.SEGMENT_NUMBERS, "segmentation", on(segment(2), SegmentNumber=9), "SegmentSequence"),
    Break(Rule.SEGMENT_NUMBERS, "segmentation", on(segment(2), SegmentNumber=1), "SegmentSequence"),
    Break(Rule.SEGMENT_NUMBERS, "label map", on(segment(2), SegmentNumber=2), "SegmentSequence"),
    Break(
        Rule.SEGMENT_ALGORITHM,
        "segmentation",
        lambda dataset: delattr(segment(3)(dataset), "SegmentationAlgorithmIdentificationSequence"),
        "SegmentSequence[3].SegmentationAlgorithmIdentificationSequence",
    ),
    Break(
        Rule.SEGMENT_ALGORITHM,
        "label map",
        lambda dataset: delattr(segment(2)(dataset), "SegmentationAlgorithmIdentificationSequence"),
        "SegmentSequence[2].SegmentationAlgorithmIdentificationSequence",
    ),
    Break(
        Rule.SEGMENT_TRACKED,
        "segmentation",
        lambda dataset: delattr(segment(1)(dataset), "TrackingUID"),
        "SegmentSequence[1].TrackingUID",
    ),
    Break(
        Rule.TRACKING,
        "segmentation",
        lambda dataset: on(segment(2), TrackingUID=segment(1)(dataset).TrackingUID)(dataset),
        "SegmentSequence[2].TrackingUID",
    ),
    Break(
        Rule.SEGMENT_SHOWN,
        "segmentation",
        lambda dataset: [
            put(ReferencedSegmentNumber=1)(group.SegmentIdentificationSequence[0])
            for group in dataset.PerFrameFunctionalGroupsSequence
        ],
        "SegmentSequence[2].SegmentNumber",
    ),
    Break(Rule.FRAME_COUNT, "segmentation", put(NumberOfFrames=3), "PerFrameFunctionalGroupsSequence"),
    Break(
        Rule.FRAME_COUNT,
        "segmentation",
        lambda dataset: dataset.SharedFunctionalGroupsSequence.append(Dataset()),
        "SharedFunctionalGroupsSequence",
    ),
    Break(
        Rule.FUNCTIONAL_GROUPS,
        "segmentation",
        lambda dataset: delattr(frame(dataset, 2), "PlanePositionSequence"),
        "PerFrameFunctionalGroupsSequence[2].PlanePositionSequence",
    ),
    Break(
        Rule.FUNCTIONAL_GROUPS,
        "segmentation",
        lambda dataset: put(PixelMeasuresSequence=dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence)(
            frame(dataset, 1)
        ),
        "PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence",
    ),
    Break(
        Rule.FRAME_SEGMENT,
        "segmentation",
        on(lambda dataset: frame(dataset, 1).SegmentIdentificationSequence[0], ReferencedSegmentNumber=7),
        "PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[1].ReferencedSegmentNumber",
    ),
    Break(
        Rule.FRAME_GEOMETRY,
        "segmentation",
        on(
            lambda dataset: dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0],
            ImageOrientationPatient=[1, 0, 0, 0.1, 1, 0],
        ),
        "SharedFunctionalGroupsSequence[1].PlaneOrientationSequence[1].ImageOrientationPatient",
    ),
    Break(
        Rule.FRAME_GEOMETRY,
        "segmentation",
        on(lambda dataset: dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0], PixelSpacing=[4, 0]),
        "SharedFunctionalGroupsSequence[1].PixelMeasuresSequence[1].PixelSpacing",
    ),
    Break(
        Rule.FRAME_GEOMETRY,
        "segmentation",
        on(lambda dataset: frame(dataset, 1).PlanePositionSequence[0], ImagePositionPatient=[0, 0]),
        "PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[1].ImagePositionPatient",
    ),
    Break(
        Rule.FRAME_STACK, "segmentation", lambda dataset: move_frame(dataset, (0, 0, 1.7)), "PerFrameFunctionalGroups"
    ),
    Break(Rule.FRAME_STACK, "segmentation", lambda dataset: move_frame(dataset, (3, 0, 0)), "PerFrameFunctionalGroups"),
    Break(
        Rule.FRAME_STACK,
        "segmentation",
        lambda dataset: put(PlanePositionSequence=frame(dataset, 1).PlanePositionSequence)(frame(dataset, 2)),
        "PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[1].ImagePositionPatient",
    ),
    Break(
        Rule.DIMENSIONS,
        "segmentation",
        on(lambda dataset: frame(dataset, 1).FrameContentSequence[0], DimensionIndexValues=[1]),
        "PerFrameFunctionalGroupsSequence[1].FrameContentSequence[1].DimensionIndexValues",
    ),
    Break(Rule.DIMENSIONS, "segmentation", repeat_dimension_index, "PerFrameFunctionalGroupsSequence"),
    Break(
        Rule.DIMENSIONS,
        "segmentation",
        on(lambda dataset: dataset.DimensionIndexSequence[0], DimensionIndexPointer=0x00189313),
        "PerFrameFunctionalGroupsSequence[1].FrameContentSequence[1].DimensionIndexValues",
    ),
    Break(
        Rule.DIMENSIONS,
        "label map",
        on(lambda dataset: dataset.DimensionIndexSequence[0], DimensionOrganizationUID="1.2.3"),
        "DimensionIndexSequence[1].DimensionOrganizationUID",
    ),
    Break(
        Rule.SOURCES,
        "segmentation",
        on(
            lambda dataset: frame(dataset, 1).DerivationImageSequence[0].SourceImageSequence[0],
            ReferencedSOPInstanceUID="1.2.3",
        ),
        "PerFrameFunctionalGroupsSequence[1].DerivationImageSequence[1].SourceImageSequence[1]",
    ),
    Break(Rule.SOURCE_SERIES, "segmentation", drop("ReferencedSeriesSequence"), "ReferencedSeriesSequence"),
    # Structured reports
    Break(
        Rule.ATTRIBUTE_PRESENT,
        "report",
        lambda dataset: delattr(named(dataset, "112039"), "TextValue"),
        "ContentSequence",
    ),
    Break(
        Rule.ATTRIBUTE_PRESENT,
        "report",
        lambda dataset: delattr(named(dataset, "112039"), "ValueType"),
        "ContentSequence",
    ),
    Break(Rule.VALUE_TYPE, "basic text", on(lambda dataset: of_type(dataset, "TEXT"), ValueType="NUM"), "ContentSeq"),
    Break(Rule.VALUE_TYPE, "report", on(lambda dataset: of_type(dataset, "NUM"), ValueType="SCOORD3D"), "ContentSeq"),
    Break(
        Rule.RELATIONSHIP,
        "report",
        on(lambda dataset: of_type(dataset, "NUM"), RelationshipType="INFERRED FROM"),
        "ContentSequence",
    ),
    Break(
        Rule.RELATIONSHIP,
        "key objects",
        on(lambda dataset: of_type(dataset, "IMAGE"), RelationshipType="HAS OBS CONTEXT"),
        "ContentSequence",
    ),
    Break(Rule.RELATIONSHIP, "enhanced text", lambda dataset: refer(dataset, 1, 1), "ContentSequence"),
    Break(Rule.CONTENT_REFERENCE, "report", lambda dataset: refer(dataset, 1, 99), "ContentSequence"),
    Break(Rule.ROOT, "report", put(ValueType="TEXT"), "ValueType"),
    Break(Rule.ROOT, "report", drop("ConceptNameCodeSequence"), "ConceptNameCodeSequence"),
    Break(Rule.ROOT, "basic text", put(ContentSequence=[]), "ContentSequence"),
    *(
        Break(Rule.TEMPLATE, "report", lambda dataset, code=code: without(dataset, code), "")
        for code in ("121058", "121012", "112039", "112040", "111030", "121191", "121232")
    ),
    Break(
        Rule.TEMPLATE,
        "report",
        on(lambda dataset: named(dataset, "112040"), RelationshipType="CONTAINS"),
        "ContentSequence",
    ),
    Break(
        Rule.TEMPLATE,
        "report",
        lambda dataset: delattr(reference_to("121191")(dataset), "ReferencedSegmentNumber"),
        "ContentSequence",
    ),
    Break(Rule.TEMPLATE, "report", on(lambda dataset: named(dataset, "126010"), ContentSequence=[]), "ContentSequence"),
    Break(Rule.TEMPLATE, "report", on(lambda dataset: named(dataset, "126011"), ContentSequence=[]), "ContentSequence"),
    Break(Rule.TEMPLATE, "key objects", lambda dataset: deselect(dataset, *images_of(dataset)), "ContentSequence"),
    Break(
        Rule.UNIT,
        "report",
        lambda dataset: delattr(of_type(dataset, "NUM").MeasuredValueSequence[0], "MeasurementUnitsCodeSequence"),
        "ContentSequence",
    ),
    Break(
        Rule.UNIT,
        "report",
        on(lambda dataset: of_type(dataset, "NUM"), MeasuredValueSequence=[]),
        "ContentSequence",
    ),
    Break(
        Rule.REGION, "report", on(lambda dataset: of_type(dataset, "SCOORD"), GraphicData=CLOSED_SQUARE[:9]), "Content"
    ),
    Break(
        Rule.REGION, "report", on(lambda dataset: of_type(dataset, "SCOORD"), GraphicType="CIRCLE"), "ContentSequence"
    ),
    Break(Rule.REGION, "report", on(lambda dataset: of_type(dataset, "SCOORD"), GraphicType="POLYGON"), "Content"),
    Break(Rule.REGION, "report", on(lambda dataset: of_type(dataset, "SCOORD"), ContentSequence=[]), "ContentSequence"),
    Break(
        Rule.REGION_CLOSED,
        "report",
        on(lambda dataset: of_type(dataset, "SCOORD"), GraphicData=CLOSED_SQUARE[:8]),
        "ContentSequence",
    ),
    Break(Rule.TRACKING, "report", same_group_twice, "ContentSequence"),
    Break(Rule.MEASUREMENT_ALGORITHM, "report", lambda dataset: without(dataset, "111003"), "ContentSequence"),
    Break(
        Rule.EVIDENCE,
        "report",
        lambda dataset: put(CurrentRequestedProcedureEvidenceSequence=[], PertinentOtherEvidenceSequence=[])(dataset),
        "ContentSequence",
    ),
    Break(Rule.EVIDENCE, "report", lambda dataset: evidence(dataset).append(evidence(dataset)[0]), "CurrentRequested"),
    Break(
        Rule.EVIDENCE,
        "report",
        on(reference_to("121191"), ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.66.7"),
        "ContentSequence",
    ),
    Break(
        Rule.EVIDENCE,
        "report",
        on(lambda dataset: named(dataset, "121232"), UID="1.2.3"),
        "ContentSequence",
    ),
    Break(
        Rule.EVIDENCE,
        "key objects",
        lambda dataset: deselect(dataset, of_type(dataset, "IMAGE")),
        "CurrentRequestedProcedureEvidenceSequence",
    ),
    Break(Rule.DOCUMENT_STATE, "report", verify, "VerifyingObserverSequence"),
    Break(
        Rule.DOCUMENT_FINISHED,
        "report",
        put(CompletionFlag="PARTIAL", PreliminaryFlag="FINAL"),
        "PreliminaryFlag",
    ),
    # Presentation states and documents
    Break(Rule.ANNOTATION, "outlines", on(first_annotation, GraphicLayer="NOWHERE"), "GraphicAnnotationSequence[1]"),
    Break(
        Rule.ANNOTATION,
        "outlines",
        on(lambda dataset: first_annotation(dataset).ReferencedImageSequence[0], ReferencedSOPInstanceUID="1.2.3"),
        "GraphicAnnotationSequence[1].ReferencedImageSequence[1]",
    ),
    Break(
        Rule.ANNOTATION,
        "outlines",
        on(lambda dataset: first_annotation(dataset).GraphicObjectSequence[0], NumberOfGraphicPoints=2),
        "GraphicAnnotationSequence[1].GraphicObjectSequence[1].GraphicData",
    ),
    Break(
        Rule.ANNOTATION,
        "outlines",
        on(lambda dataset: first_annotation(dataset).GraphicObjectSequence[0], GraphicType="CIRCLE"),
        "GraphicAnnotationSequence[1].GraphicObjectSequence[1].NumberOfGraphicPoints",
    ),
    Break(Rule.ANNOTATION, "outlines", put(ReferencedSeriesSequence=[]), "ReferencedSeriesSequence"),
    Break(
        Rule.DISPLAYED_AREA,
        "outlines",
        lambda dataset: put(ReferencedImageSequence=[first_annotation(dataset).ReferencedImageSequence[0]])(
            dataset.DisplayedAreaSelectionSequence[0]
        ),
        "DisplayedAreaSelectionSequence",
    ),
    Break(Rule.DOCUMENT, "document", put(EncapsulatedDocument=b"<html></html>  "), "EncapsulatedDocument "),
    Break(Rule.DOCUMENT, "document", put(EncapsulatedDocumentLength=9), "EncapsulatedDocumentLength"),
)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: f"{broken.rule}-{broken.good}-{broken.where}")
def test_what_breaks_a_rule_is_found_where_it_is(broken: Break, good: Good) -> None:
    dataset = good(broken.good)
    broken.how(dataset)
    found = [fault for fault in check(dataset) if fault.rule is broken.rule]
    assert any(fault.where.startswith(broken.where) for fault in found), check(dataset)
    assert {fault.severity for fault in found} == {Severity.ERROR}


BETWEEN_OBJECTS = {Rule.REFERENCE, Rule.SAME_PATIENT}
ON_HOSTILE_BYTES = {Rule.READABLE, Rule.APPLICABLE}


def test_every_rule_is_broken_here_or_where_it_belongs() -> None:
    assert {broken.rule for broken in BREAKS} == set(Rule) - BETWEEN_OBJECTS - ON_HOSTILE_BYTES
