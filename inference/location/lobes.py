"""Lobes of the lungs without seeing fissures: height in the lung against depth in the chest."""

import math

import numpy as np

from inference.anatomy.describe import Anatomy
from inference.location.surroundings import Surroundings

_BLUR = 0.10
_OBLIQUE = (-0.05, 0.75)
"""Height of the oblique fissure at the front and at the back of the lung, as shares of the lung's height."""

_MINOR = 0.48
"""Height of the minor fissure, as a share of the right lung's height."""


def lobe_shares(place: Surroundings, anatomy: Anatomy) -> dict[str, float]:
    """Coarse lobe → how far a place belongs to it, were it in the lung of its side; empty where there is no lung."""
    is_left = place.left_mm > 0.0
    lung = anatomy.lungs.left if is_left else anatomy.lungs.right
    if not lung.any():
        return {}
    planes = np.flatnonzero(lung.any(axis=(1, 2)))
    rows = np.flatnonzero(lung.any(axis=(0, 2)))
    plane, row, _ = anatomy.frame.indices(np.array([place.centre_mm]))[0]
    height = (plane - planes[0]) / max(1, planes[-1] - planes[0])
    depth = (row - rows[0]) / max(1, rows[-1] - rows[0])
    oblique = _OBLIQUE[0] + (_OBLIQUE[1] - _OBLIQUE[0]) * min(1.0, max(0.0, depth))
    above = _step(height - oblique)
    if is_left:
        return {"left upper lobe": above, "left lower lobe": 1.0 - above}
    upper = _step(height - _MINOR)
    return {
        "right upper lobe": above * upper,
        "right middle lobe": above * (1.0 - upper),
        "right lower lobe": 1.0 - above,
    }


def _step(distance: float) -> float:
    return 0.5 * (1.0 + math.erf(distance / (_BLUR * math.sqrt(2.0))))
