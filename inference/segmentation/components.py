"""Connected components of masks; neighbours touch by face, edge or corner (26)."""

import cc3d
import numpy as np
from numpy.typing import NDArray


def component_at(mask: NDArray[np.bool_], voxel: tuple[int, int, int]) -> NDArray[np.bool_]:
    """The component of a mask that holds a voxel; nothing if the voxel lies outside the mask."""
    if not mask[voxel]:
        return np.zeros_like(mask)
    framed = np.pad(mask, 1)  # cc3d 4.1.1 raises on a row of three voxels with a gap
    labels = cc3d.connected_components(framed, connectivity=26)[1:-1, 1:-1, 1:-1]
    return np.asarray(labels == labels[voxel])
