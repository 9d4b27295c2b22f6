"""Normalisation of intensities: the schemes of nnU-Net v2."""

import numpy as np
from numpy.typing import NDArray

from config.reasons import Reason, Refused
from config.volume import FloatArray
from inference.bundles.specification import Channel, Normalisation

_EPSILON = 1e-8


def normalise(values: FloatArray, channel: Channel, mask: NDArray[np.bool_] | None) -> FloatArray:
    """Normalise in place.

    Parameters
    ----------
    values
        One channel, any shape; changed.
    channel
        The scheme, and the training set's statistics.
    mask
        What is not zero, for channels with ``use_mask``; outside it z-scores leave the values as they are.

    Raises
    ------
    Refused
        ``BUNDLE_CHANNELS`` if scheme RGB_0_1 is given values outside 0 to 255.
    """
    match channel.normalisation:
        case Normalisation.ZSCORE:
            _z_score(values, mask if channel.use_mask else None)
        case Normalisation.CT:
            assert channel.mean is not None
            assert channel.std is not None
            np.clip(values, channel.percentile_00_5, channel.percentile_99_5, out=values)
            values -= np.float32(channel.mean)
            values /= np.float32(max(channel.std, _EPSILON))
        case Normalisation.RESCALE_0_1:
            values -= values.min()
            values /= max(values.max(), np.float32(_EPSILON))
        case Normalisation.RGB_0_1:
            if values.min() < 0.0 or values.max() > 255.0:
                found = f"{values.min():g} to {values.max():g}"
                raise Refused(Reason.BUNDLE_CHANNELS, f"{channel.name} has values of {found}, expected 0 to 255.")
            values /= np.float32(255.0)
        case Normalisation.NONE:
            pass
    return values


def _z_score(values: FloatArray, mask: NDArray[np.bool_] | None) -> None:
    chosen = values if mask is None else values[mask]
    if not chosen.size:
        return
    mean, deviation = chosen.mean(), max(chosen.std(), np.float32(_EPSILON))
    if mask is None:
        values -= mean
        values /= deviation
    else:
        values[mask] = (chosen - mean) / deviation
