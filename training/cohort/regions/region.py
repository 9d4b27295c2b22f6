"""Region: one leaf of the vocabulary and where it lies in the reference body."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import Body


class Region(NamedTuple):
    """``name`` is a leaf's. Where regions overlap, a voxel belongs to the first."""

    name: str
    mask: Mask


Regions = Iterator[Region]


def along_z(body: Body, mask: Mask, shares: tuple[float, ...]) -> list[Mask]:
    """A mask cut across by planes at shares (from below) of its height; the lowest part first."""
    low, high = body.bounds(mask)[0][2], body.bounds(mask)[1][2]
    planes = [-np.inf, *(low + share * (high - low) for share in shares), np.inf]
    return [mask & body.between(lower, upper) for lower, upper in pairwise(planes)]
