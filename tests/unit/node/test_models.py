from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from config.finding import FindingKind
from config.reasons import Reason, Refused
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.thresholds import Delineation
from config.tracers import Tracer
from inference.bundles.specification import Label, Labels, Task
from inference.bundles.store import load_bundle
from inference.engines.engine import Precision
from inference.segmentation.mask_classes import mask_classes
from inference.stages import BASELINE
from node.models import Models, precision_for

MakeBundle = Callable[..., Path]


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Models]:
    def configure(**named: str) -> Models:
        models = ModelSettings(folder=tmp_path / "models", lesion_segmentation=named)
        return Models(Settings(models=models, spool={"folder": tmp_path / "spool"}))

    return configure


def test_a_tracer_without_a_bundle_is_segmented_by_thresholding(configured, make_bundle: MakeBundle, tmp_path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    models = configured(PSMA="toy")
    assert models.stages(Tracer.FDG) is BASELINE
    assert models.identities(Tracer.FDG) == {}


def test_without_a_bundle_models_add_nothing_to_the_digest_of_the_settings(configured) -> None:
    assert configured().digest() == ""


def test_the_bundle_of_a_tracer_is_named_in_the_method(configured, make_bundle: MakeBundle, tmp_path) -> None:
    digest = load_bundle(make_bundle(tmp_path / "models" / "toy")).digest
    method = configured(FDG="toy").stages(Tracer.FDG).segment.method
    assert (method.name, method.version, method.parameters["digest"]) == ("network toy", "1.0", digest)
    assert method.parameters["engine"].startswith("OpenVINO")


def test_why_a_bundle_is_computed_in_a_precision_is_part_of_the_method_and_of_the_identity(
    configured, make_bundle: MakeBundle, tmp_path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    models = configured(FDG="toy")
    assert models.stages(Tracer.FDG).segment.method.parameters["precision"]
    assert models.identities(Tracer.FDG)["lesion-segmentation"]["precision"]


def test_a_restarted_node_has_the_digest_that_it_had(configured, make_bundle: MakeBundle, tmp_path) -> None:
    make_bundle(tmp_path / "models" / "toy", threshold=0.25)
    (tmp_path / "spool").mkdir()
    assert configured(FDG="toy").digest() == configured(FDG="toy").digest()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_set_is_not_measured(make_bundle: MakeBundle, tmp_path: Path, precision: str) -> None:
    bundle = load_bundle(make_bundle(tmp_path / "toy"))
    choice = precision_for(bundle, ModelSettings(precision=precision), tmp_path)
    assert (choice.precision, choice.reason) == (Precision(precision), "as set")
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_bundle_of_two_tracers_is_loaded_once(configured, make_bundle: MakeBundle, tmp_path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    models = configured(FDG="toy", PSMA="toy")
    assert len(models.load_all()) == 1
    assert models.lesion_segmentation(Tracer.FDG) is models.lesion_segmentation(Tracer.PSMA)


def test_tracers_have_their_own_bundles(configured, make_bundle: MakeBundle, tmp_path) -> None:
    make_bundle(tmp_path / "models" / "for-fdg", tracer=Tracer.FDG)
    make_bundle(tmp_path / "models" / "for-psma", tracer=Tracer.PSMA)
    models = configured(FDG="for-fdg", PSMA="for-psma")
    names = {tracer: models.identities(tracer)["lesion-segmentation"]["name"] for tracer in (Tracer.FDG, Tracer.PSMA)}
    assert names == {Tracer.FDG: "for-fdg", Tracer.PSMA: "for-psma"}


def test_another_bundle_or_delineation_is_another_digest(make_bundle: MakeBundle, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models" / "toy")
    make_bundle(tmp_path / "models" / "hotter", threshold=6.0)
    spool = {"folder": tmp_path / "spool"}
    digests = {
        Models(
            Settings(
                spool=spool,
                models=ModelSettings(
                    folder=tmp_path / "models", lesion_segmentation={Tracer.FDG: name}, delineation=delineation
                ),
            )
        ).digest()
        for name in ("toy", "hotter")
        for delineation in Delineation
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tracer": Tracer.PSMA}, Reason.BUNDLE_MISPLACED),
        ({"task": Task.ORGAN_SEGMENTATION}, Reason.BUNDLE_MISPLACED),
        ({"channels": ("PET", "MR")}, Reason.BUNDLE_CHANNELS),
    ],
)
def test_a_bundle_that_is_not_for_it_is_refused_by_name(
    configured, make_bundle: MakeBundle, tmp_path: Path, changes: dict[str, object], reason: Reason
) -> None:
    make_bundle(tmp_path / "models" / "toy", **changes)
    with pytest.raises(Refused, match=r"models\.lesion_segmentation\.FDG = toy") as refused:
        configured(FDG="toy").load_all()
    assert refused.value.reason is reason


def test_a_bundle_that_is_not_there_is_refused_with_those_that_are(
    configured, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    with pytest.raises(Refused, match=r"absent does not exist; .* hold .*toy") as refused:
        configured(FDG="absent").load_all()
    assert refused.value.reason is Reason.BUNDLE_FILE_MISSING


def test_labels_that_say_physiologic_are_no_lesions(make_bundle: MakeBundle, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path / "toy"))
    named = Labels((Label("background"), Label("Tumour"), Label("Normal uptake"), Label("physiologic")))
    classes = mask_classes(replace(bundle, specification=replace(bundle.specification, labels=named)))
    assert [(one.value, one.kind) for one in classes] == [
        (1, FindingKind.LESION),
        (2, FindingKind.PHYSIOLOGIC),
        (3, FindingKind.PHYSIOLOGIC),
    ]
