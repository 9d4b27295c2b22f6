"""Organs that an analysis may know, and the map of them."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Organ(IntEnum):
    """What a voxel of an organ map belongs to; SOFT_TISSUE is all that is none of the others, gas included."""

    SOFT_TISSUE = 1
    BONE = 2
    SPINE = 3
    RIGHT_LUNG = 4
    LEFT_LUNG = 5
    HEART = 6
    LIVER = 7
    BRAIN = 8


OrganMap = NDArray[np.uint8]
"""Shape (slices, rows, columns) on the PET grid; a voxel's value is its ``Organ``, 0 outside the patient."""
