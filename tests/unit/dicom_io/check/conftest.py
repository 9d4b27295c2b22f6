"""Good objects to break: results of a small digital PET, and others that highdicom makes of the same images."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import highdicom
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from config.result_kind import ResultKind
from dicom_io.identity import PRODUCT
from dicom_io.results.encode import encode
from dicom_io.results.result import ResultContext
from tests.unit.dicom_io.results.conftest import Contexts, contexts, suv  # noqa: F401 (fixtures)

KINDS = {
    "segmentation": ResultKind.SEGMENTATION,
    "report": ResultKind.REPORT,
    "enhanced text": ResultKind.ENHANCED_TEXT,
    "basic text": ResultKind.BASIC_TEXT,
    "picture": ResultKind.PICTURE,
    "key images": ResultKind.KEY_IMAGES,
    "key objects": ResultKind.KEY_OBJECTS,
    "outlines": ResultKind.OUTLINES,
}

Good = Callable[[str], Dataset]


@pytest.fixture(scope="session")
def context(contexts: Contexts) -> ResultContext:  # noqa: F811
    made = contexts(lesions=3, physiologic=1)
    analysis = replace(made.analysis, references={"liver_mean": 2.1}, summary="Three lesions.")
    return replace(made, analysis=analysis)


@pytest.fixture(scope="session")
def images(context: ResultContext) -> list[Dataset]:
    """The headers of the PET that everything is made of."""
    return list(context.pet.headers)


@pytest.fixture(scope="session")
def made(context: ResultContext, images: list[Dataset]) -> dict[str, Dataset]:
    """One object of each sort; use ``good`` to get one that may be broken."""
    results = encode(context, tuple(KINDS.values()))
    names = {kind: name for name, kind in KINDS.items()}
    return {
        **{names[result.kind] + (f" {result.part}" if result.part > 1 else ""): result.dataset for result in results},
        "label map": segmentation(images, context.analysis.labels, "LABELMAP"),
        "fractional": segmentation(images, context.analysis.labels, "FRACTIONAL"),
        "document": document(images[0]),
    }


@pytest.fixture
def good(made: dict[str, Dataset]) -> Good:
    """A copy of one of the good objects."""
    return lambda name: deepcopy(made[name])


def segmentation(images: list[Dataset], labels: np.ndarray, kind: str) -> Dataset:
    """A segmentation of one of the other types, as highdicom makes it."""
    made = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=labels if kind == "LABELMAP" else (labels > 0).astype(np.float32),
        segmentation_type=kind,
        segment_descriptions=[_segment(n) for n in range(1, (labels.max() if kind == "LABELMAP" else 1) + 1)],
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="A hospital",
        manufacturer_model_name=PRODUCT,
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    made.SeriesDate, made.SeriesTime = "20200101", "120000"
    return made


def _segment(number: int) -> highdicom.seg.SegmentDescription:
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"Segment {number}",
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            "finder", codes.DCM.ArtificialIntelligence, "1"
        ),
    )


def document(image: Dataset) -> Dataset:
    """An encapsulated PDF of the images' patient."""
    made = Dataset()
    for keyword in (
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
        *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
    ):
        setattr(made, keyword, image.get(keyword))
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = EncapsulatedPDFStorage, generate_uid()
    made.SeriesInstanceUID, made.SeriesNumber, made.Modality = generate_uid(), 1, "DOC"
    made.Manufacturer, made.ManufacturerModelName, made.ConversionType = "A hospital", PRODUCT, "WSD"
    made.InstanceNumber, made.ContentDate, made.ContentTime, made.AcquisitionDateTime = 1, "20200101", "120000", ""
    made.BurnedInAnnotation, made.DocumentTitle = "YES", "Report"
    made.ConceptNameCodeSequence = [highdicom.sr.CodedConcept.from_code(codes.LN.DiagnosticImagingReport)]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument, made.EncapsulatedDocumentLength = b"%PDF-1.7\n%%EOF\n", 15
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made
