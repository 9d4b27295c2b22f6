"""Studies segmented by a network: a bundle in the settings, from the instances to the audit trail."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
import SimpleITK
from typer.testing import CliRunner

from config.reasons import Reason
from config.settings import Models as ModelSettings
from config.thresholds import Delineation
from config.tracers import Tracer
from db.audit_actions import AuditAction
from db.states import StudyState
from dicom_io.scanner.study import WrittenStudy
from inference.bundles.store import read_manifest, write_bundle
from node.cli import app
from node.models import Models
from node.pinned_models import pin_models
from node.worker import Worker

Write = Callable[..., WrittenStudy]
MakeBundle = Callable[..., Path]


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def with_models(node, tmp_path: Path):
    """The node with a worker that has the models of a folder."""

    def equip(**changes: object):
        models = ModelSettings(folder=tmp_path / "models", lesion_segmentation={Tracer.FDG: "toy"}, **changes)
        settings = node.settings.model_copy(update={"models": models})
        loaded = Models(settings)
        loaded.load_all()
        node.worker = Worker(node.database, node.spool, settings, loaded, lambda: node.now)
        return node

    return equip


def analysed(node, study: WrittenStudy):
    node.receive(sorted(study.folder.rglob("*.dcm")))
    node.run()
    node.wait()
    return node.study(study.study_uid)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "uptake.toml"
    file.write_text(
        f'[listener]\nport = 11999\n[spool]\nfolder = "{tmp_path}/spool"\nminimum_free_mb = 1\n'
        f'[models]\nfolder = "{tmp_path}/models"\nlesion_segmentation = {{ FDG = "toy" }}\n'
    )
    return file


def test_a_study_is_segmented_by_its_tracers_bundle_and_the_audit_trail_says_so(
    with_models, write: Write, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    node = with_models()
    detail = analysed(node, write())
    assert detail.summary.state is StudyState.ENCODED
    findings = detail.reports[-1].findings
    assert findings
    assert {finding.reason for finding in findings} == {"Segmented as lesion by toy 1.0."}
    (recorded,) = [event for event in node.audit() if event.action is AuditAction.REPORT_RECORDED]
    model = recorded.detail["models"]["lesion-segmentation"]
    assert (model["name"], model["version"], len(model["digest"])) == ("toy", "1.0", 64)


def test_another_bundle_gives_other_uids(with_models, write: Write, make_bundle: MakeBundle, tmp_path: Path) -> None:
    uids = []
    study = write()
    for threshold in (4.0, 4.5):
        folder = tmp_path / f"out-{threshold}"
        models = tmp_path / f"models-{threshold}"
        make_bundle(models / "toy", threshold=threshold)
        file = tmp_path / f"{threshold}.toml"
        file.write_text(f'[models]\nfolder = "{models}"\nlesion_segmentation = {{ FDG = "toy" }}\n')
        assert run("analyze", study.folder, "--out", folder, "--config", file)[0] == 0
        uids.append(json.loads((folder / "findings.json").read_text())["result_objects"])
    assert set(uids[0].values()).isdisjoint(uids[1].values())


def test_every_lesion_is_consistent_with_a_threshold_when_asked_to(
    with_models, write: Write, make_bundle: MakeBundle, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", threshold=6.0)
    config_file.write_text(
        config_file.read_text() + f'delineation = "{Delineation.THRESHOLD}"\n[analysis]\nthreshold = "suv-4.0"\n'
    )
    code, text, _ = run("analyze", write().folder, "--out", tmp_path / "out", "--config", config_file, "--json")
    document = json.loads(text)
    assert code == 0
    assert document["lesions"]
    assert {finding["threshold_suv"] for finding in document["lesions"]} == {4.0}
    (method,) = [one for one in document["provenance"]["methods"] if one["stage"] == "segmentation"]
    assert method["name"] == "network toy"
    assert method["parameters"]["delineation"] == "threshold"


def test_a_running_node_keeps_its_last_good_bundle(
    with_models, node, write: Write, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    folder = make_bundle(tmp_path / "models" / "toy")
    settings = node.settings.model_copy(
        update={"models": ModelSettings(folder=tmp_path / "models", lesion_segmentation={Tracer.FDG: "toy"})}
    )
    pinned, (bundle,) = pin_models(settings)
    (folder / "fold_0.bin").write_bytes(b"spoilt")
    restarted = Models(pinned)
    restarted.load_all()
    node.worker = Worker(node.database, node.spool, pinned, restarted, lambda: node.now)
    analysed(node, write())
    (recorded,) = [event for event in node.audit() if event.action is AuditAction.REPORT_RECORDED]
    assert recorded.detail["models"]["lesion-segmentation"]["digest"] == bundle.digest


def test_a_bundle_that_reads_a_ct_refuses_a_study_without_one(
    make_bundle: MakeBundle, write: Write, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    arguments = ("--out", tmp_path / "out", "--pet-only", "--config", config_file, "--json")
    code, text, _ = run("analyze", write(ct=False).folder, *arguments)
    assert (code, json.loads(text)["refused"]["reason"]) == (2, Reason.NO_CT)


@pytest.fixture
def nifti(volumes, tmp_path: Path) -> dict[str, Path]:
    """The digital patient as a research tool would write it: in LPS by SimpleITK."""
    files = {}
    for name, volume in volumes.items():
        image = SimpleITK.GetImageFromArray(volume.values)
        image.SetSpacing([float(one) for one in volume.spacing_mm[::-1]])
        image.SetOrigin(volume.affine[:3, 3].tolist())
        files[name] = tmp_path / f"{name}.nii.gz"
        SimpleITK.WriteImage(image, str(files[name]))
    return files


def test_segment_writes_the_networks_mask_on_the_grid_of_the_pet(
    make_bundle: MakeBundle, nifti, volumes, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    mask = tmp_path / "mask.nii.gz"
    files = ("--pet", nifti["suv"], "--ct", nifti["ct"])
    code, text, _ = run("segment", *files, "--bundle", "toy", "--out", mask, "--config", config_file, "--json")
    assert code == 0
    written = SimpleITK.ReadImage(str(mask))
    assert written.GetOrigin() == pytest.approx(SimpleITK.ReadImage(str(nifti["suv"])).GetOrigin())
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), volumes["suv"].values > 4.0)
    expected_ml = np.count_nonzero(volumes["suv"].values > 4.0) * volumes["suv"].voxel_volume_ml
    assert not (tmp_path / "spool").exists()
    assert json.loads(text)["volumes_ml"]["lesion"] == pytest.approx(expected_ml, abs=0.01)


def test_segment_looks_at_the_ct(make_bundle: MakeBundle, nifti, config_file: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy", per_hounsfield=-1.0)
    mask = tmp_path / "mask.nii.gz"
    files = ("--pet", nifti["suv"], "--ct", nifti["ct"])
    assert run("segment", *files, "--bundle", "toy", "--out", mask, "--config", config_file)[0] == 0
    hot_and_light = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(mask)))
    assert 0.0 < hot_and_light.mean() < 1.0


def test_segment_asks_for_the_ct_that_a_bundle_reads(
    make_bundle: MakeBundle, nifti, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    out = tmp_path / "mask.nii.gz"
    code, _, said = run("segment", "--pet", nifti["suv"], "--bundle", "toy", "--out", out, "--config", config_file)
    assert code == 2
    assert "bundle-channels" in said
    assert not out.exists()


def test_segment_says_what_is_no_nifti(make_bundle: MakeBundle, config_file: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy", channels=("PET",))
    letter = tmp_path / "letter.nii.gz"
    letter.write_text("Dear colleague")
    code, _, said = run(
        "segment", "--pet", letter, "--bundle", "toy", "--out", tmp_path / "mask.nii", "--config", config_file
    )
    assert code == 2
    assert "letter.nii.gz" in said


def test_models_are_listed_with_the_tracers_that_use_them(
    make_bundle: MakeBundle, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", tracer=Tracer.FDG)
    broken = make_bundle(tmp_path / "models" / "broken")
    (broken / "bundle.toml").write_text("name = ")
    code, text, _ = run("models", "list", "--config", config_file, "--json")
    first, second = [listed for listed in json.loads(text) if listed["from"] == "folder"]
    assert code == 0
    assert (first["name"], first["refused"]) == ("broken", "bundle-malformed")
    assert (second["name"], second["tracer"], second["in_use"]) == ("toy", "FDG", "FDG")


def test_a_model_shows_what_it_says_of_itself(make_bundle: MakeBundle, config_file: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy", licence="CC BY 4.0")
    code, text, _ = run("models", "show", "toy", "--config", config_file, "--json")
    assert code == 0
    assert json.loads(text)["licence"] == "CC BY 4.0"


def _spoil_digest(folder: Path) -> None:
    (folder / "fold_0.bin").write_bytes(b"spoilt")


def _remove_graph(folder: Path) -> None:
    (folder / "fold_0.xml").unlink()


def _unknown_task(folder: Path) -> None:
    manifest = folder / "bundle.toml"
    manifest.write_text(manifest.read_text().replace("lesion-segmentation", "palm-reading"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_spoil_digest, Reason.BUNDLE_DIGEST),
        (_remove_graph, Reason.BUNDLE_FILE_MISSING),
        (_unknown_task, Reason.BUNDLE_UNKNOWN_TASK),
    ],
)
def test_verify_fails_with_the_reason(
    make_bundle: MakeBundle, config_file: Path, tmp_path: Path, spoil: Callable[[Path], None], reason: Reason
) -> None:
    make_bundle(tmp_path / "models" / "good")
    spoil(make_bundle(tmp_path / "models" / "toy"))
    code, text, _ = run("models", "verify", "--config", config_file, "--json")
    reports = {report["name"]: report for report in json.loads(text)}
    assert code == 2
    assert reports["good"]["verified"]
    assert reports["toy"]["refused"] == reason


def test_a_graph_of_other_shapes_than_the_bundle_says_does_not_verify(
    make_bundle: MakeBundle, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", names=("background", "lesion", "normal uptake"))
    code, text, _ = run("models", "verify", "toy", "--config", config_file, "--json")
    assert (code, json.loads(text)[0]["refused"]) == (2, Reason.BUNDLE_GRAPH)


def test_a_graph_that_is_none_does_not_verify(make_bundle: MakeBundle, config_file: Path, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "models" / "toy")
    (folder / "fold_0.xml").write_text("Dear colleague")
    write_bundle(read_manifest(folder).specification, folder)
    code, text, _ = run("models", "verify", "toy", "--config", config_file, "--json")
    assert (code, json.loads(text)[0]["refused"]) == (2, Reason.BUNDLE_GRAPH)


def test_checking_the_settings_names_a_bundle_that_does_not_verify(
    make_bundle: MakeBundle, config_file: Path, tmp_path: Path
) -> None:
    folder = make_bundle(tmp_path / "models" / "toy")
    assert run("config", "check", "--config", config_file)[0] == 0
    _spoil_digest(folder)
    code, _, said = run("config", "check", "--config", config_file)
    assert code == 1
    assert "models.lesion_segmentation.FDG = toy" in said


def test_building_and_timing_name_the_engine(make_bundle: MakeBundle, config_file: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    options = ("--engine", "openvino", "--config", config_file, "--json")
    code, text, _ = run("models", "build", "toy", *options)
    built = json.loads(text)
    assert (code, built["folds"]) == (0, 1)
    code, text, _ = run("models", "bench", "toy", *options)
    rows = json.loads(text)
    assert code == 0
    assert rows[0]["engine"].startswith("OpenVINO")
    assert rows[0]["same_label"] == 1.0
    assert rows[0]["seconds_per_window"] > 0.0
    assert rows[-1]["engine"] == built["engine"]
    assert rows[-1]["chosen"] == built["precision"]


@pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"), reason="no bfloat16 here"
)
def test_what_was_measured_when_built_is_shown_and_verified(
    make_bundle: MakeBundle, config_file: Path, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", threshold=0.25)
    assert run("models", "build", "toy", "--config", config_file)[0] == 0
    shown = json.loads(run("models", "show", "toy", "--config", config_file, "--json")[1])
    (verified,) = json.loads(run("models", "verify", "toy", "--config", config_file, "--json")[1])
    assert shown["measured"] == {"bf16": verified["precision"]}
    assert verified["engine"].endswith("bf16")


def test_gpu_checks_say_what_is_missing(make_bundle: MakeBundle, config_file: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    code, text, _ = run("models", "verify", "toy", "--gpu", "--config", config_file, "--json")
    (report,) = json.loads(text)
    if report["verified"]:
        assert {row["agrees"] for row in report["gpu"]} == {True}
    else:
        assert (code, report["refused"]) == (2, Reason.ENGINE_UNAVAILABLE)


def test_importing_without_torch_says_what_is_missing(tmp_path: Path) -> None:
    if importlib.util.find_spec("torch"):
        pytest.skip("torch is installed")
    code, text, _ = run("models", "import", "nnunet", tmp_path, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(text)["refused"]["reason"]) == (2, Reason.ENGINE_UNAVAILABLE)
    assert not (tmp_path / "out").exists()
