"""``uptake train`` from NIfTI folders to bundles, in three steps on tiny networks."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="torch is not installed (extra train)")
pytest.importorskip("monai", reason="monai is not installed (extra train)")

from inference.bundles.specification import Task
from inference.bundles.store import load_bundle
from inference.captioning.writer import Writer
from inference.retrieval.retriever import Retriever
from node.cli import app
from training.loop import Schedule

pytestmark = pytest.mark.timeout(600)  # exports take seconds, on a busy machine minutes

TINY = {
    "segmentation": "batch = 1\nfilters = [4, 8, 8]\nvalidation_cubes = 1",
    "location": "texts_every = 1\nbatch = 2\ndimension = 16\nwidths = [4, 4, 8, 8]\nvalidation_lesions = 3",
    "caption": "batch = 2\nwidth = 32\nvalidation_lesions = 3",
}
TASKS = {
    "segmentation": Task.LESION_SEGMENTATION,
    "location": Task.LOCATION_RETRIEVAL,
    "caption": Task.CAPTIONING,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all runs, as it may be."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=TINY)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(model: str, nifti_folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run that nothing disturbed."""
    config = write_config(tmp_path_factory.mktemp(model) / "train.toml", nifti_folder, cache, model)
    code, text = train(model, config)
    assert code == 0, text
    return config.parent / "out"


def write_config(path: Path, data: Path, cache: Path, model: str, *, steps: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""
out = "out"
cache = "{cache}"
[data]
kind = "nifti"
folder = "{data}"
[bundle]
name = "tiny"
version = "1"
licence = "CC BY 4.0"
training_data = "six balls on a rod"
[recipe]
{TINY[model]}
[recipe.schedule]
steps = {steps}
warm_up = 1
validate_every = 2
checkpoint_every = 1
""",
        encoding="utf-8",
    )
    return path


def train(model: str, config: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["train", model, "--config", str(config)])
    return result.exit_code, result.output


def test_a_folder_of_patients_becomes_a_bundle_that_the_node_loads(model: str, whole: Path) -> None:
    bundle = load_bundle(whole / "bundle")
    assert (bundle.task, bundle.name, bundle.training_data) == (TASKS[model], "tiny", "six balls on a rod")
    if model == "location":
        assert len(Retriever(bundle).rank("T3 vertebra")) == 5
    if model == "caption":
        Writer(bundle)
    assert (whole / "curves.png").stat().st_size > 1000


def test_a_run_that_stopped_halfway_gives_the_same_bytes_when_called_again(
    model: str, whole: Path, nifti_folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path / "train.toml", nifti_folder, cache, model)
    with monkeypatch.context() as patched:
        patched.setattr(Schedule, "rate", stopping_at_the_third(Schedule.rate))
        code, text = train(model, config)
    assert code == 130, text
    assert not (tmp_path / "out" / "bundle").exists()
    assert train(model, config)[0] == 0
    assert contents(tmp_path / "out" / "bundle") == contents(whole / "bundle")


def test_a_folder_with_another_run_is_not_gone_on_with(
    model: str, whole: Path, nifti_folder: Path, cache: Path
) -> None:
    before = contents(whole / "bundle")
    config = write_config(whole.parent / "other.toml", nifti_folder, cache, model, steps=4)
    code, text = train(model, config)
    assert code == 1
    assert "differs in its recipe" in text
    assert contents(whole / "bundle") == before


def test_lesions_without_locations_teach_no_location(nifti_folder: Path, tmp_path: Path) -> None:
    for name in ("patient-1-000", "patient-1-001"):
        shutil.copytree(nifti_folder / name, tmp_path / "data" / name)
        (tmp_path / "data" / name / "truth.json").unlink()
    config = write_config(tmp_path / "train.toml", tmp_path / "data", tmp_path / "cache", "location")
    code, text = train("location", config)
    assert code == 2
    assert "has a lesion with a known location" in text


def test_patients_both_in_data_and_in_validation_are_refused(nifti_folder: Path, cache: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "train.toml", nifti_folder, cache, "location")
    again = tmp_path / "again"
    again.symlink_to(nifti_folder, target_is_directory=True)
    more = f'[validation]\nkind = "nifti"\nfolder = "{again}"\n'
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    code, text = train("location", config)
    assert code == 2
    assert "6 patients are both in data and in validation" in text


def stopping_at_the_third(rate):  # type: ignore[no-untyped-def]
    def interrupted(schedule: Schedule, step: int) -> float:
        if step == 2:
            raise KeyboardInterrupt
        return float(rate(schedule, step))

    return interrupted


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
