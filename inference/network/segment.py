"""Segmentation of a volume by a bundle's network, from volumes on one grid to labels on that grid."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from config.finding import LabelMap
from config.volume import Volume
from inference.bundles.specification import Bundle, Labels
from inference.engines.engine import Engine
from inference.engines.guard import memory_errors
from inference.network.postprocess import LabelRestorer
from inference.network.preprocess import Prepared, prepare
from inference.network.sliding_window import predict
from inference.network.windows import Windowing

BODY_HU = -500.0
BODY_SUV = 0.2
_SURE = 5.0
"""The logit, positive or negative, of a voxel outside the body at which no window looked."""


def segment_volume(
    channels: Mapping[str, Volume],
    bundle: Bundle,
    engines: Sequence[Engine],
    progress: Callable[[str], None] = lambda stage: None,
) -> LabelMap:
    """The bundle's labels on the grid of the volumes.

    What nnU-Net v2's ``nnUNetPredictor`` gives for the same weights, but that windows without a voxel of the body are
    not computed, and that neither logits nor probabilities of the whole volume are ever held.

    Parameters
    ----------
    channels
        By name, all on one grid: ``PET`` in SUVbw, ``CT`` in HU, others as the bundle was trained on them.
    bundle
        Says how volumes are prepared and what the outputs mean.
    engines
        One for each fold, on one device; their logits are averaged. All arithmetic is done there; labels come back.
    progress
        Called with what begins, and how many windows are done.

    Returns
    -------
    LabelMap
        Shape (slices, rows, columns) of the volumes.

    Raises
    ------
    Refused
        BUNDLE_CHANNELS, if a channel is missing or on another grid.
    MemoryError
        If not even one window at a time fits, or the volume itself does not.
    """
    network, arrays = bundle.network, engines[0].arrays
    progress("prepare")
    with memory_errors():
        prepared = prepare(channels, bundle.channels, network, arrays)
        body = find_body(channels)
        if body is not None:
            body = as_prepared(body, prepared)
        restorer = LabelRestorer(prepared, network, bundle.labels, arrays)
        predict(
            prepared.values,
            engines,
            Windowing(network.patch, network.step, network.mirror_axes),
            background_logits(bundle.labels),
            restorer.add,
            body=body,
            progress=lambda done, total: progress(f"window {done} of {total}"),
        )
    return restorer.label_map()


def find_body(channels: Mapping[str, Volume]) -> NDArray[np.bool_] | None:
    """Where a patient may be: tissue on the CT, or uptake; None where neither PET nor CT is given.

    The table counts too: the body is only looked for to leave out windows that hold nothing but air.
    """
    found = None
    for name, least in (("CT", BODY_HU), ("PET", BODY_SUV)):
        if name in channels:
            here = channels[name].values > least
            found = here if found is None else found | here
    return found


def background_logits(labels: Labels) -> list[float]:
    """Logits that mean background: of the classes the first, of regions none."""
    outputs = [-_SURE] * len(labels.names)
    if labels.regions is None:
        outputs[0] = _SURE
    return outputs


def as_prepared(mask: NDArray[np.bool_], prepared: Prepared) -> NDArray[np.bool_]:
    """A mask on the original grid as the network sees it: the nearest voxel of each."""
    cut = prepared.cut(mask)
    nearest = [
        np.minimum((np.arange(size) + 0.5) * (original / size), original - 1).astype(np.intp)
        for size, original in zip(prepared.values.shape[1:], cut.shape, strict=True)
    ]
    return np.asarray(cut[np.ix_(*nearest)])
