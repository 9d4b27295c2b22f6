"""The great vessels, which the anatomy lacks: tubes laid along the structures that they follow in every body."""

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES, Body, Point
from training.cohort.landmarks import Landmarks

Path = list[Point]


def lay_vessels(body: Body, marks: Landmarks) -> dict[str, Mask]:
    """Masks of the vessels by their names; those of one side begin with it."""
    vessels = {name: body.tube(path, radius) for name, path, radius in _midline(marks)}
    for side, _, sign in SIDES:
        for name, path, radius in _sided(marks, sign):
            vessels[f"{side} {name}"] = body.tube(path, radius)
    vessels["pulmonary artery"] |= body.filled(body.structure("pulmonary_trunk"))
    return vessels


def jugular_path(marks: Landmarks, sign: float) -> Path:
    """From the venous angle to the skull base."""
    return [
        (sign * 37.0, -8.0, marks.sternal_notch_z + 4.0),
        (sign * 33.0, -12.0, marks.cricoid_z + 4.0),
        (sign * 32.0, -8.0, marks.hyoid_z),
        (sign * 35.0, 2.0, marks.hyoid_z + 38.0),
        (sign * 33.0, 4.0, marks.skull_base_z),
    ]


def _midline(marks: Landmarks) -> list[tuple[str, Path, float]]:
    front, carina, root = marks.front, marks.carina, marks.aortic_root
    base, top = marks.right_atrium
    arch_z = carina[2] + 15.0
    lumbar = [(12.0, front[level][1] - 11.0, front[level][2]) for level in ("T12", "L1", "L2", "L3", "L4")]
    caval = [(-19.0, front[level][1] - 9.0, front[level][2]) for level in ("L1", "L2", "L3", "L4")]
    beside_carina = (25.0, carina[1] + 17.0, arch_z - 10.0)
    over_trunk = (-2.0, root[1] - 13.0, root[2] + 48.0)
    confluence = (-21.0, carina[1] - 30.0, carina[2] + 28.0)
    fork = (3.0, front["L4"][1] - 11.0, front["L4"][2] - 8.0)
    neck_of_pancreas = (-12.0, front["L1"][1] - 24.0, front["L1"][2] + 12.0)
    liver_hilum = (-30.0, front["T12"][1] - 34.0, front["T12"][2] + 14.0)
    fork_of_trunk = marks.pulmonary_fork
    return [
        ("ascending aorta", [root, (-5.0, root[1] - 10.0, root[2] + 24.0), over_trunk], 14.0),
        (
            "aortic arch",
            [over_trunk, (10.0, root[1] + 4.0, arch_z), (21.0, carina[1] - 2.0, arch_z), beside_carina],
            12.0,
        ),
        (
            "descending aorta",
            [
                beside_carina,
                (25.0, front["T5"][1] - 1.0, front["T5"][2]),
                (22.0, front["T7"][1] - 4.0, front["T7"][2]),
                *((15.0, front[level][1] - 10.0, front[level][2]) for level in ("T9", "T10", "T11")),
                lumbar[0],
            ],
            11.5,
        ),
        ("abdominal aorta", [*lumbar, fork], 9.0),
        ("superior vena cava", [confluence, top], 9.0),
        ("inferior vena cava", [(-12.0, fork[1], fork[2] - 6.0), *caval[::-1], *_hepatic(marks), base], 10.5),
        (
            "pulmonary artery",
            [
                _right_hilum(marks),
                (-16.0, carina[1] - 22.0, carina[2] - 14.0),
                fork_of_trunk,
                (42.0, carina[1] - 8.0, carina[2] - 4.0),
                (52.0, carina[1] + 8.0, carina[2] - 20.0),
            ],
            8.5,
        ),
        ("coeliac trunk", [lumbar[0], (7.0, lumbar[0][1] - 16.0, lumbar[0][2] - 8.0)], 4.0),
        (
            "splenic vessels",
            [
                neck_of_pancreas,
                (25.0, -18.0, neck_of_pancreas[2] + 12.0),
                (55.0, 0.0, neck_of_pancreas[2] + 32.0),
                (72.0, 4.0, neck_of_pancreas[2] + 42.0),
            ],
            4.0,
        ),
        ("portal vein", [neck_of_pancreas, liver_hilum], 6.5),
        (
            "superior mesenteric vessels",
            [
                lumbar[1],
                (4.0, lumbar[2][1] - 16.0, lumbar[2][2]),
                (-18.0, lumbar[3][1] - 22.0, lumbar[3][2]),
                (-38.0, lumbar[4][1] - 14.0, lumbar[4][2]),
            ],
            5.5,
        ),
        (
            "inferior mesenteric vessels",
            [lumbar[3], (24.0, lumbar[3][1] - 6.0, lumbar[4][2]), (34.0, lumbar[4][1] + 8.0, lumbar[4][2] - 45.0)],
            3.0,
        ),
    ]


def _sided(marks: Landmarks, sign: float) -> list[tuple[str, Path, float]]:
    front, carina, notch = marks.front, marks.carina, marks.sternal_notch_z
    fork = (3.0, front["L4"][1] - 11.0, front["L4"][2] - 8.0)
    iliac_fork = (sign * 36.0, 0.0, marks.pelvic_brim_z + 12.0)
    arch_z = carina[2] + 15.0
    origin = (4.0, carina[1] - 20.0, arch_z) if sign < 0.0 else (15.0, carina[1] - 12.0, arch_z)
    angle = jugular_path(marks, sign)[0]
    caval = (-19.0, front["L1"][1] - 9.0, front["L1"][2] - 4.0)
    before_aorta = [caval] if sign < 0.0 else [caval, (14.0, front["L1"][1] - 23.0, front["L1"][2] - 4.0)]
    hilum = marks.kidney[0 if sign < 0.0 else 1]
    vein = (-21.0, carina[1] - 30.0, carina[2] + 28.0)
    crossing = [] if sign < 0.0 else [(8.0, carina[1] - 42.0, carina[2] + 36.0)]
    vein_z = carina[2] - 48.0
    return [
        (
            "common carotid artery",
            [
                origin,
                (sign * 20.0, -2.0, notch + 8.0),
                (sign * 24.0, -6.0, marks.cricoid_z),
                (sign * 25.0, -4.0, marks.hyoid_z + 10.0),
                (sign * 25.0, 0.0, marks.skull_base_z),
            ],
            4.0,
        ),
        ("internal jugular vein", jugular_path(marks, sign), 5.0),
        ("brachiocephalic vein", [vein, *crossing, angle], 7.0),
        (
            "subclavian and axillary vessels",
            [
                angle,
                (sign * 75.0, -12.0, notch + 2.0),
                (sign * 110.0, -8.0, notch - 14.0),
                (sign * 140.0, 0.0, notch - 42.0),
                (sign * 160.0, 6.0, notch - 90.0),
            ],
            5.5,
        ),
        ("renal vein", [*before_aorta, (hilum[0] - sign * 22.0, hilum[1] - 4.0, hilum[2])], 4.5),
        (
            "pulmonary vein",
            [(20.0 + sign * 40.0, carina[1] - 10.0, vein_z), (20.0 + sign * 74.0, carina[1] - 2.0, vein_z)],
            6.5,
        ),
        ("common iliac vessels", [fork, iliac_fork], 7.5),
        (
            "external iliac vessels",
            [iliac_fork, (sign * 45.0, -25.0, marks.pelvic_brim_z - 36.0), (sign * 49.0, -42.0, marks.pubis_z + 28.0)],
            7.5,
        ),
        (
            "internal iliac vessels",
            [
                iliac_fork,
                (sign * 38.0, 24.0, marks.pelvic_brim_z - 22.0),
                (sign * 38.0, 36.0, marks.pelvic_brim_z - 52.0),
            ],
            5.0,
        ),
        (
            "femoral vessels",
            [
                (sign * 49.0, -42.0, marks.pubis_z + 28.0),
                (sign * 52.0, -42.0, marks.pubis_z - 40.0),
                (sign * 60.0, -20.0, 700.0),
                (sign * 70.0, 25.0, 560.0),
                (sign * 76.0, 42.0, 440.0),
            ],
            6.0,
        ),
    ]


def _right_hilum(marks: Landmarks) -> Point:
    return -46.0, marks.carina[1] - 8.0, marks.carina[2] - 22.0


def _hepatic(marks: Landmarks) -> Path:
    """The inferior vena cava behind the liver, below the heart."""
    return [(-22.0, marks.front["T12"][1] - 10.0, marks.front["T12"][2]), (-20.0, -4.0, marks.front["T10"][2])]
