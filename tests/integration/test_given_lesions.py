"""``uptake locate`` and ``uptake caption``: lesions from files, by small bundles; also what nobody should give them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from config.volume import Unit, Volume
from inference.nifti import write_mask, write_nifti
from node.cli import app

MakeBundle = Callable[..., Path]


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@dataclass
class Case:
    """A PET, a CT and a label map that can be changed before they are written."""

    folder: Path
    config: Path
    suv: Volume
    ct: Volume
    labels: np.ndarray
    options: list[object] = field(default_factory=list)

    def run(self, command: str, *options: object) -> tuple[int, str, str]:
        files = {name: self.folder / f"{name}.nii" for name in ("pet", "ct", "lesions")}
        write_nifti(self.suv, files["pet"])
        write_nifti(self.ct, files["ct"])
        if not files["lesions"].exists():
            write_mask(self.labels, self.suv.affine, files["lesions"])
        named = [part for name, path in files.items() for part in (f"--{name}", path)]
        return run(command, *named, "--config", self.config, *options)

    def lesions(self, command: str, *options: object) -> list[dict[str, Any]]:
        code, output, errors = self.run(command, "--json", *options)
        assert code == 0, errors
        found: list[dict[str, Any]] = json.loads(output)["lesions"]
        return found

    def refused(self, command: str) -> str:
        code, output, _ = self.run(command, "--json")
        assert code == 2
        reason: str = json.loads(output)["refused"]["reason"]
        return reason


@pytest.fixture
def config_file(make_location_bundle: MakeBundle, make_caption_bundle: MakeBundle, tmp_path: Path) -> Path:
    make_location_bundle(tmp_path / "models" / "where", location="right kidney")
    make_caption_bundle(tmp_path / "models" / "words", location="right kidney", finding="low density lesion")
    file = tmp_path / "uptake.toml"
    file.write_text(
        f'[spool]\nfolder = "{tmp_path}/spool"\n'
        f'[models]\nfolder = "{tmp_path}/models"\nlocation_retrieval = "where"\ncaptioning = "words"\n'
    )
    return file


@pytest.fixture
def case(config_file: Path, volumes: dict[str, Volume], tmp_path: Path) -> Case:
    labels = np.zeros(volumes["suv"].shape, dtype=np.uint16)
    labels[40:43, 40:44, 60:64] = 1
    labels[20, 45, 45] = 7
    suv = volumes["suv"].values.copy()
    suv[41, 42, 62] = 12.5
    return Case(tmp_path, config_file, replace(volumes["suv"], values=suv), volumes["ct"], labels)


def test_every_lesion_gets_its_label_and_five_locations(case: Case) -> None:
    lesions = case.lesions("locate")
    assert [lesion["label"] for lesion in lesions] == [1, 7]
    for lesion in lesions:
        assert len(lesion["top5"]) == 5
        assert lesion["top5"][0] == {
            "id": "L252",
            "name": "right kidney",
            "coarse": "kidney",
            "laterality": "right",
            "confidence": 1.0,
        }
        assert "not_localised" not in lesion


def test_the_answer_is_the_same_again(case: Case) -> None:
    first, second = case.lesions("caption"), case.lesions("caption")
    for lesion in (*first, *second):
        del lesion["seconds"]
    assert first == second


def test_a_caption_has_the_models_words_and_the_measured_figures(case: Case) -> None:
    lesion = case.lesions("caption", "--tracer", "PSMA")[0]
    assert lesion["caption"].startswith("Right kidney: ")
    assert "low density lesion" in lesion["caption"]
    assert "PSMA uptake (SUVmax 12.5" in lesion["caption"]
    assert lesion["location"]["name"] == "right kidney"
    assert lesion["ct_finding"] == "low density lesion"
    assert lesion["source"] == "writer"
    assert "why" not in lesion


def test_words_for_another_place_are_not_used_and_the_answer_says_so(
    case: Case, make_caption_bundle: MakeBundle, tmp_path: Path
) -> None:
    make_caption_bundle(tmp_path / "models" / "left", location="left kidney")
    lesion = case.lesions("caption", "--bundle", "left")[0]
    assert lesion["caption"].startswith("Right kidney: ")
    assert lesion["source"] == "grammar"
    assert "left kidney" in lesion["why"]


def test_tables_are_for_people(case: Case) -> None:
    assert "right kidney" in case.run("locate")[1]
    assert "low density" in case.run("caption")[1]


def test_free_text_is_ranked_without_images(config_file: Path) -> None:
    code, output, _ = run("locate", "--query", "the kidney", "--json", "--config", config_file)
    assert code == 0
    document = json.loads(output)
    assert document["query"] == "the kidney"
    assert (document["top5"][0]["name"], document["top5"][0]["similarity"]) == ("right kidney", 1.0)
    assert "right kidney" in run("locate", "--query", "kidney", "--config", config_file)[1]


def test_unknown_words_are_said_to_be_unknown(config_file: Path) -> None:
    code, output, _ = run("locate", "--query", "Qwertz", "--json", "--config", config_file)
    assert (code, json.loads(output)["top5"]) == (0, [])
    assert run("locate", "--query", "Qwertz", "--config", config_file)[0] == 1


@pytest.mark.parametrize("arguments", [(), ("--query", "kidney", "--pet", __file__)])
def test_images_or_a_text_but_not_both(config_file: Path, arguments: tuple[str, ...]) -> None:
    code, _, errors = run("locate", *arguments, "--config", config_file)
    assert code == 2
    assert "--query" in errors


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_an_empty_label_map_has_no_lesions(case: Case, command: str) -> None:
    case.labels[:] = 0
    assert case.lesions(command) == []


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_lesions_at_the_border_and_of_one_voxel_are_answered(case: Case, command: str) -> None:
    case.labels[:] = 0
    last = tuple(size - 1 for size in case.labels.shape)
    case.labels[0, 0, 0], case.labels[last], case.labels[0, 45, 45], case.labels[:, 45, 45] = 1, 2, 3, 4
    assert [lesion["label"] for lesion in case.lesions(command)] == [1, 2, 4]


@pytest.mark.parametrize("command", ["locate", "caption"])
@pytest.mark.parametrize("hu", [-1000.0, -2000.0, np.nan])
def test_without_a_body_nothing_is_localised(case: Case, command: str, hu: float) -> None:
    case.ct = replace(case.ct, values=np.full(case.ct.shape, hu, dtype=np.float32))
    case.suv = replace(case.suv, values=np.zeros(case.suv.shape, dtype=np.float32))
    for lesion in case.lesions(command):
        assert lesion["top5"] == []
        assert "no body" in lesion["not_localised"]
        if command == "caption":
            assert lesion["location"] is None
            assert lesion["caption"].startswith("Location uncertain: ")
            assert lesion["source"] == "grammar"


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_a_ct_elsewhere_localises_nothing(case: Case, command: str) -> None:
    affine = case.ct.affine.copy()
    affine[:3, 3] += 5000.0
    case.ct = replace(case.ct, affine=affine)
    assert all(lesion["top5"] == [] for lesion in case.lesions(command))


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_what_is_no_number_in_the_ct_was_not_measured(case: Case, command: str) -> None:
    values = case.ct.values.copy()
    values[:5] = np.nan
    values[5:8] = np.inf
    case.ct = replace(case.ct, values=values)
    assert len(case.lesions(command)[0]["top5"]) == 5


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_metal_is_answered(case: Case, command: str) -> None:
    values = case.ct.values.copy()
    values[30:50, 30:60, 40:70] = 1e6
    case.ct = replace(case.ct, values=values)
    assert len(case.lesions(command)[0]["top5"]) == 5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_in_the_pet_is_refused(case: Case, value: float) -> None:
    case.suv.values[3, 3, 3] = value
    assert case.refused("locate") == "implausible-values"


@pytest.mark.parametrize("values", ["halves", "negative", "huge", "not a number"])
def test_labels_that_are_none_are_refused(case: Case, values: str) -> None:
    wrong = {"halves": 0.5, "negative": -1.0, "huge": 70000.0, "not a number": np.nan}[values]
    labels = case.labels.astype(np.float32)
    labels[41, 42, 62] = wrong
    write_nifti(Volume(labels, case.suv.affine, Unit.RESCALED), case.folder / "lesions.nii")
    assert case.refused("locate") == "labels-unusable"


@pytest.mark.parametrize("change", ["shape", "origin", "spacing", "mirrored"])
def test_labels_on_another_grid_are_refused(case: Case, change: str) -> None:
    affine, labels = case.suv.affine.copy(), case.labels
    if change == "shape":
        labels = labels[1:]
    if change == "origin":
        affine[0, 3] += 3.0
    if change == "spacing":
        affine[:3, 2] *= 1.1
    if change == "mirrored":
        affine[:3, 3] += affine[:3, 2] * (labels.shape[2] - 1)
        affine[:3, 2] *= -1.0
    write_mask(labels, affine, case.folder / "lesions.nii")
    assert case.refused("caption") == "labels-unusable"


def test_a_file_that_is_no_image_is_named(case: Case) -> None:
    (case.folder / "lesions.nii").write_text("Dear colleague")
    code, _, errors = case.run("locate")
    assert code == 2
    assert "lesions.nii" in errors


@pytest.mark.parametrize("command", ["locate", "caption"])
def test_one_slice_is_answered(case: Case, command: str) -> None:
    case.suv = replace(case.suv, values=case.suv.values[:1].copy())
    case.ct = replace(case.ct, values=case.ct.values[:1].copy())
    case.labels = np.zeros(case.suv.shape, dtype=np.uint16)
    case.labels[0, 45, 45] = 1
    assert len(case.lesions(command)) == 1


def test_three_hundred_lesions_are_answered(case: Case) -> None:
    places = np.argwhere(case.labels == 0)[:: case.labels.size // 301][:300]
    case.labels[:] = 0
    case.labels[tuple(places.T)] = np.arange(1, 301)
    assert [lesion["label"] for lesion in case.lesions("locate")] == list(range(1, 301))


@pytest.mark.parametrize(
    ("command", "option"), [("locate", "--bundle"), ("caption", "--bundle"), ("caption", "--location-bundle")]
)
def test_a_bundle_that_is_absent_changed_or_for_another_task_is_refused(
    case: Case, make_bundle: MakeBundle, tmp_path: Path, command: str, option: str
) -> None:
    make_bundle(tmp_path / "models" / "voxels")
    for name in ("where", "words"):
        changed = tmp_path / "models" / f"changed-{name}"
        changed.mkdir()
        for file in (tmp_path / "models" / name).iterdir():
            (changed / file.name).write_bytes(file.read_bytes())
        next(changed.glob("*.json")).write_text("{}")
    own = "words" if (command, option) == ("caption", "--bundle") else "where"
    other = {"words": "where", "where": "words"}[own]
    for name, expected in (
        ("absent", "bundle-file-missing"),
        ("voxels", "bundle-misplaced"),
        (other, "bundle-misplaced"),
        (f"changed-{own}", "bundle-digest"),
    ):
        code, output, _ = case.run(command, option, name, "--json")
        assert (code, json.loads(output)["refused"]["reason"]) == (2, expected)


def test_bundles_of_words_are_listed_shown_and_verified(config_file: Path) -> None:
    listed = {row["name"]: row for row in json.loads(run("models", "list", "--json", "--config", config_file)[1])}
    assert (listed["where"]["task"], listed["where"]["in_use"], listed["where"]["from"]) == (
        "location-retrieval",
        "location-retrieval",
        "folder",
    )
    assert listed["words"]["in_use"] == "captioning"
    assert "retrieval.json" in run("models", "show", "where", "--config", config_file)[1]
    code, output, _ = run("models", "verify", "where", "--json", "--config", config_file)
    assert (code, json.loads(output)[0]["verified"]) == (0, True)


@pytest.mark.parametrize("command", ["build", "bench"])
def test_bundles_of_words_have_no_windows_to_build_or_time(config_file: Path, command: str) -> None:
    code, output, _ = run("models", command, "where", "--json", "--config", config_file)
    assert (code, json.loads(output)["refused"]["reason"]) == (2, "bundle-misplaced")


def test_a_shipped_bundle_is_found_unless_the_folder_has_one_of_its_name(
    config_file: Path, make_location_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    make_location_bundle(shipped / "where", location="left kidney")
    make_location_bundle(shipped / "uptake-location", location="left kidney")
    monkeypatch.setattr("node.models.SHIPPED", shipped)
    monkeypatch.setattr("inference.bundles.shipped.SHIPPED", shipped)

    def first(*options: str) -> str:
        document = json.loads(run("locate", "--query", "kidney", "--json", "--config", config_file, *options)[1])
        name: str = document["top5"][0]["name"]
        return name

    assert first() == "right kidney"
    assert first("--bundle", "uptake-location") == "left kidney"
    listed = {row["name"]: row for row in json.loads(run("models", "list", "--json", "--config", config_file)[1])}
    assert [listed[name]["from"] for name in ("where", "uptake-location")] == ["folder", "shipped"]


def test_labels_may_be_stored_as_any_kind_of_number(case: Case) -> None:
    image = nibabel.Nifti1Image(
        case.labels.transpose(2, 1, 0).astype(np.float64),
        np.diag([-1.0, -1.0, 1.0, 1.0]) @ case.suv.affine @ np.eye(4)[[2, 1, 0, 3]],
    )
    nibabel.save(image, case.folder / "lesions.nii")
    assert [lesion["label"] for lesion in case.lesions("locate")] == [1, 7]
