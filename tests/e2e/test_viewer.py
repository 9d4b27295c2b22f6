"""A viewer that nobody here wrote shows the results: what OHIF says of them, measures itself, draws in every pixel."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from config.finding import Finding
from config.settings import Settings
from dicom_io.reading.files import find_instances
from dicom_io.results.colours import PHYSIOLOGIC, lesion_colour
from dicom_io.results.result import ResultContext
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity
from dicom_io.scanner.study import write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import DigitalPatient, Grid
from node.analysis import analyse_inputs, choose_inputs
from node.models import Models
from node.result_files import write_objects

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(60, func_only=True)]  # the bench may be in use

CT_GRID = Grid.axial((72, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((72, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))
VOXEL_MM = 5.4
LESIONS = range(1, 6)
AXIAL_VIEWS = ("pet", "fused")
VIEWS = (*AXIAL_VIEWS, "coronal")

Pixels = NDArray[np.int16]
Mask = NDArray[np.bool_]
Edges = tuple[int, int, int, int]


@dataclass(frozen=True)
class Viewed:
    """What the analysis of a study knows, and what the viewer shows of it."""

    context: ResultContext
    folder: Path
    seen: dict[str, Any]

    @property
    def lesions(self) -> tuple[Finding, ...]:
        return self.context.analysis.lesions

    def picture(self, view: str, lesion: int, suffix: str = "") -> Pixels:
        """RGB of the viewport; shape (rows, columns, 3)."""
        return np.asarray(Image.open(self.folder / f"{view}-{lesion}{suffix}.png").convert("RGB"), dtype=np.int16)

    def place(self, view: str, lesion: int) -> dict[str, Any]:
        place: dict[str, Any] = self.seen["views"][view][lesion - 1]
        return place

    def computed(self, view: str, lesion: int) -> Mask:
        """Pixels that lie in voxels of the lesion, as the analysis has them."""
        rows, columns, _ = self.picture(view, lesion).shape
        below, right = np.mgrid[:rows, :columns] + 0.5
        place = self.place(view, lesion)
        lps = place["corner"] + right[..., None] * place["right"] + below[..., None] * place["below"]
        to_index = np.linalg.inv(self.context.suv.affine)
        index = np.floor(lps @ to_index[:3, :3].T + to_index[:3, 3] + 0.5).astype(int)
        labels = np.pad(self.context.analysis.labels, 1)
        index = np.clip(index + 1, 0, np.array(labels.shape) - 1)
        return np.asarray(labels[tuple(np.moveaxis(index, -1, 0))] == lesion)

    def shown(self, view: str, lesion: int) -> Mask:
        """Pixels that change when the segment is hidden; not the viewer's text beside it, which may move."""
        change = np.abs(self.picture(view, lesion) - self.picture(view, lesion, "-hidden")).max(axis=-1)
        here = around(edges(self.computed(view, lesion)), self.voxel(view, lesion))
        shown = np.zeros(change.shape, dtype=np.bool_)
        shown[here] = change[here] > 8
        return shown

    def voxel(self, view: str, lesion: int) -> float:
        """Width of a PET voxel in pixels."""
        return VOXEL_MM / float(np.linalg.norm(self.place(view, lesion)["right"]))


@pytest.fixture(scope="module")
def viewed(bench, tmp_path_factory: pytest.TempPathFactory) -> Viewed:
    folder = tmp_path_factory.mktemp("viewed")
    patient = DigitalPatient.default(seed=3)
    name, character_set = SAMPLE_NAMES["Japanese"]
    body = (patient.sex.value, patient.weight_kg, patient.height_m)
    identity = PatientIdentity(name, "DIGITAL-VIEWED", date(1960, 2, 3), *body, character_set)
    study = write_study(folder / "study", identity, patient.ct(CT_GRID), patient.suv(PET_GRID), SIEMENS)
    settings = Settings()
    inputs = choose_inputs(find_instances(study.folder).headers, settings)
    outcome = analyse_inputs(inputs, settings, Models(settings))
    write_objects(outcome.objects, study.folder / "results")
    bench.store(bench.orthanc, study.folder)
    pictures = folder / "pictures"
    pictures.mkdir()
    return Viewed(outcome.context, pictures, bench.view(study.study_uid, pictures))


# What it says


def test_every_finding_has_its_name_and_colour(viewed: Viewed) -> None:
    findings = viewed.context.analysis.findings
    lesions = [
        (f"Lesion {each.number}: {each.location.location.name}", lesion_colour(each.number)) for each in viewed.lesions
    ]
    others = [(f"Physiologic: {each.location.location.name}", PHYSIOLOGIC) for each in findings[len(lesions) :]]
    assert len(lesions) == len(LESIONS)
    assert [(each["label"], tuple(each["colour"])) for each in viewed.seen["segments"]] == lesions + others


def test_every_lesion_has_its_caption_and_site(viewed: Viewed) -> None:
    shown = viewed.seen["measurements"]
    assert [each["label"] for each in shown] == [lesion.caption for lesion in viewed.lesions]
    assert all(len(each["sites"]) == 1 for each in shown)


# What it measures itself


def test_the_viewers_suv_max_is_ours(viewed: Viewed) -> None:
    ours = pytest.approx([lesion.measurements.suv_max for lesion in viewed.lesions], abs=0.01)
    assert [each["suv_max"] for each in viewed.seen["measurements"]] == ours
    assert [each["suv_max"] for each in viewed.seen["segments"][: len(LESIONS)]] == ours
    assert {each["unit"] for each in viewed.seen["measurements"]} == {"SUV"}


def test_the_viewers_mean_and_volume_of_each_segment_are_ours(viewed: Viewed) -> None:
    findings = [finding.measurements for finding in viewed.context.analysis.findings]
    shown = viewed.seen["segments"]
    assert [each["suv_mean"] for each in shown] == pytest.approx([each.suv_mean for each in findings], abs=0.01)
    assert [each["volume_mm3"] / 1000 for each in shown] == pytest.approx([each.mtv_ml for each in findings], rel=1e-3)


# What it draws


@pytest.mark.parametrize("lesion", LESIONS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_segment_covers_the_voxels_of_its_lesion(viewed: Viewed, view: str, lesion: int) -> None:
    """Half a voxel aside, three voxels wide, they would share 0.7 of their area."""
    shown, computed = viewed.shown(view, lesion), viewed.computed(view, lesion)
    assert computed.sum() > viewed.voxel(view, lesion) ** 2
    assert (shown & computed).sum() / (shown | computed).sum() > 0.85


@pytest.mark.parametrize("lesion", LESIONS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_segment_is_outlined_in_its_colour(viewed: Viewed, view: str, lesion: int) -> None:
    shown = viewed.picture(view, lesion)[viewed.shown(view, lesion)]
    in_colour = np.abs(shown - np.array(lesion_colour(lesion))).max(axis=-1) <= 6
    assert in_colour.mean() > 0.15


@pytest.mark.parametrize("lesion", LESIONS)
@pytest.mark.parametrize("view", AXIAL_VIEWS)
def test_the_rectangle_is_drawn_round_the_lesion(viewed: Viewed, view: str, lesion: int) -> None:
    """Each side, dashed or not, within a quarter of a voxel of the outermost voxels."""
    top, bottom, left, right = edges(viewed.computed(view, lesion))
    line = is_green(viewed.picture(view, lesion, "-hidden"))
    near = int(viewed.voxel(view, lesion) / 4)
    for side in (top, bottom):
        assert line[side - near : side + near + 1, left:right].any(axis=0).mean() > 0.4
    for side in (left, right):
        assert line[top:bottom, side - near : side + near + 1].any(axis=1).mean() > 0.4


@pytest.mark.parametrize("lesion", LESIONS)
def test_what_is_hot_on_the_screen_lies_in_the_rectangle_and_fills_it(viewed: Viewed, lesion: int) -> None:
    """Brightness and threshold alone say what is hot: to half a voxel, since the viewer smooths its pixels."""
    picture = viewed.picture("pet", lesion, "-hidden")
    top, bottom, left, right = edges(viewed.computed("pet", lesion))
    voxel = viewed.voxel("pet", lesion)
    lower, upper = viewed.place("pet", lesion)["window"]
    threshold = 255.0 * (viewed.lesions[lesion - 1].threshold_suv - lower) / (upper - lower)
    hot = (np.ptp(picture, axis=-1) < 6) & (picture[..., 0] >= threshold)
    rows, columns = around((top, bottom, left, right), voxel)
    found = edges(hot[rows, columns]) + np.repeat([rows.start, columns.start], 2)
    inside = (found - np.array((top, bottom, left, right))) * (1, -1, 1, -1)
    assert inside.min() > -voxel / 2
    assert inside.max() < voxel


def edges(mask: Mask) -> Edges:
    """First row, row after the last, first column, column after the last."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def around(box: Edges, margin: float) -> tuple[slice, slice]:
    top, bottom, left, right = box
    return slice(int(top - margin), int(bottom + margin)), slice(int(left - margin), int(right + margin))


def is_green(picture: Pixels) -> Mask:
    """As OHIF draws the measurement that is selected."""
    return np.asarray(picture[..., 1] - picture[..., ::2].max(axis=-1) > 60)
