"""Alignment: where the patient of one examination lies in another, from what both show of the body."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.signal import fftconvolve
from scipy.spatial.transform import Rotation

from config.organs import Organ
from config.volume import FloatArray, Matrix
from inference.body_map import BodyMap

LEAST_OVERLAP = 0.5
"""Of the height of the shorter examination."""
LEAST_DICE = 0.75
LEAST_CORRELATION = 0.75
"""Of density, where both are body. Digital patients reach 0.85 and more; turned over or upside down, 0.7 and less."""

_DENSITY = np.zeros(len(Organ) + 1, np.float32)
_DENSITY[list(Organ)] = 1.0
_DENSITY[[Organ.RIGHT_LUNG, Organ.LEFT_LUNG]] = 0.3
_DENSITY[[Organ.BONE, Organ.SPINE]] = 1.6
_SMOOTHED_VOXELS = 1.0
_LEAST_GRADIENT = 0.1
_MOST_POINTS = 10000
_LEVER_MM = 300.0
_OUTLIER = 0.2
_MOST_STEPS = 60


def align(prior: BodyMap, current: BodyMap) -> Matrix | None:
    """The rigid motion, shape (4, 4), from LPS millimetres of a prior examination to those of the current one.

    A shift by whole voxels comes from the correlation of both bodies over every overlap that is high enough; a motion
    is then fitted to the edges of body, lungs and bone, where outliers such as arms count little. None if the bodies
    don't lie on one another after all: see ``LEAST_DICE`` and ``LEAST_CORRELATION``.
    """
    before, now = _Body.of(prior), _Body.of(current)
    if not np.ptp(before.density) or not np.ptp(now.density):
        return None
    motion = _refined(before, now, _shift_mm(before, now))
    return motion if _agree(before, now, motion) else None


@dataclass(frozen=True, eq=False)
class _Body:
    """How dense a body is, smoothed, and its outline, on the grid of its map."""

    density: FloatArray
    outline: FloatArray
    affine: Matrix

    @classmethod
    def of(cls, body: BodyMap) -> "_Body":
        density = ndimage.gaussian_filter(_DENSITY[body.organs], _SMOOTHED_VOXELS)
        return cls(np.asarray(density), (body.organs > 0).astype(np.float32), body.affine)


def _shift_mm(prior: _Body, current: _Body) -> NDArray[np.float64]:
    """The shift (x, y, z) of the best correlation. Beside a body there is air, beyond its first and last plane nothing.

    So sums over an overlap depend on how many planes overlap alone, but for the sum of products.
    """
    a, b = prior.density, current.density
    planes = np.correlate(np.ones(len(b)), np.ones(len(a)), "full")
    voxels = planes * max(a.shape[1], b.shape[1]) * max(a.shape[2], b.shape[2])
    in_a = [np.correlate(np.ones(len(b)), (a**power).sum(axis=(1, 2)), "full") for power in (1, 2)]
    in_b = [np.correlate((b**power).sum(axis=(1, 2)), np.ones(len(a)), "full") for power in (1, 2)]
    variances = [squares - sums**2 / voxels for sums, squares in (in_a, in_b)]
    products = fftconvolve(b, a[::-1, ::-1, ::-1], mode="full")
    covariance = products - (in_a[0] * in_b[0] / voxels)[:, None, None]
    correlation = covariance / np.sqrt(np.maximum(variances[0] * variances[1], 1e-9))[:, None, None]
    correlation[planes < LEAST_OVERLAP * min(len(a), len(b))] = -1.0
    best = np.array(np.unravel_index(int(correlation.argmax()), correlation.shape)) - (np.array(a.shape) - 1)
    return np.asarray(current.affine[:3, :3] @ best + current.affine[:3, 3] - prior.affine[:3, 3])


def _refined(prior: _Body, current: _Body, shift_mm: NDArray[np.float64]) -> Matrix:
    """The motion that brings edges of the current body onto the prior one, inverted."""
    edges = np.argwhere(np.linalg.norm(np.gradient(current.density), axis=0) > _LEAST_GRADIENT)
    edges = edges[:: max(1, len(edges) // _MOST_POINTS)]
    points = edges @ current.affine[:3, :3].T + current.affine[:3, 3]
    wanted, centre = current.density[tuple(edges.T)], points.mean(axis=0)
    to_prior = np.linalg.inv(prior.affine)
    last_plane = len(prior.density) - 1

    def motion(parameters: NDArray[np.float64]) -> Matrix:
        back = np.eye(4)
        back[:3, :3] = Rotation.from_rotvec(parameters[:3] / _LEVER_MM).as_matrix()
        back[:3, 3] = centre - back[:3, :3] @ centre + parameters[3:]
        return back

    def differences(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        onto = to_prior @ motion(parameters)
        places = onto[:3, :3] @ points.T + onto[:3, 3:]
        found = ndimage.map_coordinates(prior.density, places, order=1, mode="constant")
        known = (places[0] >= 0.0) & (places[0] <= last_plane)
        return np.where(known, found - wanted, 0.0)

    start = np.concatenate([np.zeros(3), -shift_mm])
    fitted = least_squares(
        differences, start, loss="soft_l1", f_scale=_OUTLIER, jac="3-point", max_nfev=_MOST_STEPS, xtol=1e-5
    )
    return np.asarray(np.linalg.inv(motion(fitted.x)))


def _agree(prior: _Body, current: _Body, motion: Matrix) -> bool:
    """Whether the bodies lie on one another where both are in view, and are alike inside."""
    step = np.linalg.inv(prior.affine) @ np.linalg.inv(motion) @ current.affine

    def moved(values: FloatArray) -> FloatArray:
        return np.asarray(ndimage.affine_transform(values, step[:3, :3], step[:3, 3], current.density.shape, order=1))

    in_view = moved(np.ones_like(prior.density)) > 0.5
    before, now = moved(prior.outline) > 0.5, (current.outline > 0.5) & in_view
    both = before & now
    if 2.0 * both.sum() < LEAST_DICE * (before.sum() + now.sum()) or not both.any():
        return False
    correlation = np.asarray(np.corrcoef(moved(prior.density)[both], current.density[both]))
    return bool(correlation[0, 1] >= LEAST_CORRELATION)
