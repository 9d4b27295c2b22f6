"""The digital patient's lesions: the truth that a demo or a test compares with."""

from dataclasses import dataclass

from config.tracers import Tracer
from config.vocabulary import Location, vocabulary
from inference.patient.shapes import Point
from inference.patient.skeleton import rib, vertebra


@dataclass(frozen=True, slots=True)
class DigitalLesion:
    """An ellipsoid with uniform uptake.

    ``name`` is a leaf of the vocabulary; ``centre_mm`` is LPS; ``radii_mm`` are the half axes along x, y, z;
    ``suv`` is SUVbw before blurring and noise, ``hu`` the attenuation on CT.
    """

    name: str
    centre_mm: Point
    radii_mm: Point
    suv: float
    hu: float

    @property
    def location(self) -> Location:
        return vocabulary().leaf(self.name)


@dataclass(frozen=True, slots=True)
class LesionPlan:
    """A lesion in the reference body (x left, y back, z above the sole); sizes are those of the real lesion."""

    name: str
    reference_mm: Point
    radii_mm: Point
    suv: float
    hu: float


def lesion_plans(tracer: Tracer) -> tuple[LesionPlan, ...]:
    """Where a digital patient's usual lesions lie: six for FDG, six for PSMA."""
    _, depth, lumbar = vertebra("L3").centre
    third_lumbar = LesionPlan("L3 vertebra", (-4.0, depth, lumbar), (12, 11, 11), 8.0, 60)
    femur = LesionPlan("left proximal femur", (112.0, 9.0, 910.0), (14, 13, 15), 6.0, 95)
    if tracer is Tracer.PSMA:
        return (
            LesionPlan("right peripheral zone of prostate", (-11, 7, 893), (8, 6, 9), 18.0, 42),
            LesionPlan("left obturator node", (62, -14, 936), (8, 7, 10), 12.0, 45),
            LesionPlan("right common iliac node", (-46, 22, 1010), (8, 8, 12), 11.0, 45),
            LesionPlan("left seventh rib", rib(7, 1)[6], (11, 9, 9), 9.0, 700),
            LesionPlan(third_lumbar.name, third_lumbar.reference_mm, third_lumbar.radii_mm, 15.0, 720),
            LesionPlan(femur.name, femur.reference_mm, femur.radii_mm, 10.0, 650),
        )
    return (
        LesionPlan("right upper lobe posterior segment (S2)", (-66, 28, 1408), (11, 11, 11), 9.0, 42),
        LesionPlan("subcarinal node (station 7)", (3, 6, 1366), (11, 9, 11), 7.0, 45),
        third_lumbar,
        femur,
        LesionPlan("liver segment VIII", (-82, -28, 1248), (14, 14, 14), 8.0, 38),
        LesionPlan("left axillary level I node", (136, -18, 1368), (9, 8, 11), 5.0, 44),
    )
