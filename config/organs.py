"""Organs that an analysis may know, and the map of them."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Organ(IntEnum):
    """What a voxel of an organ map belongs to; SOFT_TISSUE is all that is none of the others, gas included."""

    SOFT_TISSUE = 1
    HEART = 2
    LIVER = 3
    BONE = 4
    SPINE = 5
    RIGHT_LUNG = 6
    LEFT_LUNG = 7
    BRAIN = 8


OrganMap = NDArray[np.uint8]
"""Shape (slices, rows, columns) on the PET grid; a voxel's value is its ``Organ``, 0 outside the patient."""
