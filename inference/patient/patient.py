"""A digital whole-body PET/CT patient: geometric anatomy with known lesions, made from a seed."""

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from config.finding import LabelMap
from config.tracers import Tracer
from config.volume import FloatArray, Matrix, Unit, Volume
from inference.patient.body import Arms, arm_bones, couch, envelope
from inference.patient.lesions import DigitalLesion, lesion_plans
from inference.patient.organs import Sex, abdomen, breasts, chest, head_and_neck, pelvic_organs
from inference.patient.shapes import Ellipsoid, Point, coordinates, index_box, render
from inference.patient.skeleton import Part, skeleton, skull
from inference.patient.tissues import Tissue

REFERENCE_HEIGHT_M = 1.75
REFERENCE_ORIGIN_MM = 1250.0
"""Height above the sole, in the reference body, that lies at LPS z = 0."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels to evaluate a patient on: ``shape`` (slices, rows, columns) and ``affine`` as in ``Volume``."""

    shape: tuple[int, int, int]
    affine: Matrix

    @classmethod
    def axial(cls, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], centre_mm: Point) -> "Grid":
        """Transverse slices from the feet up. ``spacing_mm``: (slice, row, column); ``centre_mm``: of the grid, LPS."""
        affine = np.eye(4)
        affine[:3, :3] = np.diag(spacing_mm)[::-1]
        affine[:3, 3] = np.asarray(centre_mm) - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2.0)
        return cls(shape, affine)


CT_GRID = Grid.axial((336, 512, 512), (3.0, 0.9765625, 0.9765625), (0.0, 0.0, 33.5))
PET_GRID = Grid.axial((336, 200, 200), (3.0, 4.07283, 4.07283), (0.0, 0.0, 33.5))
SMALL_CT_GRID = Grid.axial((168, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 33.5))
SMALL_PET_GRID = Grid.axial((168, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 33.5))


@dataclass(frozen=True)
class DigitalPatient:
    """One patient; the same values always give the same voxels.

    ``lesions`` lie in LPS millimetres of this patient. The body is the reference body stretched to ``height_m``, with
    fat according to ``weight_kg``, organs displaced and uptake varied by ``seed``.
    """

    seed: int
    sex: Sex
    height_m: float
    weight_kg: float
    tracer: Tracer = Tracer.FDG
    arms: Arms = Arms.UP
    lesions: tuple[DigitalLesion, ...] = ()
    psf_fwhm_mm: float = 5.5
    pet_noise: float = 0.09
    """Standard deviation of the noise at SUV 1; it grows with the square root of the SUV."""
    ct_noise_hu: float = 11.0

    @classmethod
    def default(cls, seed: int = 0, *, tracer: Tracer = Tracer.FDG, arms: Arms = Arms.UP) -> "DigitalPatient":
        """A patient of seeded size and sex with the usual lesions of the tracer (PSMA: a man)."""
        healthy = cls.healthy(seed, tracer=tracer, arms=arms)
        lesions = tuple(
            DigitalLesion(plan.name, healthy.lps(plan.reference_mm), plan.radii_mm, plan.suv, plan.hu)
            for plan in lesion_plans(tracer)
        )
        return cls(seed, healthy.sex, healthy.height_m, healthy.weight_kg, tracer, arms, lesions)

    @classmethod
    def healthy(cls, seed: int = 0, *, tracer: Tracer = Tracer.FDG, arms: Arms = Arms.UP) -> "DigitalPatient":
        """The same patient without a lesion."""
        random = np.random.default_rng(seed)
        sex = Sex.MALE if tracer is Tracer.PSMA or random.random() < 0.5 else Sex.FEMALE
        height_m = round(float(np.clip(random.normal(1.75 if sex is Sex.MALE else 1.66, 0.05), 1.56, 1.84)), 2)
        body_mass_index = float(np.clip(random.normal(25.0, 2.5), 20.0, 31.0))
        return cls(seed, sex, height_m, round(body_mass_index * height_m**2, 1), tracer, arms)

    def ct(self, grid: Grid = CT_GRID) -> Volume:
        """CT in HU, noise included."""
        values = render(
            [(shape, tissue.hu) for shape, tissue in self._parts] + [(s, lesion.hu) for s, lesion in self._lesions],
            grid.shape,
            self._to_reference @ grid.affine,
            -1000.0,
        )
        self._add_ct_noise(values)
        return Volume(values, grid.affine, Unit.HOUNSFIELD)

    def suv(self, grid: Grid = PET_GRID) -> Volume:
        """SUVbw as a scanner would show it: blurred by the point spread function, with noise, never negative."""
        uptake = {tissue: self._uptake(tissue) for _, tissue in self._parts}
        values = render(
            [(shape, uptake[tissue]) for shape, tissue in self._parts]
            + [(s, lesion.suv) for s, lesion in self._lesions],
            grid.shape,
            self._to_reference @ grid.affine,
            0.0,
        )
        spacing_mm = np.linalg.norm(grid.affine[:3, :3], axis=0)
        sigma = self.psf_fwhm_mm / 2.3548 / spacing_mm
        gaussian_filter(values, sigma, output=values, truncate=3.0)
        noise = np.random.default_rng((self.seed, 1)).standard_normal(grid.shape, dtype=np.float32)
        gaussian_filter(noise, sigma, output=noise, truncate=3.0)
        noise *= np.float32(self.pet_noise / max(float(noise[:: max(1, grid.shape[0] // 16)].std()), 1e-6))
        noise *= np.sqrt(np.maximum(values, 0.0) + np.float32(0.01))
        values += noise
        np.maximum(values, 0.0, out=values)
        return Volume(values, grid.affine, Unit.SUVBW)

    def truth(self, grid: Grid = PET_GRID) -> LabelMap:
        """Voxels whose centre lies in ``lesions[number - 1]`` carry ``number``; all others 0."""
        labels = np.zeros(grid.shape, dtype=np.uint16)
        for number, lesion in enumerate(self.lesions, start=1):
            solid = Ellipsoid(lesion.centre_mm, lesion.radii_mm)
            box = index_box(solid, grid.shape, grid.affine)
            labels[box][solid.level(*coordinates(box, grid.affine)) <= 0.0] = number
        return labels

    def lps(self, reference_mm: Point) -> Point:
        """LPS of a point of the reference body."""
        x, y, z = np.linalg.inv(self._to_reference)[:3] @ (*reference_mm, 1.0)
        return float(x), float(y), float(z)

    @cached_property
    def _scale(self) -> NDArray[np.float64]:
        tall = self.height_m / REFERENCE_HEIGHT_M
        return np.array((tall**0.5, tall**0.5, tall))

    @cached_property
    def _to_reference(self) -> Matrix:
        affine = np.diag((*(1.0 / self._scale), 1.0))
        affine[2, 3] = REFERENCE_ORIGIN_MM
        return affine

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        fat_mm = float(np.clip(9.0 + 2.0 * (self.weight_kg / self.height_m**2 - 21.0), 6.0, 34.0))
        return (
            *couch(fat_mm),
            *(breasts() if self.sex is Sex.FEMALE else ()),
            *envelope(fat_mm, self.arms),
            *chest(self._shift),
            *abdomen(self._shift),
            *pelvic_organs(self._shift, self.sex),
            *skeleton(),
            *arm_bones(self.arms),
            *skull(),
            *head_and_neck(),
        )

    @cached_property
    def _lesions(self) -> tuple[tuple[Ellipsoid, DigitalLesion], ...]:
        to_reference = self._to_reference
        placed = []
        for lesion in self.lesions:
            x, y, z = (float(value) for value in to_reference[:3] @ (*lesion.centre_mm, 1.0))
            across, deep, high = (float(r / s) for r, s in zip(lesion.radii_mm, self._scale, strict=True))
            placed.append((Ellipsoid((x, y, z), (across, deep, high)), lesion))
        return tuple(placed)

    def _shift(self, organ: str) -> Point:
        x, y, z = np.clip(self._random(organ).normal(0.0, (1.5, 1.5, 3.0)), -5.0, 5.0)
        return float(x), float(y), float(z)

    def _uptake(self, tissue: Tissue) -> float:
        variation = float(np.clip(self._random(f"{tissue.name} uptake").normal(), -1.5, 1.5))
        return tissue.suv(self.tracer) * (1.0 + tissue.spread * variation)

    def _random(self, name: str) -> np.random.Generator:
        return np.random.default_rng((self.seed, crc32(name.encode())))

    def _add_ct_noise(self, values: FloatArray) -> None:
        random = np.random.default_rng((self.seed, 2))
        depth = min(len(values), 8)
        tile = random.standard_normal((depth, *values.shape[1:]), dtype=np.float32)
        gaussian_filter(tile, (0.3, 0.7, 0.7), output=tile, mode="wrap")
        tile *= np.float32(self.ct_noise_hu / tile.std())
        for index, image in enumerate(values):
            down, across = random.integers(0, values.shape[1:])
            image += np.roll(tile[index % depth], (down, across), axis=(0, 1))
        np.maximum(values, -1024.0, out=values)
