"""Plans: what nnU-Net v2's plans.json and dataset.json say, as a bundle's specification."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from config.reasons import Reason, Refused
from inference.bundles.specification import (
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Order,
    Resampling,
    Specification,
)
from inference.importers.description import Description, channel_names
from inference.importers.documents import wanted

Document = Mapping[str, Any]

_SCHEMES = {
    "ZScoreNormalization": Normalisation.ZSCORE,
    "CTNormalization": Normalisation.CT,
    "NoNormalization": Normalisation.NONE,
    "RescaleTo01Normalization": Normalisation.RESCALE_0_1,
    "RGBTo01Normalization": Normalisation.RGB_0_1,
}
_READERS_AS_STORED = {"SimpleITKIO", "NibabelIO"}
_READER_TO_RAS = "NibabelIOWithReorient"


@dataclass(frozen=True)
class Plan:
    """One configuration of a plan: the network to build and what surrounds it."""

    specification: Specification
    class_name: str
    arguments: Document


def read_plan(
    plans: Document,
    dataset: Document,
    configuration_name: str,
    graphs: tuple[str, ...],
    mirror_axes: tuple[int, ...],
    description: Description,
) -> Plan:
    """A configuration as nnU-Net's inference would run it.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` for 2-D and cascaded configurations and for preprocessing, resampling or label handling of
        other than nnU-Net's own kinds; ``BUNDLE_CHANNELS`` where channels can't be told; ``BUNDLE_MALFORMED``.
    """
    try:
        configuration = _configuration(plans, configuration_name)
        _check_supported(plans, configuration, configuration_name)
        labels = _labels(dataset)
        network = Network(
            graphs=graphs,
            patch=_three(configuration["patch_size"], int),
            spacing_mm=_three(configuration["spacing"], float),
            resample_data=_resampling(configuration, "resampling_fn_data"),
            resample_logits=_resampling(configuration, "resampling_fn_probabilities"),
            mirror_axes=mirror_axes if description.mirroring else (),
            transpose=_three(plans["transpose_forward"], int),
            transpose_back=_three(plans["transpose_backward"], int),
            orientation=description.orientation or _orientation(plans),
        )
        specification = Specification(
            name=description.name or str(plans["dataset_name"]),
            version=description.version or "1",
            task=description.task,
            tracer=description.tracer,
            channels=_channels(plans, dataset, configuration, description),
            labels=labels,
            network=network,
            licence=description.licence or str(dataset.get("licence") or dataset.get("license") or ""),
            training_data=description.training_data or _training_data(plans, dataset),
            intended_use=description.intended_use or "",
        )
        class_name, arguments = _architecture(configuration)
    except KeyError as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"The plan or dataset.json has no {error}.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"The plan or dataset.json is not as nnU-Net's: {error}.") from error
    return Plan(specification, class_name, arguments)


def _configuration(plans: Document, name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """A configuration with what it inherits."""
    found: dict[str, Any] = wanted(plans["configurations"], name, "The plan's configurations")
    parent = found.get("inherits_from")
    if parent is None:
        return dict(found)
    if parent in seen:
        raise ValueError(f"configuration {name} inherits from itself")
    return {**_configuration(plans, parent, (*seen, name)), **found}


def _check_supported(plans: Document, configuration: Document, name: str) -> None:
    if configuration.get("previous_stage") is not None:
        _unsupported(f"{name} is the second stage of a cascade; import a configuration of one stage")
    if len(configuration["patch_size"]) != 3:
        _unsupported(f"{name} has a patch of {len(configuration['patch_size'])} dimensions; 3 are needed")
    if plans.get("label_manager", "LabelManager") != "LabelManager":
        _unsupported(f"label_manager is {plans['label_manager']}")
    if configuration.get("preprocessor_name", "DefaultPreprocessor") != "DefaultPreprocessor":
        _unsupported(f"preprocessor_name is {configuration['preprocessor_name']}")


def _labels(dataset: Document) -> Labels:
    """nnU-Net's LabelManager: regions if any label has several values, otherwise consecutive classes."""
    named = {str(name): _values(value) for name, value in dataset["labels"].items() if name != "ignore"}
    if named.get("background") != (0,):
        raise ValueError("the label 'background' must be 0")
    if any(len(values) > 1 for values in named.values()):
        regions = {name: values for name, values in named.items() if set(values) != {0}}
        order = dataset["regions_class_order"]
        names = tuple(Label(name) for name in regions)
        return Labels(names, tuple(regions.values()), tuple(int(value) for value in order))
    by_value = sorted((values[0], name) for name, values in named.items())
    if [value for value, _ in by_value] != list(range(len(by_value))):
        raise ValueError("labels are not numbered 0, 1, 2, …")
    return Labels(tuple(Label(name) for _, name in by_value))


def _values(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in value) if isinstance(value, list | tuple) else (int(value),)


def _channels(
    plans: Document, dataset: Document, configuration: Document, description: Description
) -> tuple[Channel, ...]:
    found = dataset.get("channel_names") or dataset["modality"]
    own = tuple(str(found[str(index)]) for index in range(len(found)))
    names = channel_names(description.channels, own)
    if names is None:
        raise Refused(
            Reason.BUNDLE_CHANNELS,
            f"dataset.json has the channels {', '.join(own)}; say which of them is PET and which is CT.",
        )
    statistics = plans.get("foreground_intensity_properties_per_channel")
    if statistics is None:
        statistics = plans["foreground_intensity_properties_by_modality"]
    schemes, masks = configuration["normalization_schemes"], configuration["use_mask_for_norm"]
    return tuple(
        _channel(name, str(scheme), bool(mask), statistics.get(str(index), {}))
        for index, (name, scheme, mask) in enumerate(zip(names, schemes, masks, strict=True))
    )


def _channel(name: str, scheme: str, use_mask: bool, statistics: Document) -> Channel:
    if scheme not in _SCHEMES:
        _unsupported(f"normalisation of {name} is {scheme}")
    normalisation = _SCHEMES[scheme]
    if normalisation is not Normalisation.CT:
        return Channel(name, normalisation, use_mask and normalisation is Normalisation.ZSCORE)
    keys = ("mean", "std", "percentile_00_5", "percentile_99_5")
    mean, std, low, high = (float(statistics[key]) for key in keys)
    return Channel(name, normalisation, False, mean, std, low, high)


def _resampling(configuration: Document, key: str) -> Resampling:
    function = configuration.get(key, "resample_data_or_seg_to_shape")
    arguments = dict(configuration[f"{key}_kwargs"])
    separate = arguments.pop("force_separate_z", False if function == "resample_data_or_seg_to_shape" else None)
    if arguments.pop("is_seg", False):
        _unsupported(f"{key} resamples as if it were labels")
    if arguments.pop("separate_z_anisotropy_threshold", 3) != 3:
        _unsupported(f"{key} has a threshold of anisotropy other than 3")
    if function == "resample_data_or_seg_to_shape":
        order, order_z = _order(arguments.pop("order", 3)), _order(arguments.pop("order_z", 0))
        resampling = Resampling(order, order_z, separate)
    elif function == "resample_torch_fornnunet":
        for harmless in ("num_threads", "device", "memefficient_seg_resampling"):
            arguments.pop(harmless, None)
        if (arguments.pop("mode", "linear"), arguments.pop("aniso_axis_mode", "nearest-exact")) != (
            "linear",
            "nearest-exact",
        ):
            _unsupported(f"{key} is not linear")
        resampling = Resampling(1, 0, separate)
    else:
        _unsupported(f"{key} is {function}")
    if arguments:
        _unsupported(f"{key} has the arguments {', '.join(arguments)}")
    return resampling


def _order(value: Any) -> Order:
    for order in get_args(Order):
        if value == order:
            return order  # type: ignore[no-any-return]
    raise ValueError(f"spline order {value!r}")


def _orientation(plans: Document) -> str | None:
    reader = plans.get("image_reader_writer", "SimpleITKIO")
    if reader == _READER_TO_RAS:
        return "SAR"
    if reader not in _READERS_AS_STORED:
        _unsupported(f"image_reader_writer is {reader}")
    return None


def _training_data(plans: Document, dataset: Document) -> str:
    name = str(dataset.get("name") or plans["dataset_name"])
    cases = dataset.get("numTraining")
    return f"{name}, {cases} cases" if cases else name


def _architecture(configuration: Document) -> tuple[str, dict[str, Any]]:
    """The network's name and arguments; plans from before nnU-Net 2.3 hold them apart."""
    if "architecture" in configuration:
        architecture = configuration["architecture"]
        return str(architecture["network_class_name"]), dict(architecture["arch_kwargs"])
    name = str(configuration["UNet_class_name"])
    stages = len(configuration["n_conv_per_stage_encoder"])
    base, most = int(configuration["UNet_base_num_features"]), int(configuration["unet_max_num_features"])
    encoder = "n_blocks_per_stage" if name == "ResidualEncoderUNet" else "n_conv_per_stage"
    arguments = {
        "n_stages": stages,
        "features_per_stage": [min(base * 2**stage, most) for stage in range(stages)],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": configuration["conv_kernel_sizes"],
        "strides": configuration["pool_op_kernel_sizes"],
        encoder: configuration["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return f"dynamic_network_architectures.architectures.unet.{name}", arguments


def _three(values: Any, kind: type[int] | type[float]) -> Any:
    first, second, third = (kind(value) for value in values)
    return first, second, third


def _unsupported(what: str) -> NoReturn:
    raise Refused(Reason.MODEL_UNSUPPORTED, f"{what[0].upper()}{what[1:]}.")
