"""What runs in the peers' environment: makes an nnU-Net result folder, predicts with nnU-Net and with MONAI.

``nnunet_peer.py make FOLDER STEPS``, ``import FOLDER BUNDLE``, ``nnunet|monai FOLDER CASE MASK``. Imports nothing of
ours but for ``import``. The last two print one line of JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SPACING_MM = [3.0, 2.0, 2.0]
PATCH = [96, 96, 96]
FEATURES = [32, 64, 128, 256, 320]
CT = {"mean": 40.0, "std": 250.0, "percentile_00_5": -950.0, "percentile_99_5": 1100.0}
PET = {"mean": 3.0, "std": 4.0, "percentile_00_5": 0.5, "percentile_99_5": 25.0}
TRAINING_PATCH = 48


def main() -> None:
    task, folder = sys.argv[1], Path(sys.argv[2])
    match task:
        case "make":
            make(folder, int(sys.argv[3]))
        case "import":
            import_bundle(folder, Path(sys.argv[3]))
        case "nnunet" | "monai":
            run = {"nnunet": predict_nnunet, "monai": predict_monai}[task]
            load_s, predict_s, cpu_s, mask = run(folder, Path(sys.argv[3]))
            np.save(sys.argv[4], mask.astype(np.uint8))
            peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found = {"load_s": load_s, "predict_s": predict_s, "cpu_s": cpu_s, "peak_mib": peak_mib}
            print(json.dumps(found))


def plans() -> dict[str, Any]:
    stages = len(FEATURES)
    resampling = "resample_data_or_seg_to_shape"
    separately = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": FEATURES,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * stages,
            "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
            "n_conv_per_stage": [2] * stages,
            "n_conv_per_stage_decoder": [2] * (stages - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": PATCH,
        "median_image_size_in_voxels": [300, 200, 200],
        "spacing": SPACING_MM,
        "normalization_schemes": ["CTNormalization", "ZScoreNormalization"],
        "use_mask_for_norm": [False, False],
        "resampling_fn_data": resampling,
        "resampling_fn_seg": resampling,
        "resampling_fn_probabilities": resampling,
        "resampling_fn_data_kwargs": {**separately, "order": 3},
        "resampling_fn_seg_kwargs": {**separately, "is_seg": True, "order": 1},
        "resampling_fn_probabilities_kwargs": {**separately, "order": 1},
        "architecture": architecture,
        "batch_dice": True,
    }
    return {
        "dataset_name": "Dataset900_Bench",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": SPACING_MM,
        "original_median_shape_after_transp": [300, 200, 200],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": CT, "1": PET},
        "configurations": {"3d_fullres": configuration},
    }


def dataset() -> dict[str, Any]:
    return {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }


def make(folder: Path, steps: int) -> None:
    """A result folder whose one fold was trained for so many steps on ``train.npy``; 0: random weights."""
    import torch

    torch.manual_seed(0)
    network = build_network()
    if steps:
        train(network, np.load(folder.parent / "train.npy"), np.load(folder.parent / "truth.npy"), steps)
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans()))
    (folder / "dataset.json").write_text(json.dumps(dataset()))
    content = {
        "network_weights": network.state_dict(),
        "init_args": {"plans": plans(), "configuration": "3d_fullres", "fold": 0, "dataset_json": dataset()},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(content, folder / "fold_0" / "checkpoint_final.pth")


def build_network() -> Any:
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    chosen = plans()["configurations"]["3d_fullres"]["architecture"]
    names = (chosen["network_class_name"], chosen["arch_kwargs"], chosen["_kw_requires_import"])
    return get_network_from_plans(*names, 2, 2, deep_supervision=False)


def train(network: Any, image: np.ndarray, truth: np.ndarray, steps: int) -> None:
    """Cross-entropy and soft Dice on patches around hot tissue: enough that the network means something."""
    import torch

    random = np.random.default_rng(0)
    values = normalised(image)
    hot = np.argwhere(truth)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    shape = np.array(truth.shape)
    for step in range(steps):
        centre = hot[random.integers(len(hot))] if step % 4 else random.integers(shape)
        start = np.clip(centre - random.integers(TRAINING_PATCH, size=3), 0, shape - TRAINING_PATCH)
        part = tuple(slice(int(low), int(low) + TRAINING_PATCH) for low in start)
        wanted = torch.from_numpy(truth[part].astype(np.int64))[None]
        logits = network(torch.from_numpy(np.ascontiguousarray(values[(slice(None), *part)]))[None])
        lesion = logits.softmax(dim=1)[:, 1]
        overlap = (2 * (lesion * wanted).sum() + 1) / (lesion.sum() + wanted.sum() + 1)
        loss = torch.nn.functional.cross_entropy(logits, wanted) + 1 - overlap
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        print(f"step {step}: {float(loss.detach()):.3f}", file=sys.stderr)


def normalised(image: np.ndarray) -> np.ndarray:
    ct = (np.clip(image[0], CT["percentile_00_5"], CT["percentile_99_5"]) - CT["mean"]) / CT["std"]
    return np.stack([ct, (image[1] - image[1].mean()) / image[1].std()]).astype(np.float32)


def import_bundle(folder: Path, bundle: Path) -> None:
    """The result folder as our bundle."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from inference.bundles.specification import Task
    from inference.importers.description import Description
    from inference.importers.nnunet import import_nnunet

    import_nnunet(folder, bundle, Description(Task.LESION_SEGMENTATION, name="bench", version="1"))


def predict_nnunet(folder: Path, case: Path) -> tuple[float, float, float, np.ndarray]:
    """nnUNetPredictor as its documentation has it for arrays; mirroring off, as in the bundle."""
    image, properties = read_case(case)
    begin = time.perf_counter()
    predictor = load_predictor(folder)
    loaded, cpu = time.perf_counter(), time.process_time()
    mask = predictor.predict_single_npy_array(image, properties, None, None, False)
    return loaded - begin, time.perf_counter() - loaded, time.process_time() - cpu, mask


def predict_monai(folder: Path, case: Path) -> tuple[float, float, float, np.ndarray]:
    """MONAI's sliding window alone, on what nnU-Net's preprocessing gives, which is not timed; mask on that grid."""
    import torch
    from monai.inferers.utils import sliding_window_inference

    image, properties = read_case(case)
    begin = time.perf_counter()
    predictor = load_predictor(folder)
    load_s = time.perf_counter() - begin
    managers = (predictor.plans_manager, predictor.configuration_manager, predictor.dataset_json)
    preprocessor = predictor.configuration_manager.preprocessor_class(verbose=False)
    values, _, _ = preprocessor.run_case_npy(image, None, properties, *managers)
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    begin, cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        placed = torch.as_tensor(values)[None]
        logits = sliding_window_inference(placed, PATCH, 1, predictor.network.eval(), overlap=0.5, mode="gaussian")
        mask = logits.argmax(dim=1)[0].numpy()
    return load_s, time.perf_counter() - begin, time.process_time() - cpu, mask


def read_case(case: Path) -> tuple[np.ndarray, dict[str, Any]]:
    return np.load(case / "image.npy"), {"spacing": np.load(case / "spacing.npy").tolist()}


def load_predictor(folder: Path) -> Any:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        tile_step_size=0.5,
        use_gaussian=True,
        use_mirroring=False,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        verbose=False,
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=(0,), checkpoint_name="checkpoint_final.pth")
    return predictor


if __name__ == "__main__":
    main()
