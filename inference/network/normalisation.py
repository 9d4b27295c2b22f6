"""Normalisation of intensities: the schemes of nnU-Net v2."""

from config.reasons import Reason, Refused
from inference.bundles.specification import Channel, Normalisation
from inference.engines.arrays import Array

_EPSILON = 1e-8


def normalise(values: Array, channel: Channel, mask: Array | None) -> None:
    """Normalise in place, where the values are.

    Parameters
    ----------
    values
        One channel, shape (slices, rows, columns); changed.
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
            for plane in values:
                plane[...] = (plane.clip(channel.percentile_00_5, channel.percentile_99_5) - channel.mean) / max(
                    channel.std, _EPSILON
                )
        case Normalisation.RESCALE_0_1:
            values -= values.min()
            values /= max(float(values.max()), _EPSILON)
        case Normalisation.RGB_0_1:
            least, largest = float(values.min()), float(values.max())
            if least < 0.0 or largest > 255.0:
                found = f"{least:g} to {largest:g}"
                raise Refused(Reason.BUNDLE_CHANNELS, f"{channel.name} has values of {found}, expected 0 to 255.")
            values /= 255.0
        case Normalisation.NONE:
            pass


def _z_score(values: Array, mask: Array | None) -> None:
    chosen = values if mask is None else values[mask]
    if not len(chosen):
        return
    chosen -= chosen.mean()
    chosen /= max(float((chosen * chosen).mean()) ** 0.5, _EPSILON)
    if mask is not None:
        values[mask] = chosen
