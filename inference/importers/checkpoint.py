"""Checkpoints: torch files of unknown origin, opened without running what they hold."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from config.reasons import Reason, Refused

_NUMPY = (
    "dtype",
    "ndarray",
    "core.multiarray.scalar",
    "core.multiarray._reconstruct",
    "_core.multiarray.scalar",
    "_core.multiarray._reconstruct",
)


class _LeftOut:
    """Stands for NumPy's numbers and arrays, of which trainers keep their logs; nothing of them is read."""

    def __init__(self, *parts: object) -> None:
        del parts

    def __setstate__(self, state: object) -> None:
        del state


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What a torch file holds: tensors, numbers, texts and containers of these; NumPy's values are left out.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING``; ``CHECKPOINT_UNSAFE`` if the pickle names anything else, which would run code;
        ``BUNDLE_MALFORMED`` if it can't be read.
    """
    if not path.is_file():
        raise Refused(Reason.BUNDLE_FILE_MISSING, f"{path} does not exist.")
    try:
        with torch.serialization.safe_globals([(_LeftOut, f"numpy.{name}") for name in _NUMPY]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Refused(Reason.CHECKPOINT_UNSAFE, f"{path}: {_named(str(error))}.") from error
    except (OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} can't be read as a torch file: {error}.") from error
    if not isinstance(content, dict):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} holds a {type(content).__name__}, expected a dictionary.")
    return content


def load_weights(network: torch.nn.Module, weights: object, path: Path) -> None:
    """Put a state dict into a network; wrappers of parallel or compiled training are stripped from its names.

    Raises
    ------
    Refused
        ``BUNDLE_MALFORMED`` if it is no state dict; ``MODEL_UNSUPPORTED`` if it is that of another network.
    """
    if not isinstance(weights, Mapping) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} holds no state dict where one is expected.")
    plain = {str(name).removeprefix("module.").removeprefix("_orig_mod."): value for name, value in weights.items()}
    try:
        network.load_state_dict(plain)
    except RuntimeError as error:
        lines = str(error).splitlines()
        found = "; ".join(line.strip() for line in lines[1:3])
        raise Refused(Reason.MODEL_UNSUPPORTED, f"{path} is not of the network described: {found}.") from error


def _named(message: str) -> str:
    """What of the message says which part was not allowed."""
    for line in message.splitlines():
        _, found, rest = line.partition("GLOBAL ")
        if found:
            return f"it names {rest.split()[0]}"
    return message.splitlines()[0] if message else "not a pickle of numbers"
