"""Bundles: what is written is read again; what does not verify does not load."""

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.reasons import Reason, Refused
from config.tracers import Tracer
from inference.bundles.manifest import as_toml
from inference.bundles.specification import (
    FILES,
    Alignment,
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
    When,
    WordsSpecification,
)
from inference.bundles.store import find_bundles, load_bundle, read_manifest, write_bundle

SPECIFICATION = Specification(
    name='Lesions "toy" – µ',
    version="1.2",
    task=Task.LESION_SEGMENTATION,
    tracer=Tracer.FDG,
    channels=(
        Channel("PET", Normalisation.CT, mean=7.0, std=7.9, percentile_00_5=1.0, percentile_99_5=51.2),
        Channel("CT", Normalisation.ZSCORE, use_mask=True),
    ),
    labels=Labels((Label("background"), Label("lesion", "108369006^SCT^Neoplasm"))),
    network=Network(
        graphs=("fold_0.onnx", "fold_1.onnx"),
        patch=(8, 16, 16),
        spacing_mm=(3.0, 2.036, 2.0365),
        resample_data=Resampling(3),
        resample_logits=Resampling(1, separate_z=False, alignment=Alignment.FIRST_VOXEL),
        mirror_axes=(0, 2),
        transpose=(2, 0, 1),
        transpose_back=(1, 2, 0),
        orientation="SAR",
        normalise=When.AFTER_RESAMPLING,
    ),
    licence="CC BY 4.0",
    training_data="None",
)
GRAPHS = {"fold_0.onnx": b"zero", "fold_1.onnx": b"one"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models" / "toy"
    made.mkdir(parents=True)
    for name, content in GRAPHS.items():
        (made / name).write_bytes(content)
    write_bundle(SPECIFICATION, made)
    return made


def edit(folder: Path, old: str, new: str) -> None:
    manifest = folder / "bundle.toml"
    content = manifest.read_text(encoding="utf-8")
    assert old in content
    manifest.write_text(content.replace(old, new, 1), encoding="utf-8")


def reason_of(folder: Path) -> Reason:
    with pytest.raises(Refused) as refused:
        load_bundle(folder)
    return refused.value.reason


def test_what_is_written_is_read_again(folder):
    bundle = load_bundle(folder)
    assert bundle.specification == SPECIFICATION
    assert bundle.digests == {name: hashlib.sha256(content).hexdigest() for name, content in GRAPHS.items()}
    assert bundle.digest == hashlib.sha256((folder / "bundle.toml").read_bytes()).hexdigest()
    assert bundle.graphs == (folder / "fold_0.onnx", folder / "fold_1.onnx")


def test_bundles_are_found_by_their_manifests(folder):
    (folder.parent / "empty").mkdir()
    assert find_bundles(folder.parent) == (folder,)
    assert find_bundles(folder.parent / "absent") == ()


def test_a_changed_file_is_refused(folder):
    (folder / "fold_1.onnx").write_bytes(b"other")
    assert reason_of(folder) is Reason.BUNDLE_DIGEST
    assert read_manifest(folder).specification == SPECIFICATION


def test_a_missing_file_is_refused(folder):
    (folder / "fold_0.onnx").unlink()
    assert reason_of(folder) is Reason.BUNDLE_FILE_MISSING


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    assert reason_of(tmp_path) is Reason.BUNDLE_FILE_MISSING


def test_an_unknown_task_is_refused(folder):
    edit(folder, '"lesion-segmentation"', '"tea-making"')
    assert reason_of(folder) is Reason.BUNDLE_UNKNOWN_TASK


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1.2"', ""),
        ('version = "1.2"', "version = 1.2"),
        ('version = "1.2"', 'version = "1.2"\nmood = "good"'),
        ('tracer = "FDG"', 'tracer = "tea"'),
        ("patch = [8, 16, 16]", "patch = [8, 16]"),
        ("patch = [8, 16, 16]", "patch = [8, 0, 16]"),
        ("step = 0.5", "step = 0.0"),
        ("spacing_mm = [3.0", "spacing_mm = [nan"),
        ("mirror_axes = [0, 2]", "mirror_axes = [0, 3]"),
        ("transpose_back = [1, 2, 0]", "transpose_back = [2, 0, 1]"),
        ('orientation = "SAR"', 'orientation = "SAL"\norientation = "SAR"'),
        ('orientation = "SAR"', 'orientation = "SIR"'),
        ("order = 3", "order = 6"),
        ("std = 7.9", ""),
        ('name = "CT"', 'name = "PET"'),
        ('"fold_1.onnx" = ', '"fold_2.onnx" = '),
        ('graphs = ["fold_0.onnx", "fold_1.onnx"]', "graphs = []"),
        ('graphs = ["fold_0.onnx", "fold_1.onnx"]', 'graphs = ["../fold_0.onnx"]'),
        ("[files]", '[files]\n"/etc/passwd" = ""'),
        ("[files]", '[files]\n"../../other" = ""'),
        ("[files]", "[files"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(folder, old, new):
    edit(folder, old, new)
    assert reason_of(folder) is Reason.BUNDLE_MALFORMED


def test_a_manifest_of_other_bytes_is_refused(folder):
    (folder / "bundle.toml").write_bytes(b"\xff\xfe\x00")
    assert reason_of(folder) is Reason.BUNDLE_MALFORMED


def test_a_link_out_of_the_bundle_is_refused(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"zero")
    (folder / "fold_0.onnx").unlink()
    (folder / "fold_0.onnx").symlink_to(tmp_path / "secret")
    assert reason_of(folder) is Reason.BUNDLE_MALFORMED


def test_the_refusal_says_what_and_where(folder):
    edit(folder, "patch = [8, 16, 16]", 'patch = [8, "many", 16]')
    with pytest.raises(Refused, match=r"bundle.toml: network.patch.1: "):
        load_bundle(folder)


def test_a_bundle_is_not_completed_without_its_graphs(tmp_path):
    with pytest.raises(Refused) as refused:
        write_bundle(SPECIFICATION, tmp_path)
    assert refused.value.reason is Reason.BUNDLE_FILE_MISSING


def test_writing_again_gives_the_same_bytes(folder):
    before = (folder / "bundle.toml").read_bytes()
    write_bundle(SPECIFICATION, folder)
    assert (folder / "bundle.toml").read_bytes() == before


def test_regions_say_which_value_they_write():
    regions = Labels((Label("whole"), Label("core")), ((1, 2), (2,)), (1, 2))
    assert regions.values == (1, 2)
    assert SPECIFICATION.labels.values == (0, 1)
    with pytest.raises(ValueError, match="region_order"):
        replace(regions, region_order=None)


@pytest.fixture(params=sorted(FILES))
def words_folder(request, tmp_path: Path) -> Path:
    made = tmp_path / "words"
    made.mkdir()
    for name in FILES[request.param]:
        (made / name).write_bytes(name.encode())
    write_bundle(WordsSpecification("words", "3", request.param, licence="Apache-2.0"), made)
    return made


def test_a_bundle_of_words_is_read_again(words_folder):
    bundle = load_bundle(words_folder)
    assert bundle.specification == WordsSpecification("words", "3", bundle.task, licence="Apache-2.0")
    assert set(bundle.digests) == set(FILES[bundle.task])
    assert (bundle.name, bundle.version, bundle.licence, bundle.tracer) == ("words", "3", "Apache-2.0", None)


def test_a_bundle_of_words_labels_no_voxels(words_folder):
    bundle = load_bundle(words_folder)
    for ask in ("channels", "labels", "network", "graphs"):
        with pytest.raises(Refused) as refused:
            getattr(bundle, ask)
        assert refused.value.reason is Reason.BUNDLE_MISPLACED


def test_a_bundle_of_words_is_not_loaded_without_a_file_of_its_task(words_folder):
    missing = FILES[load_bundle(words_folder).task][-1]
    (words_folder / missing).unlink()
    assert reason_of(words_folder) is Reason.BUNDLE_FILE_MISSING
    edit(words_folder, f'"{missing}"', '"other"')
    assert reason_of(words_folder) is Reason.BUNDLE_MALFORMED


def test_a_bundle_of_words_is_not_completed_without_its_files(words_folder):
    specification = load_bundle(words_folder).specification
    (words_folder / specification.files[0]).unlink()
    with pytest.raises(Refused) as refused:
        write_bundle(specification, words_folder)
    assert refused.value.reason is Reason.BUNDLE_FILE_MISSING


@pytest.mark.parametrize("addition", ['tracer = "FDG"', "channels = []", "version = 3", 'task = "lesion-segmentation"'])
def test_a_bundle_of_words_that_claims_anything_else_is_refused(words_folder, addition):
    key = addition.split()[0]
    lines = (words_folder / "bundle.toml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"{key} =")]
    (words_folder / "bundle.toml").write_text("\n".join([addition, *kept]), encoding="utf-8")
    assert reason_of(words_folder) is Reason.BUNDLE_MALFORMED


def test_a_bundle_of_words_and_one_of_voxels_can_not_be_mixed():
    with pytest.raises(ValueError, match="needs channels"):
        WordsSpecification("toy", "1", Task.LESION_SEGMENTATION)
    with pytest.raises(ValueError, match="has no channels"):
        replace(SPECIFICATION, task=Task.CAPTIONING)


def test_the_manifest_of_a_network_of_voxels_has_the_bytes_that_it_always_had(folder):
    digest = hashlib.sha256((folder / "bundle.toml").read_bytes()).hexdigest()
    assert digest == "e03a71d023366a93d2af5cddf5768c286c32e3d52fc460f8dceced25aed9421a"


@given(
    st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False)))
)
def test_any_text_and_number_survives_the_manifest(values):
    values = {key: value for key, value in values.items() if not isinstance(value, int) or abs(value) < 2**63}
    texts = [*values, *(value for value in values.values() if isinstance(value, str))]
    if all(text.isprintable() for text in texts):
        assert tomllib.loads(as_toml({"a": values, "b": [values, values]})) == {"a": values, "b": [values, values]}
