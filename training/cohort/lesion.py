"""Lesions: what grows where, how large, how dense and how hot; and its shape in the patient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.tracers import Tracer
from config.vocabulary import Location
from config.volume import FloatArray

Point = tuple[float, float, float]

_FINDINGS: dict[str, dict[str, float]] = {
    "lung": {
        "nodule": 5, "mass": 2, "ground glass opacity": 2, "consolidation": 2, "cavity": 1.5, "no CT correlate": 0.3,
    },
    "bone": {
        "osteolytic": 4, "osteoblastic": 4, "mixed lytic-sclerotic": 2, "decreased bone density": 1.5,
        "fracture": 1, "no CT correlate": 3, "diffuse infiltration": 0.8,
    },
    "lymph node": {"enlarged lymph node": 3, "non-enlarged lymph node": 3},
    "hollow viscus": {"wall thickening": 5, "soft tissue mass": 2, "no CT correlate": 1.5},
    "pleura": {"pleural thickening": 4, "nodule": 1, "effusion": 1},
    "peritoneum": {"nodule": 3, "soft tissue mass": 2, "diffuse infiltration": 1.5},
    "solid organ": {"low density lesion": 5, "isodense lesion": 3, "no CT correlate": 0.7},
    "gland": {
        "nodule": 3, "low density lesion": 2, "isodense lesion": 2, "soft tissue mass": 1, "no CT correlate": 0.7,
    },
    "brain": {"low density lesion": 3, "isodense lesion": 2, "no CT correlate": 1},
    "muscle": {"soft tissue mass": 3, "isodense lesion": 2, "low density lesion": 1.5, "no CT correlate": 1},
    "soft tissue": {"nodule": 3, "soft tissue mass": 3, "no CT correlate": 1, "diffuse infiltration": 0.7},
    "vessel": {"wall thickening": 3, "no CT correlate": 2},
}  # fmt: skip
"""CT findings by tissue of the leaf, with their weights."""

_ALIKE = {"tissue": "soft tissue"}
_GREATEST_MM = {
    "mass": 80.0,
    "soft tissue mass": 80.0,
    "nodule": 29.0,
    "non-enlarged lymph node": 9.5,
    "fracture": 35.0,
}
_LEAST_MM = {"mass": 30.0, "soft tissue mass": 14.0, "enlarged lymph node": 10.0, "consolidation": 16.0, "cavity": 14.0}


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion in a patient.

    Parameters
    ----------
    leaf
        Its place in the vocabulary.
    ct_finding
        In the words of reports.
    centre_mm, radii_mm
        LPS and half axes along the rows of ``turn`` (x, y, z of the lesion's own axes).
    bumps
        Amplitudes, relative to the radius, of waves over the surface; shape (n, 4): direction and amplitude.
    suv
        SUVbw within it before blurring; ``rim`` is the share of it left in a necrotic centre.
    confined
        Whether it stays within its leaf's region, as bone lesions and thickened walls do.
    """

    leaf: Location
    ct_finding: str
    centre_mm: Point
    radii_mm: Point
    turn: NDArray[np.float64]
    bumps: FloatArray
    suv: float
    rim: float
    hu: float
    confined: bool

    @property
    def reach_mm(self) -> float:
        """No part of it lies farther from its centre."""
        return max(self.radii_mm) * (1.0 + float(abs(self.bumps[:, 3]).sum()))

    def depth(self, z: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        """0 at the centre, 1 on the surface, more outside; of points in LPS mm that broadcast together."""
        offsets = (x - self.centre_mm[0], y - self.centre_mm[1], z - self.centre_mm[2])
        own = [sum(self.turn[row, axis] * offsets[axis] for axis in range(3)) / self.radii_mm[row] for row in range(3)]
        length = np.sqrt(own[0] ** 2 + own[1] ** 2 + own[2] ** 2)
        surface = np.ones_like(length)
        for across, deep, high, amplitude in self.bumps:
            phase = (across * own[0] + deep * own[1] + high * own[2]) / np.maximum(length, 0.05)
            surface += amplitude * np.sin(3.0 * phase + 5.0 * across)
        return np.asarray(length / surface, dtype=np.float32)


def draw_lesion(
    random: np.random.Generator,
    leaf: Location,
    centre_mm: Point,
    room_mm: float,
    background: tuple[float, float],
    tracer: Tracer,
) -> Lesion:
    """A lesion at a place.

    Parameters
    ----------
    room_mm
        Radius of a ball as large as the leaf's region; a lesion is not much larger.
    background
        HU and SUVbw of the healthy tissue there.
    """
    weights = _FINDINGS[_ALIKE.get(leaf.tissue, leaf.tissue)]
    finding = str(random.choice(list(weights), p=np.asarray(list(weights.values())) / sum(weights.values())))
    least, greatest = _LEAST_MM.get(finding, 4.0), _GREATEST_MM.get(finding, 70.0)
    size_mm = float(np.exp(random.normal(np.log(15.0), 0.6)))
    size_mm = float(np.clip(size_mm, least, min(greatest, max(least, 2.2 * room_mm + 4.0))))
    node = leaf.tissue == "lymph node"
    if node and finding == "enlarged lymph node":
        size_mm = float(np.clip(random.lognormal(np.log(14.0), 0.35), 10.5, 40.0))
    elif node:
        size_mm = float(random.uniform(4.0, 9.5))
    stretch = (
        np.sort(random.uniform(0.75, 1.2, size=3))
        if not node
        else np.array([1.0, random.uniform(1.0, 1.3), random.uniform(1.1, 1.9)])
    )
    radii = size_mm / 2.0 * stretch
    if finding == "fracture":
        radii = radii * np.array([0.25, 1.0, 1.2])
    confined = finding in ("pleural thickening", "wall thickening", "effusion") or leaf.tissue == "bone"
    if confined and finding != "fracture":
        radii = radii * random.uniform(1.0, 1.5)
    amount = random.uniform(0.0, 0.14)
    bumps = np.column_stack([random.standard_normal((5, 3)), random.normal(0.0, amount / 2.0, size=5)]).astype(
        np.float32
    )
    return Lesion(
        leaf=leaf,
        ct_finding=finding,
        centre_mm=centre_mm,
        radii_mm=(float(radii[0]), float(radii[1]), float(radii[2])),
        turn=np.linalg.qr(random.standard_normal((3, 3)))[0],
        bumps=bumps,
        suv=_uptake(random, background[1], tracer),
        rim=float(random.uniform(0.15, 0.6)) if size_mm > 25.0 and random.random() < 0.35 else 1.0,
        hu=_density(random, finding, background[0]),
        confined=confined,
    )


def _uptake(random: np.random.Generator, background: float, tracer: Tracer) -> float:
    typical = 6.0 if tracer is Tracer.FDG else 8.0
    suv = float(np.clip(random.lognormal(np.log(typical), 0.7), 1.6, 45.0))
    return max(suv, background * float(random.uniform(1.35, 3.0)) + 0.4)


def _density(random: np.random.Generator, finding: str, background: float) -> float:
    ranges = {
        "ground glass opacity": (-720.0, -420.0), "consolidation": (-60.0, 55.0), "osteolytic": (15.0, 75.0),
        "osteoblastic": (480.0, 1150.0), "mixed lytic-sclerotic": (450.0, 900.0), "fracture": (350.0, 800.0),
        "decreased bone density": (-10.0, 90.0), "effusion": (0.0, 22.0),
        "diffuse infiltration": (background + 30.0, background + 110.0),
    }  # fmt: skip
    if finding == "no CT correlate":
        return background
    if finding == "low density lesion":
        return background - float(random.uniform(18.0, 55.0))
    if finding == "isodense lesion":
        return background + float(random.uniform(-5.0, 5.0))
    low, high = ranges.get(finding, (22.0, 62.0))
    return float(random.uniform(low, high))
