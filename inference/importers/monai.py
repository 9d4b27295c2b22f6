"""MONAI: a bundle of the MONAI Model Zoo's form as one of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.reasons import Reason, Refused
from inference.bundles.specification import Bundle, Network, Specification
from inference.bundles.store import load_bundle, write_bundle
from inference.importers.description import Description, channel_names
from inference.importers.documents import read_json, wanted
from inference.importers.folders import new_folder
from inference.importers.monai_config import Configuration, target
from inference.importers.monai_steps import for_channel, read_labels, read_preparation

if TYPE_CHECKING:
    import torch

GRAPH = "model.onnx"
NETWORKS = (
    "AttentionUnet", "BasicUNet", "BasicUNetPlusPlus", "DynUNet", "SegResNet", "SegResNetDS", "SwinUNETR", "UNETR",
    "UNet", "VNet",
)  # fmt: skip

_TRANSPOSED = (2, 1, 0)  # MONAI's arrays count x, y, z


def import_monai(folder: Path, out: Path, description: Description) -> Bundle:
    """Make a bundle of ``configs/metadata.json``, ``configs/inference.json`` and the model in ``models``.

    The model is ``model.onnx``, ``model.pt`` with ``network_def`` naming one of `NETWORKS`, or ``model.ts``, whichever
    comes first. Expressions in the configuration are never evaluated: what depends on them is refused. TorchScript is
    a program in torch's own language; it runs once here, without Python.

    Windows are blended with Gaussian weights, also where the bundle blends them evenly, and logits rather than
    probabilities are brought back to the original grid.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` with what is missing or can't be reproduced; ``BUNDLE_FILE_MISSING``,
        ``BUNDLE_MALFORMED``, ``BUNDLE_CHANNELS``, ``BUNDLE_GRAPH``, ``CHECKPOINT_UNSAFE``; ``ENGINE_UNAVAILABLE``
        without torch. Then ``out`` is not made.
    """
    try:
        from inference.importers import graph
    except ImportError as error:
        raise Refused(Reason.ENGINE_UNAVAILABLE, f"Importing MONAI bundles needs {error.name}.") from error
    metadata = read_json(folder / "configs" / "metadata.json")
    configuration = Configuration(read_json(folder / "configs" / "inference.json"))
    try:
        specification = read_specification(metadata, configuration, description)
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{folder}: {type(error).__name__} {error}.") from error
    channels, outputs = len(specification.channels), len(specification.labels.names)
    with new_folder(out) as part:
        path = part / GRAPH
        models = folder / "models"
        if (models / GRAPH).is_file():
            graph.finish_graph(models / GRAPH, path, channels, outputs, specification.network.patch)
        else:
            network = _network(models, configuration)
            graph.export_graph(network, path, channels, outputs, specification.network.patch)
        write_bundle(specification, part)
    return load_bundle(out)


def read_specification(metadata: Mapping[str, Any], config: Configuration, description: Description) -> Specification:
    """What a bundle's two documents say; see `import_monai`."""
    data = wanted(metadata, "network_data_format", "metadata.json")
    image = wanted(wanted(data, "inputs", "network_data_format"), "image", "network_data_format.inputs")
    prediction = wanted(wanted(data, "outputs", "network_data_format"), "pred", "network_data_format.outputs")
    names = _channels(image, description)
    preparation = read_preparation(config)
    patch, step = _windows(config, image)
    return Specification(
        name=description.name or str(wanted(metadata, "name", "metadata.json")),
        version=description.version or str(wanted(metadata, "version", "metadata.json")),
        task=description.task,
        tracer=description.tracer,
        channels=tuple(for_channel(preparation.scheme, name) for name in names),
        labels=read_labels(config, _in_order(wanted(prediction, "channel_def", "outputs.pred"))),
        network=Network(
            graphs=(GRAPH,),
            patch=patch,
            spacing_mm=preparation.spacing_mm,
            resample_data=preparation.resampling,
            resample_logits=preparation.resampling,
            step=step,
            transpose=_TRANSPOSED,
            transpose_back=_TRANSPOSED,
            orientation=description.orientation or preparation.orientation,
            crop_to_nonzero=False,
            normalise=preparation.normalise,
        ),
        licence=description.licence or str(metadata.get("license") or metadata.get("copyright") or ""),
        training_data=description.training_data or str(metadata.get("data_source") or ""),
        intended_use=description.intended_use or str(metadata.get("intended_use") or metadata.get("task") or ""),
    )


def _channels(image: Mapping[str, Any], description: Description) -> tuple[str, ...]:
    own = _in_order(wanted(image, "channel_def", "inputs.image"))
    if len(own) != int(image.get("num_channels", len(own))):
        raise Refused(Reason.BUNDLE_CHANNELS, f"{image['num_channels']} channels, of which {len(own)} are defined.")
    modality = str(image.get("modality", ""))
    names = channel_names(description.channels, own) or channel_names(None, (modality,) if len(own) == 1 else own)
    if names is None:
        found = f"{', '.join(own)} of modality {modality or 'unknown'}"
        raise Refused(Reason.BUNDLE_CHANNELS, f"The inputs are {found}; say which of them is PET and which is CT.")
    return names


def _in_order(definition: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(definition[str(index)]) for index in range(len(definition)))


def _windows(config: Configuration, image: Mapping[str, Any]) -> tuple[tuple[int, int, int], float]:
    inferer = config.component("inferer")
    if inferer is None or target(inferer) not in ("SlidingWindowInferer", "SlidingWindowInfererAdapt"):
        raise Refused(Reason.MODEL_UNSUPPORTED, "The inferer is not a SlidingWindowInferer: its windows are not known.")
    size = config.value(inferer.get("roi_size", image.get("spatial_shape")), "inferer.roi_size")
    if not isinstance(size, list) or len(size) != 3 or not all(isinstance(each, int) and each > 0 for each in size):
        raise Refused(Reason.MODEL_UNSUPPORTED, f"The windows' size is {size!r}; three numbers are needed.")
    overlap = config.value(inferer.get("overlap", 0.25), "inferer.overlap")
    if not isinstance(overlap, int | float):
        raise Refused(Reason.MODEL_UNSUPPORTED, f"The windows' overlap is {overlap!r}; one number is needed.")
    return (size[0], size[1], size[2]), 1.0 - float(overlap)


def _network(models: Path, config: Configuration) -> "torch.nn.Module":
    import torch

    if (models / "model.pt").is_file():
        definition = config.component("network_def")
        if definition is None or target(definition) not in NETWORKS:
            found = "nothing" if definition is None else definition["_target_"]
            known = ", ".join(NETWORKS)
            raise Refused(Reason.MODEL_UNSUPPORTED, f"network_def names {found}; networks are built from {known}.")
        return _built(definition, models / "model.pt", config)
    if (models / "model.ts").is_file():
        try:
            script: torch.nn.Module = torch.jit.load(str(models / "model.ts"), map_location="cpu")
        except (RuntimeError, ValueError) as error:
            raise Refused(Reason.BUNDLE_MALFORMED, f"{models / 'model.ts'} is not TorchScript: {error}.") from error
        return script
    raise Refused(Reason.BUNDLE_FILE_MISSING, f"{models} has neither {GRAPH}, nor model.pt, nor model.ts.")


def _built(definition: Mapping[str, Any], path: Path, config: Configuration) -> "torch.nn.Module":
    try:
        from monai.networks import nets
    except ImportError as error:
        raise Refused(Reason.ENGINE_UNAVAILABLE, "A MONAI network of weights alone needs monai.") from error
    from inference.importers.checkpoint import load_checkpoint, load_weights

    arguments = {key: value for key, value in definition.items() if not key.startswith("_")}
    try:
        network: torch.nn.Module = getattr(nets, target(definition))(**config.value(arguments, "network_def"))
    except (TypeError, ValueError, AssertionError, KeyError, RuntimeError, NotImplementedError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"network_def can't be built: {error}.") from error
    content = load_checkpoint(path)
    nested = next(
        (content[key] for key in ("model", "state_dict", "network") if isinstance(content.get(key), dict)), None
    )
    load_weights(network, content if nested is None else nested, path)
    return network
