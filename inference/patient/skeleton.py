"""The digital patient's skeleton: landmarks that everything else is placed by, and the bones as shapes.

Reference body: 1.75 m tall, x to the left, y to the back, z the height above the sole, all in mm.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from inference.patient.shapes import Capsule, Ellipsoid, Point, Shape, Tower, tube
from inference.patient.tissues import (
    CARTILAGE,
    COMPACT,
    CORD,
    CORTEX,
    FLUID,
    GREY_MATTER,
    MARROW,
    MUSCLE,
    TOOTH,
    WHITE_MATTER,
    YELLOW_MARROW,
    Tissue,
)

Part = tuple[Shape, Tissue]

VERTEBRAE = (
    *(f"C{number}" for number in range(1, 8)),
    *(f"T{number}" for number in range(1, 13)),
    *(f"L{number}" for number in range(1, 6)),
)
RIB_CAGE = Tower(
    (
        (1140, 112, 74, -4),
        (1190, 124, 80, -3),
        (1230, 130, 86, -3),
        (1280, 131, 87, -3),
        (1330, 126, 84, -2),
        (1380, 114, 76, 2),
        (1420, 97, 63, 8),
        (1455, 66, 44, 15),
        (1480, 30, 24, 22),
    ),
    exponent=2.2,
)
"""The surface on which the ribs run; the pleural space lies just inside it."""

_TOPS = np.array(
    (
        1590.0,
        *(1590 - 16 * i for i in range(1, 8)),
        *(1478 - 22.3 * i for i in range(1, 13)),
        1176.0,
        1140.0,
        1104.0,
        1069.0,
        1035.0,
    )
)
_SPINE_Z = (1035, 1075, 1110, 1160, 1210, 1260, 1330, 1390, 1450, 1490, 1540, 1590)
_SPINE_Y = (45, 34, 31, 36, 44, 52, 58, 54, 40, 27, 18, 16)


def spine_y(z: float) -> float:
    """Depth of the vertebral bodies' centres: the curves of the neck, chest and loin."""
    return float(np.interp(z, _SPINE_Z, _SPINE_Y))


class VertebralBody(NamedTuple):
    """``radii``: half width, half depth, half height, mm."""

    centre: Point
    radii: Point

    def solid(self, bark_mm: float = 0.0) -> Tower:
        """The body with a slight waist, or what is left of it under a bark of that thickness."""
        (_, y, z), (width, depth, height) = self.centre, (radius - bark_mm for radius in self.radii)
        outline = ((-1.0, 1.0), (-0.4, 0.92), (0.4, 0.92), (1.0, 1.0))
        return Tower(
            tuple((z + share * height, size * width, size * depth, y) for share, size in outline), exponent=2.6
        )


def vertebra(name: str) -> VertebralBody:
    """The body of a vertebra, C1 to L5."""
    number = VERTEBRAE.index(name)
    top, bottom = float(_TOPS[number]), float(_TOPS[number + 1])
    share = number / 23.0
    middle = (top + bottom) / 2.0
    return VertebralBody((0.0, spine_y(middle), middle), (9 + 17 * share, 8 + 11 * share, 0.42 * (top - bottom)))


def rib(number: int, side: int) -> tuple[Point, ...]:
    """The course of a rib from the spine to the front; ``side`` is +1 left, -1 right."""
    start = vertebra(f"T{number}").centre[2] + 6.0
    drop = float(np.interp(number, (1, 3, 7, 10, 12), (38, 55, 85, 95, 62)))
    end_deg = float(np.interp(number, (1, 4, 7, 9, 10, 11, 12), (158, 156, 146, 132, 122, 96, 72)))
    points: list[Point] = [(side * 17.0, spine_y(start) + 8.0, start)]
    for angle in np.deg2rad(np.linspace(24.0, end_deg, 15)):
        z = start - drop * (1.0 - np.cos(angle)) / 2.0
        width, depth, centre_y = (float(value) for value in RIB_CAGE.at(np.asarray(z, np.float32)))
        sine, cosine = float(np.sin(angle)), float(np.cos(angle))
        flat = (sine**2.2 + abs(cosine) ** 2.2) ** (-1 / 2.2)
        points.append((side * width * sine * flat, centre_y + depth * cosine * flat, float(z)))
    return tuple(points)


def hip_joint(side: int) -> Point:
    return (side * 88.0, 2.0, 925.0)


def skeleton() -> Iterator[Part]:
    """All bones, without the skull."""
    yield from _spine()
    for side in (-1, 1):
        yield from _ribs(side)
        yield from _shoulder(side)
        yield from _pelvis(side)
        yield from _femur(side)
    yield from _sternum()


def skull() -> Iterator[Part]:
    """Cranium with the brain in it, the face and the jaw."""
    yield Ellipsoid((0, 6, 1672), (70, 89, 75)), CORTEX
    yield Ellipsoid((0, 6, 1672), (64, 83, 69)), FLUID
    yield Ellipsoid((0, 6, 1674), (61, 79, 64)), GREY_MATTER
    yield Ellipsoid((0, 6, 1692), (1.8, 74, 45)), FLUID
    for side in (-1, 1):
        yield Ellipsoid((side * 27, 8, 1676), (19, 60, 43)), WHITE_MATTER
        yield Ellipsoid((side * 9, 6, 1678), (5, 30, 9)), FLUID
        yield Ellipsoid((side * 15, -2, 1668), (9, 20, 12)), GREY_MATTER
        yield Ellipsoid((side * 22, 48, 1622), (23, 28, 20)), GREY_MATTER
    yield Capsule((0, 22, 1640), (0, 20, 1598), 11, 8), WHITE_MATTER
    yield Ellipsoid((0, -22, 1606), (52, 44, 6)), COMPACT
    for side in (-1, 1):
        yield Ellipsoid((side * 52, 12, 1600), (14, 16, 14)), COMPACT
        yield from (
            (part, COMPACT) for part in tube([(side * 36, -72, 1600), (side * 62, -40, 1606), (side * 66, -5, 1612)], 5)
        )
        yield from (
            (part, COMPACT)
            for part in tube(
                [
                    (side * 52, -8, 1596),
                    (side * 49, -14, 1560),
                    (side * 40, -42, 1544),
                    (side * 18, -70, 1534),
                    (0, -75, 1533),
                ],
                6.5,
            )
        )
    yield Ellipsoid((0, -58, 1584), (32, 24, 20)), COMPACT
    for height in (1556.0, 1566.0):
        arch = [(31 * np.sin(angle), -38 - 34 * np.cos(angle), height) for angle in np.linspace(-1.45, 1.45, 11)]
        yield from ((part, TOOTH) for part in tube([(float(x), float(y), z) for x, y, z in arch], 3.6))


def _spine() -> Iterator[Part]:
    for name in VERTEBRAE:
        body = vertebra(name)
        (x, y, z), (width, depth, height) = body.centre, body.radii
        behind = y + depth
        yield Capsule((x, y, z), (x, spine_y(z - height * 2.4), z - height * 2.4), depth - 1, depth - 1), CARTILAGE
        yield body.solid(), COMPACT
        yield body.solid(bark_mm=1.8), MARROW
        for side in (-1, 1):
            yield Capsule((side * 10, behind - 2, z), (side * 13, behind + 11, z - 2), 4.5, 4.5), COMPACT
            yield Capsule((side * 12, behind + 12, z - 1), (side * (width + 16), behind + 16, z), 4.5, 3.5), COMPACT
            yield Capsule((side * 12, behind + 11, z - 2), (0, behind + 20, z - 5), 4, 4), COMPACT
        yield Capsule((0, behind + 18, z - 5), (0, behind + 20 + 20 * depth / 19, z - 14), 4, 3.5), COMPACT
    canal: list[Point] = []
    for name in VERTEBRAE:
        body = vertebra(name)
        canal.append((0.0, body.centre[1] + body.radii[1] + 9.0, body.centre[2]))
    yield from ((part, CORD) for part in tube(canal, 7.5))
    for number, (y, z) in enumerate(((48, 1019), (56, 995), (65, 972), (71, 951), (73, 932))):
        width = 52 - 8 * number
        yield Ellipsoid((0, y, z), (width, 17 - 1.8 * number, 16)), COMPACT
        yield Ellipsoid((0, y, z), (width - 4, 14 - 1.8 * number, 13)), MARROW
    yield from ((part, COMPACT) for part in tube([(0, 72, 918), (0, 64, 900), (0, 55, 890)], 8, 4))


def _ribs(side: int) -> Iterator[Part]:
    for number in range(1, 13):
        course = rib(number, side)
        yield from ((part, COMPACT) for part in tube(course, 5.6, 5.0))
        yield from ((part, MARROW) for part in tube(course, 2.6, 2.4))
        if number <= 10:
            x, y, z = course[-1]
            notch = max(1425.0 - 16.0 * number, 1292.0) if number <= 7 else 1268.0 - 4 * (number - 7)
            middle = (0.55 * x, 0.45 * y - 52.0, min(z, notch) - 4.0)
            end = (side * 15.0, -83.0 - 3.5 * min(number, 5), notch)
            yield from ((part, CARTILAGE) for part in tube([course[-1], middle, end], 5.0))


def _sternum() -> Iterator[Part]:
    for (y, z), radii in (((-84, 1416), (26, 8, 26)), ((-95, 1356), (17, 8, 42)), ((-99, 1312), (18, 7, 30))):
        yield Ellipsoid((0, y, z), radii), COMPACT
        yield Ellipsoid((0, y, z), (radii[0] - 3, radii[1] - 3, radii[2] - 3)), MARROW
    yield Ellipsoid((0, -96, 1276), (7, 4, 14)), CARTILAGE


def _shoulder(side: int) -> Iterator[Part]:
    glenoid = (side * 146.0, 18.0, 1412.0)
    for y, z, x in ((66, 1450, 84), (78, 1425, 80), (85, 1395, 80), (87, 1365, 84), (84, 1335, 92), (79, 1318, 100)):
        yield Capsule((side * x, y, z), glenoid, 3.2, 5.0), COMPACT
    yield from (
        (p, COMPACT) for p in tube([(side * 80, 82, 1425), (side * 140, 66, 1447), (side * 172, 22, 1455)], 5, 7)
    )
    yield from (
        (p, COMPACT)
        for p in tube(
            [(side * 20, -76, 1438), (side * 70, -62, 1452), (side * 120, -8, 1460), (side * 164, 6, 1458)], 6.5
        )
    )


def _pelvis(side: int) -> Iterator[Part]:
    hip = hip_joint(side)
    crest = (
        (118, -62, 985),
        (128, -44, 1015),
        (132, -18, 1040),
        (124, 12, 1056),
        (104, 40, 1058),
        (78, 64, 1046),
        (54, 76, 1020),
        (46, 76, 990),
    )
    roof = (side * 84.0, 8.0, 952.0)
    for first, second in pairwise(crest):
        for share in np.linspace(0.0, 1.0, 4)[:3]:
            x, y, z = (float(a + share * (b - a)) for a, b in zip(first, second, strict=True))
            yield Capsule((side * x, y, z), roof, 5.5, 9.0), COMPACT
    for first, second in pairwise(crest):
        yield Capsule((side * first[0], *first[1:]), (side * second[0], *second[1:]), 7, 7), COMPACT
        yield Capsule((side * first[0], *first[1:]), (side * second[0], *second[1:]), 4, 4), MARROW
    yield Ellipsoid(hip, (33, 32, 33)), COMPACT
    seat = (side * 58.0, 42.0, 858.0)
    yield from ((p, COMPACT) for p in tube([(side * 80, 20, 920), (side * 70, 40, 890), seat], 15, 15))
    yield from ((p, MARROW) for p in tube([(side * 80, 20, 920), (side * 70, 40, 890), seat], 10, 10))
    front = (side * 11.0, -62.0, 898.0)
    yield from ((p, COMPACT) for p in tube([(side * 78, -20, 928), (side * 42, -56, 922), front], 11, 10))
    yield from ((p, COMPACT) for p in tube([front, (side * 24, -44, 876), (side * 44, 5, 858), seat], 9, 9))
    yield Ellipsoid(hip, (27, 27, 27)), CARTILAGE


def _femur(side: int) -> Iterator[Part]:
    head, trochanter = hip_joint(side), (side * 128.0, 12.0, 905.0)
    bend, knee = (side * 124.0, 8.0, 862.0), (side * 98.0, 2.0, 500.0)
    yield Ellipsoid(head, (24.5, 24.5, 24.5)), COMPACT
    yield Capsule(head, trochanter, 15, 18), COMPACT
    yield Capsule(trochanter, bend, 20, 17), COMPACT
    yield Capsule(bend, knee, 16, 13.5), CORTEX
    yield Ellipsoid(head, (21.5, 21.5, 21.5)), MARROW
    yield Capsule(head, trochanter, 11.5, 14), MARROW
    yield Capsule(trochanter, bend, 15, 11), MARROW
    yield Capsule(bend, knee, 9.0, 7.0), YELLOW_MARROW


def humerus(shoulder: Point, elbow: Point) -> Iterator[Part]:
    """Upper arm bone of an arm in any posture."""
    yield Ellipsoid(shoulder, (24, 24, 24)), COMPACT
    yield Ellipsoid(shoulder, (21, 21, 21)), MARROW
    yield Capsule(shoulder, elbow, 14, 11), CORTEX
    yield Capsule(shoulder, elbow, 8, 5.5), YELLOW_MARROW


def forearm(elbow: Point, wrist: Point) -> Iterator[Part]:
    """Radius and ulna."""
    for offset in (-9.0, 9.0):
        start = (elbow[0] + offset, elbow[1], elbow[2])
        end = (wrist[0] + offset, wrist[1], wrist[2])
        yield Capsule(start, end, 8.5, 7.0), CORTEX
        yield Capsule(start, end, 4.0, 3.5), MUSCLE
