"""Bundles with which a node does not start: it says which setting names which bundle, and what is wrong with it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13
import pytest

from config.reasons import Reason
from inference.bundles.specification import Channel, Normalisation, Task
from inference.bundles.store import read_manifest, write_bundle


def spoil_weights(folder: Path) -> None:
    (folder / "fold_0.bin").write_bytes(b"spoilt")


def remove_graph(folder: Path) -> None:
    (folder / "fold_0.xml").unlink()


def name_unknown_task(folder: Path) -> None:
    manifest = folder / "bundle.toml"
    manifest.write_text(manifest.read_text().replace("lesion-segmentation", "palm-reading"))


def name_other_task(folder: Path) -> None:
    write_bundle(replace(read_manifest(folder).specification, task=Task.ORGAN_SEGMENTATION), folder)


def claim_one_channel(folder: Path) -> None:
    alone = (Channel("PET", Normalisation.NONE),)
    write_bundle(replace(read_manifest(folder).specification, channels=alone), folder)


def read_another_modality(folder: Path) -> None:
    other = (Channel("PET", Normalisation.NONE), Channel("MR", Normalisation.NONE))
    write_bundle(replace(read_manifest(folder).specification, channels=other), folder)


def put_letter_for_graph(folder: Path) -> None:
    (folder / "fold_0.xml").write_text("Dear colleague")
    write_bundle(read_manifest(folder).specification, folder)


def make_output_dynamic(folder: Path) -> None:
    """A graph whose output is as long as there are values other than 0."""
    specification = read_manifest(folder).specification
    image = openvino.opset13.parameter([1, 2, *specification.network.patch], np.float32)
    places = openvino.opset13.non_zero(image, output_type="i32")
    openvino.save_model(openvino.Model([places], [image]), folder / "fold_0.xml")
    write_bundle(specification, folder)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_weights, Reason.BUNDLE_DIGEST),
        (remove_graph, Reason.BUNDLE_FILE_MISSING),
        (name_unknown_task, Reason.BUNDLE_UNKNOWN_TASK),
        (name_other_task, Reason.BUNDLE_MISPLACED),
        (claim_one_channel, Reason.BUNDLE_GRAPH),
        (read_another_modality, Reason.BUNDLE_CHANNELS),
        (put_letter_for_graph, Reason.BUNDLE_GRAPH),
        (make_output_dynamic, Reason.BUNDLE_GRAPH),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_node_does_not_start_with_a_bundle_that_it_can_not_load(
    make_bundle: Callable[..., Path], tmp_path: Path, spoil: Callable[[Path], None], reason: Reason
) -> None:
    spoil(make_bundle(tmp_path / "models" / "toy"))
    settings = tmp_path / "uptake.toml"
    settings.write_text(
        f'[listener]\nport = 11999\n[spool]\nfolder = "{tmp_path}/spool"\n'
        f'[models]\nfolder = "{tmp_path}/models"\nlesion_segmentation = {{ FDG = "toy" }}\n'
    )
    command = [sys.executable, "-m", "node", "serve", "--config", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"{reason}: models.lesion_segmentation.FDG = toy: " in done.stderr
