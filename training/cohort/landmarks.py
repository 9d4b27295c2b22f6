"""Landmarks: the points and levels of the reference body that regions and vessels are measured from, LPS mm."""

from dataclasses import dataclass

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import Body, Point

VERTEBRAE = (
    "C1",
    "C2",
    *(f"C{n}" for n in range(3, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 6)),
)
_SPECIAL = {"C1": "Atlas (C1)", "C2": "Axis (C2)"}


@dataclass(frozen=True)
class Landmarks:
    """``front``: the middle of each vertebral body's front. Heights (z) end in ``_z``."""

    front: dict[str, Point]
    carina: Point
    aortic_root: Point
    pulmonary_fork: Point
    right_atrium: tuple[Point, Point]
    skull_base_z: float
    hyoid_z: float
    cricoid_z: float
    sternal_notch_z: float
    pelvic_brim_z: float
    pubis_z: float
    kidney: tuple[Point, Point]


def vertebra(level: str) -> str:
    """The anatomy's name of a vertebra."""
    return _SPECIAL.get(level, f"Vertebra {level}")


def find_landmarks(body: Body) -> Landmarks:
    def low(*names: str) -> Point:
        return body.bounds(body.structure(*names))[0]

    def high(*names: str) -> Point:
        return body.bounds(body.structure(*names))[1]

    trachea = body.structure("Trachea")
    foot = trachea & (body.z < low("Trachea")[2] + 9.0)
    atrium = body.structure("right_atrium")
    leaflets = body.structure("non_coronary_leaflet", "right_coronary_leaflet", "left_coronary_leaflet")
    trunk = body.structure("pulmonary_trunk")
    top = trunk & (body.z > body.bounds(trunk)[1][2] - 9.0)
    return Landmarks(
        front={level: _front(body, body.structure(vertebra(level))) for level in VERTEBRAE},
        carina=body.centre(foot),
        aortic_root=body.centre(leaflets),
        pulmonary_fork=body.centre(top),
        right_atrium=(
            body.centre(atrium & (body.z < low("right_atrium")[2] + 12.0)),
            body.centre(atrium & (body.z > high("right_atrium")[2] - 12.0)),
        ),
        skull_base_z=high("Atlas (C1)")[2] + 6.0,
        hyoid_z=low("Hyoid bone")[2],
        cricoid_z=low("Cricoid cartilage")[2],
        sternal_notch_z=high("Manubrium of sternum")[2],
        pelvic_brim_z=high("Sacrum")[2] - 25.0,
        pubis_z=_pubis(body),
        kidney=(body.centre(body.structure("Kidney.r")), body.centre(body.structure("Kidney.l"))),
    )


def _front(body: Body, bone: Mask) -> Point:
    """The middle of the front of a vertebral body, where spinous and transverse processes don't reach."""
    (_, first, _), _ = body.bounds(bone & (abs(body.x) < 8.0))
    part = bone & (abs(body.x) < 8.0) & (body.y < first + 12.0)
    return 0.0, first, float(np.asarray(body.centre(part))[2])


def _pubis(body: Body) -> float:
    bones = body.structure("Hip bone.r", "Hip bone.l") & (abs(body.x) < 10.0)
    return body.centre(bones)[2]
