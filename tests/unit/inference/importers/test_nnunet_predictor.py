"""An imported bundle segments as nnU-Net's own predictor does with the same weights.

nnU-Net sums windows in float16, in which the weights at a volume's corners vanish; its sums are widened to float32.
"""

import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.bundles.specification import Task
from inference.engines.engine import Precision
from inference.engines.load import load_engine
from inference.engines.selection import EngineKind
from inference.importers.description import Description
from inference.importers.nnunet import import_nnunet
from inference.network.segment import segment_volume

torch = pytest.importorskip("torch", reason="needs torch")
prediction = pytest.importorskip("nnunetv2.inference.predict_from_raw_data", reason="needs nnunetv2")

SPACING = (3.0, 2.0, 2.5)


def channel(values, unit):
    affine = np.zeros((4, 4))
    affine[[2, 1, 0], [0, 1, 2]] = SPACING
    affine[3, 3] = 1.0
    return Volume(values, affine, unit)


def predictor_of(folder, mirroring):
    predictor = prediction.nnUNetPredictor(
        use_mirroring=mirroring, perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(folder), None)
    return predictor


@pytest.mark.parametrize(
    ("configuration", "mirroring", "folds", "regions"),
    [
        ("3d_fullres", False, 1, False),
        ("3d_fullres", True, 2, False),
        ("3d_lowres", False, 1, False),
        ("3d_fullres", False, 1, True),
    ],
)
def test_the_masks_agree(write_folder, plans, dataset, tmp_path, monkeypatch, configuration, mirroring, folds, regions):
    if regions:
        dataset["labels"] = {"background": 0, "whole": [1, 2], "core": 2}
        dataset["regions_class_order"] = [1, 2]
    folder = write_folder(plans, dataset, configuration, folds, outputs=2)
    shape = (15, 26, 23)
    coarse = np.random.default_rng(3).normal(size=(2, 5, 9, 8))
    blocks = np.kron(coarse, np.ones((1, 3, 3, 3)))[:, : shape[0], : shape[1], : shape[2]]
    values = (blocks * np.reshape([300.0, 5.0], (2, 1, 1, 1))).astype(np.float32)
    values[:, :2] = 0.0
    values[:, :, :4] = 0.0
    predictor = predictor_of(folder, mirroring)
    with monkeypatch.context() as widened:
        widened.setattr(torch, "half", torch.float32)
        expected = predictor.predict_single_npy_array(values, {"spacing": list(SPACING)}, None, None, False)
    description = Description(Task.LESION_SEGMENTATION, mirroring=mirroring)
    bundle = import_nnunet(folder, tmp_path / "bundle", description)
    volumes = {"CT": channel(values[0], Unit.HOUNSFIELD), "PET": channel(values[1], Unit.SUVBW)}
    engines = load_engine(bundle, EngineKind.OPENVINO, precision=Precision.FP32, cache=None)
    found = segment_volume(volumes, bundle, engines)
    assert len(np.unique(expected)) > 1
    assert np.count_nonzero(found != expected) <= 2e-4 * found.size
