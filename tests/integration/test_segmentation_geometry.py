"""Where segments lie, as readers see it that nobody here wrote: dcmqi's segimage2itkimage, and ITK for its volumes."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from config.finding import Analysis, Finding, FindingKind, LocationAnswer
from config.organs import Organ
from config.segmentation_grid import SegmentationGrid
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from dicom_io.identity import Provenance
from dicom_io.reading.files import find_instances
from dicom_io.reading.kinds import Series
from dicom_io.reading.series import group_series
from dicom_io.reading.volume import read_ct, read_pet
from dicom_io.results.organ_map import encode_organ_map, encode_organ_masks
from dicom_io.results.result import ResultContext
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Storage, StudyPlan, write_study
from dicom_io.scanner.vendors import SIEMENS
from dicom_io.suv.quantify import quantify, to_suv
from inference.measurement.measure import measure, totals

PLACES = [
    str(Path(sys.executable).parent),
    os.environ.get("PATH", ""),
    *([str(Path(os.environ["TESTBENCH"]) / "venv" / "bin")] if "TESTBENCH" in os.environ else []),
]
READER = shutil.which("segimage2itkimage", path=os.pathsep.join(PLACES))

pytestmark = pytest.mark.skipif(
    READER is None, reason="segimage2itkimage is neither installed (pip install dcmqi) nor in PATH"
)

# What turns a patient's axes, as an acquisition's slices, rows and columns follow them.
AXIAL = np.eye(3)
OBLIQUE = Rotation.from_euler("xyz", (12.0, -9.0, 17.0), degrees=True).as_matrix()
FEET_FIRST = np.diag((-1.0, 1.0, -1.0))

PET_SHAPE, PET_SPACING_MM = (14, 24, 28), (4.0, 3.1, 3.3)
CT_SHAPE, CT_SPACING_MM = (34, 46, 62), (1.7, 1.6, 1.5)
CENTRE_MM = (17.3, -141.9, 803.7)
PATIENT = PatientIdentity("Geometry^Digital", "G-1", date(1950, 2, 3), "F", 70.0, 1.7)


@dataclass(frozen=True)
class Study:
    """A context, and the grids of its images as they were written."""

    context: ResultContext
    pet: np.ndarray
    ct: np.ndarray


def grid(shape, spacing_mm, turn):
    """Slices towards the head, rows to the back, columns to the left, all turned; the middle near one point."""
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing_mm)[::-1]
    affine[:3, 3] = CENTRE_MM - affine[:3, :3] @ ((np.asarray(shape) - 1.0) / 2.0 + 0.137)
    return affine


def blobs(count):
    """Connected pieces without any symmetry, up to the faces of the volume, some of them of a few voxels only."""
    random = np.random.default_rng(7)
    labels = np.zeros(PET_SHAPE, np.uint16)
    for number in range(1, count + 1):
        place = random.integers(0, PET_SHAPE)
        for _ in range(int(random.integers(3, 90))):
            if labels[tuple(place)] in (0, number):
                labels[tuple(place)] = number
            place = np.clip(place + random.integers(-1, 2, 3), 0, np.array(PET_SHAPE) - 1)
    return labels


def the_series(headers, modality):
    (series,) = (one for one in group_series(headers) if one.headers[0].Modality == modality)
    assert isinstance(series, Series)
    return series


@pytest.fixture
def study(tmp_path):
    def make(turn=AXIAL, storage=Storage.CLASSIC, lesions=6):
        labels = blobs(lesions)
        pet, ct = grid(PET_SHAPE, PET_SPACING_MM, turn), grid(CT_SHAPE, CT_SPACING_MM, turn)
        values = np.where(labels > 0, 5.0 + labels, 0.7).astype(np.float32)
        hounsfield = Volume(np.full(CT_SHAPE, 40.0, np.float32), ct, Unit.HOUNSFIELD)
        habits = replace(SIEMENS, patient_position="FFS" if turn is FEET_FIRST else "HFS")
        plan = StudyPlan(storage=storage)
        write_study(tmp_path / "study", PATIENT, hounsfield, Volume(values, pet, Unit.SUVBW), habits, plan=plan)
        return Study(context(tmp_path / "study", labels), pet, ct)

    return make


def context(folder, labels):
    headers = find_instances(folder).headers
    pet, ct = read_pet(the_series(headers, "PT")), read_ct(the_series(headers, "CT"))
    quantification = quantify(pet.headers)
    suv = to_suv(pet, quantification)
    leaves = vocabulary().leaves
    findings = tuple(
        Finding(number, FindingKind.LESION, "hot", 4.0, measured, LocationAnswer(leaves[number], 0.9, ()), "A lesion.")
        for number, measured in measure(labels, suv).items()
    )
    organs = np.where(labels > 0, np.minimum(labels, len(Organ)), 0).astype(np.uint8)
    summed = totals([finding.measurements for finding in findings])
    analysis = Analysis(Tracer.FDG, findings, labels, summed, (), (), {}, {}, organs=organs)
    provenance = Provenance("1.2.3", "RESEARCH", "A hospital", "a" * 64, "b" * 64, 1, 9000)
    return ResultContext(pet, suv, ct, quantification, analysis, provenance)


def read_back(segmentation, folder):
    """World coordinates (N, 3), LPS mm, of every segment's voxels, by Segment Label; segments have files of their own.

    Of a label map there is one file.
    """
    folder.mkdir()
    segmentation.save_as(folder / "seg.dcm", enforce_file_format=True)
    command = [READER, "--inputDICOM", folder / "seg.dcm", "--outputDirectory", folder, "--outputType", "nrrd"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    described = json.loads((folder / "meta.json").read_text())["segmentAttributes"]
    labels = {item["labelID"]: item["SegmentLabel"] for group in described for item in group}
    if segmentation.SegmentationType == "LABELMAP":
        image = sitk.ReadImage(folder / "1.nrrd")
        return {label: voxels(image == number) for number, label in labels.items()}
    return {label: voxels(sitk.ReadImage(folder / f"{number}.nrrd")) for number, label in labels.items()}


def voxels(image):
    inside = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]
    return np.array([image.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in inside])


def itk_image(array, affine):
    """An array on a grid, in ITK's order of axes."""
    image = sitk.GetImageFromArray(array)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetDirection((affine[:3, :3] / spacing)[:, ::-1].ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def expected(study, labels, segmentation_grid):
    """World coordinates of the voxels of each label, as ITK has them; on the CT by its nearest neighbour."""
    image = itk_image(labels, study.pet)
    if segmentation_grid is SegmentationGrid.CT:
        onto = itk_image(np.zeros(CT_SHAPE, np.uint8), study.ct)
        image = sitk.Resample(image, onto, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    return {number: voxels(image == number) for number in np.unique(labels[labels > 0]).tolist()}


def assert_same_places(found, wanted):
    assert len(found) == len(wanted)
    away_mm, partner = cKDTree(wanted).query(found)
    assert away_mm.max() < 0.01
    assert len(set(partner.tolist())) == len(wanted)


@pytest.mark.parametrize("segmentation_grid", SegmentationGrid)
@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("turn", [AXIAL, OBLIQUE, FEET_FIRST], ids=["axial", "oblique", "feet first"])
def test_every_segment_lies_where_its_finding_does(study, tmp_path, turn, storage, segmentation_grid):
    made = study(turn, storage)
    np.testing.assert_allclose(made.context.pet.volume.affine, made.pet, atol=1e-4)
    np.testing.assert_allclose(made.context.ct.volume.affine, made.ct, atol=1e-4)
    (segmentation,) = encode_segmentations(made.context, grid=segmentation_grid)
    found = read_back(segmentation, tmp_path / "read")
    wanted = expected(made, made.context.analysis.labels, segmentation_grid)
    assert len(found) == len(wanted)
    for finding in made.context.analysis.findings:
        (label,) = (label for label in found if label.startswith(f"Lesion {finding.number}:"))
        assert_same_places(found[label], wanted[finding.number])


@pytest.mark.parametrize("segmentation_grid", SegmentationGrid)
def test_segments_of_several_objects_lie_there_too(study, tmp_path, segmentation_grid):
    made = study(OBLIQUE)
    segmentations = encode_segmentations(made.context, grid=segmentation_grid, most_frames=12)
    assert len(segmentations) > 2
    wanted = expected(made, made.context.analysis.labels, segmentation_grid)
    found = [read_back(one, tmp_path / f"read{number}") for number, one in enumerate(segmentations)]
    together = {label: places for one in found for label, places in one.items()}
    assert len(together) == sum(map(len, found)) == len(wanted)
    for label, places in together.items():
        assert_same_places(places, wanted[int(label.split(":")[0].removeprefix("Lesion "))])


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("turn", [OBLIQUE, FEET_FIRST], ids=["oblique", "feet first"])
@pytest.mark.parametrize(
    "encode", [lambda context: [encode_organ_map(context)], encode_organ_masks], ids=["map", "masks"]
)
def test_organs_lie_where_the_map_has_them(study, tmp_path, encode, turn, storage):
    made = study(turn, storage)
    (segmentation,) = encode(made.context)
    found = read_back(segmentation, tmp_path / "read")
    wanted = expected(made, made.context.analysis.organs, SegmentationGrid.PET)
    assert [len(places) for places in found.values()] == [len(places) for places in wanted.values()]
    for found_places, wanted_places in zip(found.values(), wanted.values(), strict=True):
        assert_same_places(found_places, wanted_places)
