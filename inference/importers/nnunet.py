"""nnU-Net: a result folder of nnU-Net v2 as a bundle that runs without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.reasons import Reason, Refused
from inference.bundles.specification import Bundle
from inference.bundles.store import load_bundle, write_bundle
from inference.importers.description import Description
from inference.importers.documents import read_json, wanted
from inference.importers.folders import new_folder
from inference.importers.plans import read_plan


@dataclass(frozen=True, slots=True)
class Folds:
    """Which folds are the ensemble, None for all there are, and which of their checkpoints."""

    names: tuple[str, ...] | None = None
    checkpoint: str = "checkpoint_final.pth"


def import_nnunet(folder: Path, out: Path, description: Description, folds: Folds = Folds()) -> Bundle:
    """Make a bundle, one graph a fold, of ``plans.json``, ``dataset.json`` and ``fold_*/checkpoint_final.pth``.

    3-D configurations of one stage with PlainConvUNet or ResidualEncoderUNet. Checkpoints are not trusted: they are
    opened without running what they hold, and a plan's classes are taken from a list, never imported by name.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING``, ``BUNDLE_MALFORMED``, ``BUNDLE_CHANNELS``, ``BUNDLE_GRAPH``, ``CHECKPOINT_UNSAFE``,
        ``MODEL_UNSUPPORTED``; ``ENGINE_UNAVAILABLE`` without torch. Then ``out`` is not made.
    """
    try:
        from inference.importers import architecture, checkpoint, graph
    except ImportError as error:
        raise Refused(Reason.ENGINE_UNAVAILABLE, f"Importing nnU-Net models needs {error.name}.") from error
    plans, dataset = read_json(folder / "plans.json"), read_json(folder / "dataset.json")
    chosen = _chosen(folder, folds)
    graphs = tuple(f"{path.parent.name}.onnx" for path in chosen)
    plan = None
    with new_folder(out) as part:
        for path, name in zip(chosen, graphs, strict=True):
            content = checkpoint.load_checkpoint(path)
            configuration, mirror_axes = _training(content, path)
            found = read_plan(plans, dataset, configuration, graphs, mirror_axes, description)
            if plan not in (None, found):
                raise Refused(Reason.BUNDLE_MALFORMED, f"{path} was trained otherwise than {chosen[0]}.")
            plan = found
            specification = plan.specification
            channels, outputs = len(specification.channels), len(specification.labels.names)
            network = architecture.build_network(plan.class_name, plan.arguments, channels, outputs)
            checkpoint.load_weights(network, wanted(content, "network_weights", str(path)), path)
            graph.export_graph(network, part / name, channels, outputs, specification.network.patch)
        assert plan is not None
        write_bundle(plan.specification, part)
    return load_bundle(out)


def _chosen(folder: Path, folds: Folds) -> list[Path]:
    """The checkpoints; like nnU-Net, without being told all folds but ``fold_all``, or that if it is alone."""
    if folds.names is not None:
        return [folder / f"fold_{name}" / folds.checkpoint for name in folds.names]
    found = sorted(folder.glob(f"fold_*/{folds.checkpoint}"))
    numbered = [path for path in found if path.parent.name != "fold_all"]
    if not found:
        raise Refused(Reason.BUNDLE_FILE_MISSING, f"{folder} has no fold_*/{folds.checkpoint}.")
    return numbered or found


def _training(content: dict[str, Any], path: Path) -> tuple[str, tuple[int, ...]]:
    """The configuration that a checkpoint was trained with, and the axes that may be mirrored."""
    arguments = wanted(content, "init_args", str(path))
    if not isinstance(arguments, dict) or not isinstance(arguments.get("configuration"), str):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} does not say which configuration it is of.")
    axes = content.get("inference_allowed_mirroring_axes") or ()
    if not all(isinstance(axis, int) and 0 <= axis < 3 for axis in axes):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} allows mirroring along {axes!r}; axes are 0, 1 and 2.")
    return arguments["configuration"], tuple(axes)
