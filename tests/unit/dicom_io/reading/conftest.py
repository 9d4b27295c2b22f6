"""Small real DICOM series, written as a scanner would."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedPETImageStorage,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
)

Edit = Callable[[int, Dataset], None]


@dataclass(frozen=True)
class SeriesPlan:
    """What a test asks for: a grid, stored values, and an edit of each slice's header before it is written.

    ``spacing_mm`` is between (slices, rows, columns), ``origin_mm`` the centre of the first voxel, ``orientation`` the
    direction of increasing column index and of increasing row index.
    """

    shape: tuple[int, int, int] = (8, 6, 5)
    spacing_mm: tuple[float, float, float] = (3.0, 60.0, 70.0)
    origin_mm: tuple[float, float, float] = (-140.0, -150.0, -500.0)
    orientation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    series: str = "1"
    study_uid: str = "1.2.3"
    frame_of_reference_uid: str = "1.2.3.9"
    stored: NDArray[Any] | None = None
    edit: Edit = field(default=lambda index, header: None)
    omit: tuple[int, ...] = ()

    @property
    def values(self) -> NDArray[Any]:
        """The stored values: given, or all different."""
        if self.stored is not None:
            return self.stored
        return np.arange(np.prod(self.shape), dtype=np.int16).reshape(self.shape)

    def position(self, index: int) -> list[float]:
        along_columns, along_rows = np.array(self.orientation).reshape(2, 3)
        normal = np.cross(along_columns, along_rows)
        return [float(value) for value in np.array(self.origin_mm) + index * self.spacing_mm[0] * normal]


Write = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def write_ct_series() -> Write:
    """Writes a low-dose CT: ``write_ct_series(folder, **fields of SeriesPlan)`` gives the paths in stacking order."""

    def write(folder: Path, **wishes: Any) -> list[Path]:
        return _write(folder, SeriesPlan(**{"series": "2", **wishes}), _ct_header)

    return write


@pytest.fixture(scope="session")
def write_pet_series() -> Write:
    """Writes an attenuation-corrected PET, every slice with a slope of its own: index + 0.5."""

    def write(folder: Path, **wishes: Any) -> list[Path]:
        return _write(folder, SeriesPlan(**{"series": "3", **wishes}), _pet_header)

    return write


@pytest.fixture(scope="session")
def write_enhanced_pet() -> Callable[..., Path]:
    """Writes an Enhanced PET: frames lie in the file from the last slice to the first; slopes are index + 0.5."""

    def write(folder: Path, edit: Callable[[Dataset], None] = lambda header: None, **wishes: Any) -> Path:
        plan = SeriesPlan(**{"series": "4", **wishes})
        header = _common(plan, 0)
        header.SOPClassUID = EnhancedPETImageStorage
        header.SOPInstanceUID = f"{plan.study_uid}.{plan.series}.1"
        header.Modality = "PT"
        header.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
        header.AttenuationCorrected = "YES"
        header.Units = "BQML"
        order = list(range(plan.shape[0]))[::-1]
        header.NumberOfFrames = len(order)
        measures = _item(PixelSpacing=list(plan.spacing_mm[1:]), SliceThickness=plan.spacing_mm[0])
        header.SharedFunctionalGroupsSequence = [
            _item(
                PixelMeasuresSequence=[measures],
                PlaneOrientationSequence=[_item(ImageOrientationPatient=list(plan.orientation))],
            )
        ]
        header.PerFrameFunctionalGroupsSequence = [
            _item(
                PlanePositionSequence=[_item(ImagePositionPatient=plan.position(index))],
                PixelValueTransformationSequence=[_item(RescaleSlope=index + 0.5, RescaleIntercept=0)],
                FrameContentSequence=[_item(TemporalPositionIndex=1)],
            )
            for index in order
        ]
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
            del header[keyword]
        header.PixelData = plan.values[order].tobytes()
        edit(header)
        return _save(header, folder / f"{plan.series}.dcm")

    return write


def _write(folder: Path, plan: SeriesPlan, header_of: Callable[[SeriesPlan, int], Dataset]) -> list[Path]:
    paths = []
    for index in range(plan.shape[0]):
        if index in plan.omit:
            continue
        header = header_of(plan, index)
        header.PixelData = plan.values[index].tobytes()
        plan.edit(index, header)
        paths.append(_save(header, folder / f"{plan.series}-{index:03d}.dcm"))
    return paths


def _ct_header(plan: SeriesPlan, index: int) -> Dataset:
    header = _common(plan, index)
    header.SOPClassUID = CTImageStorage
    header.Modality = "CT"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.SeriesDescription = "CT AC low dose"
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = 1, -1024, "HU"
    return header


def _pet_header(plan: SeriesPlan, index: int) -> Dataset:
    header = _common(plan, index)
    header.SOPClassUID = PositronEmissionTomographyImageStorage
    header.Modality = "PT"
    header.ImageType = ["ORIGINAL", "PRIMARY"]
    header.SeriesDescription = "PET AC"
    header.SeriesType = ["WHOLE BODY", "IMAGE"]
    header.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    header.Units = "BQML"
    header.NumberOfSlices = plan.shape[0]
    header.RescaleSlope, header.RescaleIntercept = index + 0.5, 0
    header.RadiopharmaceuticalInformationSequence = [
        _item(Radiopharmaceutical="Fluorodeoxyglucose", RadionuclideHalfLife=6586.2)
    ]
    return header


def _common(plan: SeriesPlan, index: int) -> Dataset:
    header = Dataset()
    header.SOPInstanceUID = f"{plan.study_uid}.{plan.series}.{index + 1}"
    header.StudyInstanceUID = plan.study_uid
    header.SeriesInstanceUID = f"{plan.study_uid}.{plan.series}"
    header.FrameOfReferenceUID = plan.frame_of_reference_uid
    header.PatientID = "P"
    header.PatientName = "Test^Patient"
    header.SeriesNumber, header.InstanceNumber = int(plan.series), index + 1
    header.SeriesDate, header.SeriesTime = "20240102", "101500"
    header.ImagePositionPatient = plan.position(index)
    header.ImageOrientationPatient = list(plan.orientation)
    header.PixelSpacing = list(plan.spacing_mm[1:])
    header.SliceThickness = plan.spacing_mm[0]
    _, header.Rows, header.Columns = plan.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    dtype = plan.values.dtype
    header.BitsAllocated = header.BitsStored = 8 * dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(dtype.kind == "i")
    return header


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _save(header: Dataset, path: Path) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if "SOPInstanceUID" in header:
        meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path
