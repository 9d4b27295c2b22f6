from collections.abc import Callable
from pathlib import Path

import pytest

from config.reasons import Reason, Refused
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.tracers import Tracer
from inference.bundles.store import load_bundle
from node.models import Models
from node.pinned_models import pin_models

MakeBundle = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    models = ModelSettings(folder=tmp_path / "models", lesion_segmentation={Tracer.FDG: "toy"})
    return Settings(models=models, spool={"folder": tmp_path / "spool"})


@pytest.fixture
def toy(make_bundle: MakeBundle, tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "models" / "toy")


def spoil(bundle: Path) -> None:
    graph = bundle / "fold_0.bin"
    graph.write_bytes(b"\x00" * graph.stat().st_size)


def test_without_models_nothing_is_pinned(tmp_path: Path) -> None:
    settings = Settings(spool={"folder": tmp_path / "spool"})
    assert pin_models(settings) == (settings, ())


def test_what_becomes_of_the_folder_does_not_touch_a_running_node(settings: Settings, toy: Path) -> None:
    digest = load_bundle(toy).digest
    pinned, (bundle,) = pin_models(settings)
    assert bundle.digest == digest
    spoil(toy)
    assert Models(pinned).identities(Tracer.FDG)["lesion-segmentation"]["digest"] == digest
    with pytest.raises(Refused):
        Models(settings).load_all()


def test_the_next_start_refuses_a_bundle_that_was_spoilt_and_keeps_the_last_copy(settings: Settings, toy: Path) -> None:
    pinned, _ = pin_models(settings)
    spoil(toy)
    with pytest.raises(Refused, match="toy") as refused:
        pin_models(settings)
    assert refused.value.reason is Reason.BUNDLE_DIGEST
    assert load_bundle(pinned.models.folder / "toy").version == "1.0"


def test_the_next_start_takes_up_another_bundle(settings: Settings, toy: Path, make_bundle: MakeBundle) -> None:
    pin_models(settings)
    toy.rename(toy.with_name("old"))
    digest = load_bundle(make_bundle(toy, threshold=6.0)).digest
    pinned, (bundle,) = pin_models(settings)
    assert bundle.digest == digest == load_bundle(pinned.models.folder / "toy").digest


def test_a_copy_that_a_power_cut_left_half_done_is_made_again(settings: Settings, toy: Path) -> None:
    pinned, _ = pin_models(settings)
    spoil(pinned.models.folder / "toy")
    (pinned.models.folder / "toy.part").mkdir()
    _, (bundle,) = pin_models(settings)
    assert bundle.digest == load_bundle(toy).digest
