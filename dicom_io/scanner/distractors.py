"""What else lies in a PET/CT study: a scout, the uncorrected PET, projections, a diagnostic CT."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from config.volume import Matrix, Volume
from dicom_io.scanner.headers import (
    StudyContext,
    date_and_time,
    fine_decimal,
    set_pixel_format,
    set_plane,
    write_instance,
)
from dicom_io.scanner.physics import stored_per_suv
from dicom_io.scanner.series import (
    SeriesNote,
    ct_header,
    ct_pixels,
    pet_header,
    scaled_pixels,
    write_ct_series,
    write_pet_series,
)


def write_scout(folder: Path, context: StudyContext, ct: Volume) -> tuple[Path, ...]:
    """A localizer: the CT projected from front to back, one coronal image of the CT Image Storage class."""
    header = ct_header(context, SeriesNote("SCOUT", 1, "Topogram"))
    header.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    header.RescaleType = "US"
    projection = np.mean(ct.values, axis=1)[::-1]
    set_pixel_format(header, *projection.shape)
    set_plane(header, _coronal(ct), 0)
    header.SOPInstanceUID = context.uid("SCOUT", "instance")
    header.InstanceNumber = 1
    path = folder / "0001.dcm"
    write_instance(header, ct_pixels(projection), path, context.habits.transfer_syntax)
    return (path,)


def write_uncorrected_pet(folder: Path, context: StudyContext, suv: Volume) -> tuple[Path, ...]:
    """The PET without attenuation and scatter correction: lungs and skin bright, the depth of the body dark."""
    lost = tuple(name for name in context.habits.corrections if name not in ("ATTN", "SCAT"))
    uncorrected = replace(context, habits=replace(context.habits, corrections=lost))
    values = np.sqrt(suv.values) * np.float32(0.4)
    return write_pet_series(
        folder, uncorrected, Volume(values, suv.affine, suv.unit), SeriesNote("NAC", 4, "PET WB NAC")
    )


def write_projections(folder: Path, context: StudyContext, suv: Volume) -> tuple[Path, ...]:
    """A derived series of one coronal and one sagittal maximum intensity projection (Series Type REPROJECTION)."""
    note = SeriesNote("MIP", 5, "PET MIP")
    views = ((np.max(suv.values, axis=1)[::-1], _coronal(suv)), (np.max(suv.values, axis=2)[::-1], _sagittal(suv)))
    start = context.examination.scan_start
    scale = stored_per_suv(context.habits, context.examination, context.identity.weight_kg, start)
    paths = []
    for number, (projection, affine) in enumerate(views, start=1):
        header = pet_header(context, note, (len(views), *projection.shape))
        header.ImageType = ["DERIVED", "PRIMARY"]
        header.SeriesType = ["STATIC", "REPROJECTION"]
        header.ReprojectionMethod = "MAX PIXEL"
        header.AcquisitionDate, header.AcquisitionTime = date_and_time(start)
        header.ContentDate, header.ContentTime = date_and_time(start + timedelta(minutes=30))
        header.FrameReferenceTime = 0
        header.DecayFactor = 1
        set_plane(header, affine, 0)
        header.SOPInstanceUID = context.uid(note.key, "instance", str(number))
        header.InstanceNumber = header.ImageIndex = number
        pixels, slope = scaled_pixels(projection.astype(np.float64) * scale)
        header.RescaleSlope = fine_decimal(slope)
        path = folder / f"{number:04d}.dcm"
        write_instance(header, pixels, path, context.habits.transfer_syntax)
        paths.append(path)
    return tuple(paths)


def write_diagnostic_ct(folder: Path, context: StudyContext, ct: Volume) -> tuple[Path, ...]:
    """A CT with contrast agent of the middle third of the body only."""
    third = len(ct.values) // 3
    note = SeriesNote("CTDIAG", 6, "CT Thorax+Abdomen venous")
    return write_ct_series(folder, context, ct, note, slices=range(third, 2 * third), contrast="Iohexol")


def _coronal(volume: Volume) -> Matrix:
    """Affine of a coronal image in the middle of a volume: rows downwards, columns as the volume's."""
    slices, rows, _ = volume.shape
    return _view(volume, (slices - 1, (rows - 1) / 2, 0), along=1, across=2)


def _sagittal(volume: Volume) -> Matrix:
    slices, _, columns = volume.shape
    return _view(volume, (slices - 1, 0, (columns - 1) / 2), along=2, across=1)


def _view(volume: Volume, corner: tuple[float, float, float], *, along: int, across: int) -> Matrix:
    affine = np.eye(4)
    affine[:3, 0] = volume.affine[:3, along]
    affine[:3, 1] = -volume.affine[:3, 0]
    affine[:3, 2] = volume.affine[:3, across]
    affine[:3, 3] = volume.points_mm(np.array([corner]))[0]
    return affine
