import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config.reasons import Reason, Refused
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.tracers import Tracer
from inference.bundles.store import load_bundle
from inference.stages import BASELINE
from node.model_checks import check_bundle
from node.models import Models, check_bundles
from node.pinned_models import pin_models

MakeBundle = Callable[..., Path]
BOTH = {"location_retrieval": "where", "captioning": "words"}


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def with_models(**named: object) -> Settings:
        models = ModelSettings(folder=tmp_path / "models", **named)
        return Settings(models=models, spool={"folder": tmp_path / "spool"})

    return with_models


@pytest.fixture
def bundles(make_location_bundle: MakeBundle, make_caption_bundle: MakeBundle, tmp_path: Path) -> dict[str, str]:
    """One bundle for each of the two tasks; their digests by name."""
    made = (make_location_bundle(tmp_path / "models" / "where"), make_caption_bundle(tmp_path / "models" / "words"))
    return {folder.name: load_bundle(folder).digest for folder in made}


def refusal(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value


def test_models_that_are_configured_take_the_place_of_rules_and_grammar_for_every_tracer(settings, bundles) -> None:
    models = Models(settings(**BOTH))
    for tracer in (Tracer.FDG, Tracer.PSMA):
        stages = models.stages(tracer)
        assert stages.segment is BASELINE.segment
        assert (stages.locate.method.name, stages.locate.method.version) == ("retrieval where", "2.0")
        assert (stages.caption.method.name, stages.caption.method.version) == ("captioner words", "3.0")


def test_either_is_used_without_the_other(settings, bundles) -> None:
    located = Models(settings(location_retrieval="where")).stages(Tracer.FDG)
    assert located.locate is not BASELINE.locate
    assert located.caption is BASELINE.caption
    captioned = Models(settings(captioning="words")).stages(Tracer.FDG)
    assert captioned.locate is BASELINE.locate
    assert captioned.caption is not BASELINE.caption


def test_methods_say_which_bundle_what_computes_it_and_what_stands_in_for_it(settings, bundles) -> None:
    stages = Models(settings(**BOTH)).stages(Tracer.FDG)
    where, words = stages.locate.method.parameters, stages.caption.method.parameters
    assert (where["digest"], words["digest"]) == (bundles["where"], bundles["words"])
    assert where["engine"] == words["engine"]
    assert where["engine"].startswith("OpenVINO ")
    assert where["engine"].endswith(", fp32")
    assert (where["otherwise"], words["otherwise"]) == ("rules on anatomy", "grammar")


def test_identities_name_each_task(settings, bundles) -> None:
    identities = Models(settings(**BOTH)).identities(Tracer.FDG)
    found = {task: (identity["name"], identity["digest"]) for task, identity in identities.items()}
    assert found == {
        "location-retrieval": ("where", bundles["where"]),
        "captioning": ("words", bundles["words"]),
    }


def test_each_is_loaded_once(settings, bundles) -> None:
    models = Models(settings(**BOTH))
    assert [loaded.bundle.name for loaded in models.load_all()] == ["where", "words"]
    assert models.location_retrieval is models.location_retrieval
    assert models.captioning is models.captioning


def test_every_choice_of_models_is_another_digest(
    settings, bundles, make_location_bundle: MakeBundle, tmp_path: Path
) -> None:
    make_location_bundle(tmp_path / "models" / "elsewhere", location="left kidney")
    chosen = (
        {},
        {"location_retrieval": "where"},
        {"location_retrieval": "elsewhere"},
        {"captioning": "words"},
        BOTH,
    )
    assert len({Models(settings(**named)).digest() for named in chosen}) == len(chosen)


def test_a_setting_left_empty_does_not_change_the_digest(settings, make_bundle: MakeBundle, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    models = Models(settings(lesion_segmentation={Tracer.FDG: "toy"}))
    identity = models.identities(Tracer.FDG)["lesion-segmentation"]
    known = [[identity], {"lesion_segmentation": {"FDG": "toy"}, "delineation": "network"}]
    assert models.digest() == hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("location_retrieval", "words"),
        ("captioning", "where"),
        ("captioning", "toy"),
        ("lesion_segmentation.FDG", "where"),
    ],
)
def test_a_bundle_for_another_task_is_refused_with_the_name_of_the_setting(
    settings, bundles, make_bundle: MakeBundle, tmp_path: Path, setting: str, named: str
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    changed = settings(**({setting: named} if "." not in setting else {"lesion_segmentation": {Tracer.FDG: named}}))
    for refused in (refusal(Models(changed).load_all), refusal(lambda: check_bundles(changed.models))):
        assert refused.reason is Reason.BUNDLE_MISPLACED
        assert refused.detail.startswith(f"models.{setting} = {named}: {named} is for ")


@pytest.mark.parametrize("setting", sorted(BOTH))
def test_a_bundle_that_is_not_there_is_refused_with_the_name_of_the_setting(settings, setting: str) -> None:
    refused = refusal(Models(settings(**{setting: "absent"})).load_all)
    assert refused.reason is Reason.BUNDLE_FILE_MISSING
    assert refused.detail.startswith(f"models.{setting} = absent: ")


def test_a_bundle_that_was_changed_is_refused_with_the_name_of_the_setting(settings, bundles, tmp_path: Path) -> None:
    (tmp_path / "models" / "where" / "index.npy").write_bytes(b"other")
    refused = refusal(lambda: check_bundles(settings(**BOTH).models))
    assert refused.reason is Reason.BUNDLE_DIGEST
    assert refused.detail.startswith("models.location_retrieval = where: ")


def test_all_bundles_are_pinned(settings, bundles, make_bundle: MakeBundle, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    (tmp_path / "spool").mkdir()
    pinned, copies = pin_models(settings(lesion_segmentation={Tracer.FDG: "toy"}, **BOTH))
    assert [bundle.name for bundle in copies] == ["toy", "where", "words"]
    (tmp_path / "models").rename(tmp_path / "gone")
    identities = Models(pinned).identities(Tracer.FDG)
    assert identities["location-retrieval"]["digest"] == bundles["where"]
    assert identities["captioning"]["digest"] == bundles["words"]


@pytest.mark.parametrize("name", ["where", "words"])
def test_a_bundle_verifies_if_it_runs(settings, bundles, name: str) -> None:
    report = check_bundle(name, settings(), gpu=False, progress=lambda step: None)
    assert report["verified"]
    assert report["digest"] == bundles[name]
    assert report["engine"].startswith("OpenVINO ")


def test_a_bundle_whose_graph_was_changed_does_not_verify(settings, bundles, tmp_path: Path) -> None:
    (tmp_path / "models" / "words" / "memory.onnx").write_text("Dear colleague")
    report = check_bundle("words", settings(), gpu=False, progress=lambda step: None)
    assert not report["verified"]
    assert report["refused"] == Reason.BUNDLE_DIGEST
