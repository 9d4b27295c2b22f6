"""Findings located and captioned by trained models: two bundles in the settings, from the instances to the results."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.reasons import Reason
from config.settings import Models as ModelSettings
from db.audit_actions import AuditAction
from db.states import StudyState
from dicom_io.scanner.study import WrittenStudy
from node.cli import app
from node.models import Models
from node.worker import Worker

Write = Callable[..., WrittenStudy]
MakeBundle = Callable[..., Path]

TEMPLATE = (
    '[listener]\nport = 11999\n[spool]\nfolder = "{0}/spool"\nminimum_free_mb = 1\n[models]\nfolder = "{0}/models"\n'
)
BOTH = 'location_retrieval = "where"\ncaptioning = "words"\n'


@pytest.fixture
def make_both(make_location_bundle: MakeBundle, make_caption_bundle: MakeBundle, tmp_path: Path) -> Callable[..., None]:
    """Bundles that locate and caption every lesion alike."""

    def make(*, says: str = "right kidney") -> None:
        make_location_bundle(tmp_path / "models" / "where", location="right kidney")
        make_caption_bundle(tmp_path / "models" / "words", location=says, finding="low density lesion")

    return make


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def analyze(study: WrittenStudy, models: str, tmp_path: Path) -> dict:
    file = tmp_path / "uptake.toml"
    file.write_text(TEMPLATE.format(tmp_path) + models)
    code, text, said = run("analyze", study.folder, "--out", tmp_path / "out", "--config", file, "--json")
    assert code == 0, said
    return json.loads(text)


def of_lesions(document: dict) -> list[dict]:
    return [finding for finding in document["lesions"] if finding["kind"] == "lesion"]


def test_a_study_is_located_and_captioned_by_the_models_and_the_audit_trail_says_so(
    node, write: Write, make_both: Callable[..., None], tmp_path: Path
) -> None:
    make_both()
    models = ModelSettings(folder=tmp_path / "models", location_retrieval="where", captioning="words")
    settings = node.settings.model_copy(update={"models": models})
    node.worker = Worker(node.database, node.spool, settings, Models(settings), lambda: node.now)
    study = write()
    node.receive(sorted(study.folder.rglob("*.dcm")))
    node.run()
    node.wait()
    detail = node.study(study.study_uid)
    assert detail.summary.state is StudyState.ENCODED
    lesions = [finding for finding in detail.reports[-1].findings if finding.kind == "lesion"]
    assert lesions
    for lesion in lesions:
        assert lesion.location_name == "right kidney"
        assert lesion.caption.startswith("Right kidney: ")
        assert " cm (on PET) low density lesion, " in lesion.caption
        assert lesion.caption.endswith(f"(SUVmax {lesion.suv_max:.1f}).")
    (recorded,) = [event for event in node.audit() if event.action is AuditAction.REPORT_RECORDED]
    named = {task: model["name"] for task, model in recorded.detail["models"].items()}
    assert named == {"location-retrieval": "where", "captioning": "words"}


def test_physiologic_uptake_keeps_its_organ_and_its_sentence(write: Write, make_both, tmp_path: Path) -> None:
    make_both()
    study = write()
    with_models = analyze(study, BOTH, tmp_path)
    without = analyze(study, "", tmp_path)
    captions = [
        [finding["caption"] for finding in document["lesions"] if finding["kind"] == "physiologic"]
        for document in (with_models, without)
    ]
    assert captions[0]
    assert captions[0] == captions[1]


def test_figures_are_those_without_the_models_and_uids_are_others(write: Write, make_both, tmp_path: Path) -> None:
    make_both()
    study = write()
    with_models, without = analyze(study, BOTH, tmp_path), analyze(study, "", tmp_path)
    for one, other in zip(with_models["lesions"], without["lesions"], strict=True):
        words = ("location", "caption")
        assert {k: v for k, v in one.items() if k not in words} == {k: v for k, v in other.items() if k not in words}
    assert set(with_models["result_objects"].values()).isdisjoint(without["result_objects"].values())


def test_a_contradicting_caption_is_not_used_and_the_results_say_so(write: Write, make_both, tmp_path: Path) -> None:
    make_both(says="left kidney")
    document = analyze(write(), BOTH, tmp_path)
    lesions = of_lesions(document)
    assert lesions
    assert all(lesion["caption"].startswith("Right kidney: ") for lesion in lesions)
    assert not any("low density" in lesion["caption"] for lesion in lesions)
    said = [remark["detail"] for remark in document["remarks"] if remark["reason"] == Reason.CAPTION_CONTRADICTED]
    assert said == [
        f"Finding {lesion['number']} in right kidney: the model wrote “left kidney: low density lesion”."
        for lesion in lesions
    ]


def test_where_retrieval_is_unsure_the_rules_locate_and_the_results_say_so(
    write: Write, make_location_bundle: MakeBundle, tmp_path: Path
) -> None:
    make_location_bundle(tmp_path / "models" / "where", temperature=10.0)
    study = write()
    document = analyze(study, 'location_retrieval = "where"\n', tmp_path)
    assert Reason.LOCATED_BY_RULES in [remark["reason"] for remark in document["remarks"]]
    without = analyze(study, "", tmp_path)
    assert [one["location"] for one in document["lesions"]] == [one["location"] for one in without["lesions"]]


def test_the_same_study_gives_the_same_results_twice(write: Write, make_both, tmp_path: Path) -> None:
    make_both()
    study = write()
    first, second = (analyze(study, BOTH, tmp_path) | {"timings_s": {}} for _ in range(2))
    assert first == second


def test_checking_the_settings_names_a_bundle_of_another_task(make_both, tmp_path: Path) -> None:
    make_both()
    file = tmp_path / "uptake.toml"
    file.write_text(TEMPLATE.format(tmp_path) + BOTH)
    assert run("config", "check", "--config", file)[0] == 0
    file.write_text(TEMPLATE.format(tmp_path) + 'captioning = "where"\n')
    code, _, said = run("config", "check", "--config", file)
    assert code == 1
    assert "models.captioning = where" in said


@pytest.mark.parametrize("name", ["where", "words"])
def test_a_bundle_of_words_verifies(make_both, tmp_path: Path, name: str) -> None:
    make_both()
    file = tmp_path / "uptake.toml"
    file.write_text(TEMPLATE.format(tmp_path))
    code, text, _ = run("models", "verify", name, "--config", file, "--json")
    assert code == 0
    assert json.loads(text)[0]["verified"]
