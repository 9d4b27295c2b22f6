"""MONAI's transforms, as far as a bundle can say what they do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from config.reasons import Reason, Refused
from inference.bundles.specification import Alignment, Channel, Label, Labels, Normalisation, Order, Resampling, When
from inference.importers.monai_config import Configuration, target

_WITHOUT_EFFECT = {
    "LoadImaged", "LoadImageD", "EnsureChannelFirstd", "EnsureTyped", "EnsureTypeD", "ToTensord", "CastToTyped",
    "SaveImaged", "DeleteItemsd", "Invertd", "ToDeviced",
}  # fmt: skip
_UNBOUNDED = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Preparation:
    """What happens to volumes before the network sees them.

    ``orientation`` counts (slice, row, column), the reverse of MONAI's; None takes volumes as they are.
    """

    spacing_mm: tuple[float, float, float]
    resampling: Resampling
    orientation: str | None
    normalise: When
    scheme: Channel


def read_preparation(configuration: Configuration) -> Preparation:
    """The ``preprocessing`` of a bundle.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` with the name of a transform that can't be reproduced, or what is missing.
    """
    steps = configuration.transforms("preprocessing")
    if steps is None:
        _unsupported("inference.json has no preprocessing: spacing and normalisation are not known")
    orientation, spacing, scheme, when = None, None, None, When.AFTER_RESAMPLING
    for step in steps:
        name = target(step)
        arguments = {key: value for key, value in step.items() if not key.startswith("_") and key != "keys"}
        if name in _WITHOUT_EFFECT:
            continue
        arguments = configuration.value(arguments, name)
        if name in ("Orientationd", "OrientationD") and spacing is None:
            orientation = str(arguments.get("axcodes", "RAS"))[::-1]
        elif name in ("Spacingd", "SpacingD") and spacing is None:
            spacing = _spacing(arguments)
            if scheme is not None:
                when = When.BEFORE_RESAMPLING
        elif name in _SCHEMES and scheme is None:
            scheme = _SCHEMES[name](arguments)
        else:
            _unsupported(f"preprocessing has {name}{' twice or out of order' if name in _KNOWN else ''}")
    if spacing is None:
        _unsupported("preprocessing has no Spacingd: the spacing that the network was trained at is not known")
    return Preparation(*spacing, orientation, when, scheme or Channel("", Normalisation.NONE))


def read_labels(configuration: Configuration, names: tuple[str, ...]) -> Labels:
    """What the outputs stand for: classes after a softmax or argmax, regions after a sigmoid.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` if ``postprocessing`` does not say which.
    """
    classes = regions = False
    for step in configuration.transforms("postprocessing") or ():
        name = target(step)
        if name in _WITHOUT_EFFECT:
            continue
        arguments = configuration.value({key: step[key] for key in step if not key.startswith("_")}, name)
        if name in ("Activationsd", "ActivationsD"):
            classes |= _is_set(arguments.get("softmax"))
            regions |= _is_set(arguments.get("sigmoid"))
        elif name in ("AsDiscreted", "AsDiscreteD"):
            classes |= _is_set(arguments.get("argmax"))
            threshold = arguments.get("threshold")
            if threshold is not None and threshold != 0.5:
                _unsupported(f"postprocessing has a threshold of {threshold}; 0.5 is what can be reproduced")
        else:
            _unsupported(f"postprocessing has {name}")
    if classes == regions:
        _unsupported("postprocessing does not say whether outputs are classes (softmax) or regions (sigmoid)")
    if classes:
        return Labels(tuple(Label(name) for name in names))
    values = tuple(range(1, len(names) + 1))
    return Labels(tuple(Label(name) for name in names), tuple((value,) for value in values), values)


def for_channel(scheme: Channel, name: str) -> Channel:
    return replace(scheme, name=name)


def _spacing(arguments: Mapping[str, Any]) -> tuple[tuple[float, float, float], Resampling]:
    pixdim = arguments.get("pixdim")
    if not isinstance(pixdim, list) or len(pixdim) != 3 or not all(isinstance(each, int | float) for each in pixdim):
        _unsupported(f"Spacingd has pixdim {pixdim!r}; three numbers are needed")
    mode = arguments.get("mode", "bilinear")
    mode = mode[0] if isinstance(mode, list) else mode
    orders: dict[object, Order] = {"bilinear": 1, "nearest": 0, 1: 1, 0: 0}
    if mode not in orders or arguments.get("align_corners") or arguments.get("padding_mode", "border") != "border":
        _unsupported(f"Spacingd interpolates by {mode!r} with {', '.join(arguments)}; bilinear to the border is known")
    if arguments.get("scale_extent"):
        _unsupported("Spacingd scales the extent")
    first, second, third = (float(each) for each in pixdim)
    return (first, second, third), Resampling(orders[mode], separate_z=False, alignment=Alignment.FIRST_VOXEL)


def _scale_range(arguments: Mapping[str, Any]) -> Channel:
    low, high = float(arguments["a_min"]), float(arguments["a_max"])
    onto_low, onto_high = arguments.get("b_min"), arguments.get("b_max")
    onto_low, onto_high = (0.0 if onto_low is None else onto_low), (1.0 if onto_high is None else onto_high)
    std = (high - low) / (onto_high - onto_low)
    clip = bool(arguments.get("clip", False))
    limits = (min(low, high), max(low, high)) if clip else (-_UNBOUNDED, _UNBOUNDED)
    return Channel("", Normalisation.CT, False, low - onto_low * std, std, *limits)


def _normalize(arguments: Mapping[str, Any]) -> Channel:
    subtrahend, divisor = arguments.get("subtrahend"), arguments.get("divisor")
    nonzero = bool(arguments.get("nonzero", False))
    if subtrahend is None and divisor is None:
        if not arguments.get("channel_wise", False):
            _unsupported("NormalizeIntensityd is not channel_wise")
        return Channel("", Normalisation.ZSCORE, nonzero)
    if nonzero or not isinstance(subtrahend, int | float) or not isinstance(divisor, int | float):
        _unsupported("NormalizeIntensityd is neither a z-score nor one subtrahend and one divisor")
    return Channel("", Normalisation.CT, False, float(subtrahend), float(divisor), -_UNBOUNDED, _UNBOUNDED)


def _scale(arguments: Mapping[str, Any]) -> Channel:
    if arguments.get("minv", 0.0) != 0.0 or arguments.get("maxv", 1.0) != 1.0 or arguments.get("factor") is not None:
        _unsupported("ScaleIntensityd scales to other than 0 and 1")
    if not arguments.get("channel_wise", False):
        _unsupported("ScaleIntensityd is not channel_wise")
    return Channel("", Normalisation.RESCALE_0_1)


_SCHEMES = {
    "ScaleIntensityRanged": _scale_range,
    "ScaleIntensityRangeD": _scale_range,
    "NormalizeIntensityd": _normalize,
    "NormalizeIntensityD": _normalize,
    "ScaleIntensityd": _scale,
    "ScaleIntensityD": _scale,
}
_KNOWN = {"Orientationd", "OrientationD", "Spacingd", "SpacingD", *_SCHEMES}


def _is_set(value: object) -> bool:
    return bool(value[0] if isinstance(value, list) and value else value)


def _unsupported(what: str) -> NoReturn:
    raise Refused(Reason.MODEL_UNSUPPORTED, f"{what[0].upper()}{what[1:]}.")
