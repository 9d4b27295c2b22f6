"""Connected components of masks; neighbours touch by face, edge or corner (26)."""

import cc3d
import numpy as np
from numpy.typing import NDArray


def component_at(mask: NDArray[np.bool_], voxel: tuple[int, int, int]) -> NDArray[np.bool_]:
    """The component of a mask that holds a voxel; nothing if the voxel lies outside the mask."""
    if not mask[voxel]:
        return np.zeros_like(mask)
    labels = cc3d.connected_components(mask, connectivity=26)
    return np.asarray(labels == labels[voxel])
