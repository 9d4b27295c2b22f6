"""The standard's tables, as far as they are known by heart."""

from types import SimpleNamespace

import pytest
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_io.check import tables
from dicom_io.check.tables import TablesMissing, object_definition, title


@pytest.mark.parametrize(
    ("sop_class_uid", "path", "kind"),
    [
        (SegmentationStorage, "PatientID", "2"),
        (SegmentationStorage, "InstanceNumber", "1"),  # of Type 2 in General Image, of Type 1 in Segmentation Image
        (SegmentationStorage, "SegmentSequence", "1"),
        (SegmentationStorage, "SegmentSequence.SegmentLabel", "1"),
        (SegmentationStorage, "SegmentSequence.TrackingUID", "1C"),
        (SegmentationStorage, "FrameOfReferenceUID", "3"),  # of a module that may be absent
        (SegmentationStorage, "PerFrameFunctionalGroupsSequence.PlanePositionSequence", "3"),  # or shared
        (SegmentationStorage, "PerFrameFunctionalGroupsSequence.PlanePositionSequence.ImagePositionPatient", "1C"),
        (ComprehensiveSRStorage, "CompletionFlag", "1"),
        (ComprehensiveSRStorage, "PerformedProcedureCodeSequence", "2"),
        (SecondaryCaptureImageStorage, "Modality", "3"),  # SC Equipment overrides General Series
        (SecondaryCaptureImageStorage, "ConversionType", "1"),
        (EncapsulatedPDFStorage, "Modality", "1"),
        (EncapsulatedPDFStorage, "EncapsulatedDocument", "1"),
    ],
)
def test_types_are_those_of_the_standard(sop_class_uid: str, path: str, kind: str) -> None:
    definition = object_definition(sop_class_uid)
    assert definition is not None
    *sequences, keyword = path.split(".")
    level = definition.level
    for sequence in sequences:
        level = level[sequence].items
    assert level[keyword].type == kind


def test_a_report_s_root_has_no_attributes_of_its_items() -> None:
    definition = object_definition(ComprehensiveSRStorage)
    assert definition is not None
    assert "TextValue" in definition.content
    assert "TextValue" not in definition.level


def test_what_is_no_storage_sop_class_has_no_definition() -> None:
    assert object_definition("1.2.840.10008.1.1") is None


def test_modules_are_named_as_in_the_standard() -> None:
    assert [title(key) for key in ("sop-common", "general-series", "sr-document-general")] == [
        "SOP Common",
        "General Series",
        "SR Document General",
    ]


def test_a_highdicom_that_keeps_the_tables_elsewhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "import_module", lambda name: SimpleNamespace())
    object_definition.cache_clear()
    with pytest.raises(TablesMissing, match="highdicom"):
        object_definition(SegmentationStorage)
    object_definition.cache_clear()
