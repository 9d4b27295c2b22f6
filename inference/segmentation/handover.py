"""Hand-over: the basins of what is no candidate go to the candidate beside them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hand_over(
    touching: NDArray[np.int64],
    values: Sequence[NDArray[np.float32]],
    thresholds: NDArray[np.float64],
    sizes: NDArray[np.int64],
) -> NDArray[np.int64]:
    """For each basin the one that owns it from now on: itself, or the candidate that it is handed to.

    A basin without a candidate goes to the candidate over its highest saddle, so that the watershed between them does
    not cut the candidate short. It stays apart if it is hotter than that candidate, or if more of it lies at or above
    the candidate's threshold than the candidate has voxels: then it is tissue of its own that the candidate lies
    against.

    Parameters
    ----------
    touching
        Pairs of basins, shape (pairs, 2), from the highest saddle between them to the lowest.
    values
        The SUV of each basin's voxels, ascending.
    thresholds
        The threshold of each basin's candidate, SUV.
    sizes
        The number of voxels of each basin's candidate; 0 if it has none.
    """
    owners = np.arange(len(values), dtype=np.int64)
    settled = sizes > 0
    for pair in touching.tolist():
        for given, keeper in (pair, pair[::-1]):
            if settled[given] or not sizes[keeper]:
                continue
            settled[given] = True
            cooler = values[given][-1] <= values[keeper][-1]
            added = len(values[given]) - int(np.searchsorted(values[given], thresholds[keeper]))
            if cooler and added <= sizes[keeper]:
                owners[given] = keeper
    return owners
