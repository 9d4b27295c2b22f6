"""The digital patient's organs: chest, abdomen and pelvis, head and neck.

Reference body as in ``patient_skeleton``: x to the left, y to the back, z above the sole, mm, 1.75 m tall.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum

from inference.patient import tissues
from inference.patient.shapes import Capsule, Ellipsoid, Point, Tower, tube
from inference.patient.skeleton import RIB_CAGE, Part

Shift = Callable[[str], Point]
"""Displacement (mm) of an organ by its name: where patients differ."""


class Sex(StrEnum):
    MALE = "M"
    FEMALE = "F"


_PERITONEUM = Tower(
    (
        (912, 46, 30, -6),
        (940, 72, 46, -10),
        (985, 104, 62, -10),
        (1070, 114, 66, -10),
        (1150, 118, 74, -8),
        (1240, 119, 78, -4),
    ),
    exponent=2.4,
)


def chest(shift: Shift) -> Iterator[Part]:
    """Lungs, airways, mediastinum, heart and great vessels, oesophagus."""
    lung = Tower((*((z, a - 9, b - 9, y) for z, a, b, y in RIB_CAGE.profile[:-1]), (1476.0, 24.0, 18.0, 21.0)), 2.2)
    yield lung, tissues.LUNG
    for side, hilum in ((-1, (-38.0, 12.0, 1345.0)), (1, (40.0, 14.0, 1350.0))):
        for x, y, z in (
            (70, 10, 1425),
            (72, -40, 1400),
            (92, 30, 1385),
            (100, -25, 1350),
            (104, 35, 1320),
            (88, 48, 1270),
            (98, -20, 1300),
            (70, 62, 1340),
            (112, 10, 1262),
        ):
            yield Capsule(hilum, (side * x, y, z), 5.0, 1.3), tissues.VESSEL
        yield Ellipsoid(hilum, (13, 14, 20)), tissues.VESSEL
    middle = Tower(
        ((1195, 34, 80, -8), (1300, 34, 82, -10), (1350, 30, 82, -10), (1410, 32, 76, -6), (1480, 30, 40, 5)), 2.2
    )
    yield middle, tissues.SOFT
    yield from _heart(shift("heart"))
    arch = [
        (-16, -38, 1335),
        (-20, -38, 1375),
        (-8, -22, 1402),
        (12, 8, 1408),
        (22, 32, 1392),
        (24, 40, 1350),
        (20, 34, 1260),
        (10, 18, 1200),
        (4, 8, 1140),
        (2, 2, 1068),
    ]
    yield from ((part, tissues.BLOOD) for part in tube(arch, 14.5, 9.0))
    for side in (-1, 1):
        yield from (
            (p, tissues.BLOOD) for p in tube([(4, -8, 1408), (side * 22, -12, 1445), (side * 30, -4, 1530)], 5.5, 3.5)
        )
        yield from (
            (p, tissues.BLOOD)
            for p in tube(
                [
                    (2, 2, 1068),
                    (side * 34, 2, 1010),
                    (side * 66, -34, 945),
                    (side * 88, -58, 880),
                    (side * 88, -40, 760),
                ],
                6.5,
                4.5,
            )
        )
    yield from (
        (p, tissues.BLOOD)
        for p in tube([(-24, -30, 1440), (-26, -30, 1345), (-20, -6, 1260), (-20, 6, 1150), (-16, 8, 1066)], 10, 10)
    )
    yield from ((p, tissues.BLOOD) for p in tube([(6, -40, 1345), (4, -12, 1362), (-34, -2, 1358)], 12, 9))
    yield Capsule((6, -14, 1362), (36, 6, 1362), 11, 9), tissues.BLOOD
    yield from (
        (p, tissues.OESOPHAGUS) for p in tube([(2, 6, 1495), (4, 28, 1400), (4, 32, 1330), (14, 20, 1245)], 7.5)
    )
    yield from ((p, tissues.SOFT) for p in tube([(0, -16, 1540), (0, -6, 1470), (0, 10, 1388)], 11.5))
    yield from (
        (p, tissues.AIR)
        for p in tube([(0, -8, 1600), (0, -12, 1560), (0, -16, 1530), (0, -6, 1470), (0, 10, 1388)], 8.5)
    )
    for end in ((-34.0, 12.0, 1362.0), (42.0, 14.0, 1358.0)):
        yield Capsule((0, 10, 1388), end, 8.5, 8.0), tissues.SOFT
        yield Capsule((0, 10, 1388), end, 6.5, 5.5), tissues.AIR


def abdomen(shift: Shift) -> Iterator[Part]:
    """Diaphragm, liver, spleen, stomach, pancreas, kidneys, adrenals, bowel."""
    yield _PERITONEUM, tissues.FAT
    liver, spleen, belly = shift("liver"), shift("spleen"), shift("stomach")
    lobes = (
        Ellipsoid(_moved((-70, -8, 1222), liver), (66, 72, 82)),
        Ellipsoid(_moved((-88, 4, 1170), liver), (42, 56, 56)),
        Ellipsoid(_moved((6, -42, 1246), liver), (66, 36, 32), lean_deg=-14),
    )
    yield from (
        (
            Ellipsoid(lobe.centre, (lobe.radii[0] + 3, lobe.radii[1] + 3, lobe.radii[2] + 3), lobe.lean_deg),
            tissues.MUSCLE,
        )
        for lobe in lobes
    )
    yield Ellipsoid((68, -2, 1203), (60, 72, 84)), tissues.MUSCLE
    yield Ellipsoid((68, -2, 1203), (57, 69, 81)), tissues.FAT
    yield from (
        (part, tissues.GASTRIC_WALL)
        for part in tube(
            [_moved(p, belly) for p in ((58, 6, 1252), (66, -18, 1215), (52, -46, 1172), (8, -48, 1156))], 30, 15
        )
    )
    yield from (
        (part, tissues.GASTRIC_CONTENT)
        for part in tube(
            [_moved(p, belly) for p in ((58, 6, 1252), (66, -18, 1215), (52, -46, 1172), (8, -48, 1156))], 24, 9
        )
    )
    yield from ((lobe, tissues.LIVER) for lobe in lobes)
    yield Ellipsoid(_moved((-52, -58, 1158), liver), (15, 18, 26)), tissues.GALLBLADDER
    yield Ellipsoid(_moved((100, 30, 1222), spleen), (24, 37, 52), lean_deg=-16), tissues.SPLEEN
    yield from (
        (p, tissues.PANCREAS) for p in tube([(-30, -14, 1150), (-6, -16, 1164), (30, -8, 1184), (76, 16, 1200)], 14, 9)
    )
    yield from (
        (p, tissues.DUODENUM)
        for p in tube([(-10, -44, 1154), (-42, -22, 1160), (-46, -6, 1120), (-8, -2, 1104), (32, -18, 1128)], 12)
    )
    for side, height in ((-1, 1156.0), (1, 1170.0)):
        kidney = _moved((side * 66, 34, height), shift(f"kidney {side}"))
        yield Ellipsoid(kidney, (29, 26, 55), lean_deg=-side * 12), tissues.KIDNEY
        yield Ellipsoid(_moved(kidney, (-side * 10, -3, 0)), (12, 11, 24), lean_deg=-side * 12), tissues.URINE
        yield Ellipsoid((side * 40, 28, height + 58), (7, 10, 12)), tissues.ADRENAL
        psoas = [(side * 34, 34, 1140), (side * 48, 24, 1040), (side * 80, -24, 940)]
        yield from ((p, tissues.MUSCLE) for p in tube(psoas, 16, 19))
        path = [
            _moved(kidney, (-side * 22, -10, -30)),
            (side * 34, 2, 1060),
            (side * 48, 12, 985),
            (side * 22, 10, 938),
        ]
        yield from ((p, tissues.URETER) for p in tube(path, 2.4))
    yield from _bowel()


def pelvic_organs(shift: Shift, sex: Sex) -> Iterator[Part]:
    """Bladder, rectum, and the organs of the sex."""
    rectum = [(12, 30, 972), (0, 46, 945), (0, 44, 905), (0, 36, 872)]
    yield from ((p, tissues.COLON) for p in tube(rectum, 15, 11))
    yield from ((p, tissues.FAECES) for p in tube(rectum[:3], 8, 5))
    bladder = _moved((0, -28, 934), shift("bladder"))
    if sex is Sex.MALE:
        yield Ellipsoid((0, 0, 898), (23, 17, 19)), tissues.PROSTATE
        for side in (-1, 1):
            yield Ellipsoid((side * 18, -72, 830), (15, 15, 22)), tissues.TESTIS
    else:
        yield Ellipsoid((0, 6, 952), (27, 22, 22)), tissues.UTERUS
    yield Ellipsoid(bladder, (40, 31, 27)), tissues.MUSCLE
    yield Ellipsoid(bladder, (37, 28, 24)), tissues.BLADDER


def breasts() -> Iterator[Part]:
    """Glands in fat over the chest wall; paint before the chest."""
    for side in (-1, 1):
        yield Ellipsoid((side * 82, -96, 1316), (58, 40, 54)), tissues.SKIN
        yield Ellipsoid((side * 82, -96, 1316), (55.5, 37.5, 51.5)), tissues.FAT
        yield Ellipsoid((side * 84, -110, 1314), (36, 19, 32)), tissues.BREAST


def head_and_neck() -> Iterator[Part]:
    """Glands, tonsils, eyes, thyroid, and the air of nose and sinuses; painted over the skull."""
    yield Capsule((0, -84, 1592), (0, -22, 1598), 10, 9), tissues.AIR
    yield Ellipsoid((0, -90, 1604), (11, 14, 24)), tissues.SOFT
    for side in (-1, 1):
        yield Ellipsoid((side * 22, -56, 1590), (10, 15, 13)), tissues.AIR
        yield Ellipsoid((side * 31, -64, 1634), (18, 22, 16)), tissues.FAT
        yield Ellipsoid((side * 31, -72, 1634), (12, 12, 12)), tissues.EYE
        yield Ellipsoid((side * 44, -66, 1644), (4, 7, 6)), tissues.LACRIMAL
        yield Ellipsoid((side * 57, 2, 1576), (9, 16, 19)), tissues.SALIVARY
        yield Ellipsoid((side * 33, -34, 1538), (9, 14, 10)), tissues.SALIVARY
        yield Ellipsoid((side * 17, -14, 1562), (6, 8, 10)), tissues.TONSIL
        yield Ellipsoid((side * 17, -16, 1472), (8, 9, 20)), tissues.THYROID


def _heart(moved: Point) -> Iterator[Part]:
    yield Ellipsoid(_moved((24, -44, 1302), moved), (60, 42, 44), lean_deg=-35), tissues.SOFT
    yield Ellipsoid(_moved((-4, -52, 1306), moved), (40, 32, 44), lean_deg=-10), tissues.BLOOD
    yield Ellipsoid(_moved((4, -6, 1330), moved), (34, 20, 20)), tissues.BLOOD
    ventricle = _moved((44, -48, 1294), moved)
    yield Ellipsoid(ventricle, (46, 33, 33), lean_deg=32), tissues.MYOCARDIUM
    yield Ellipsoid(_moved(ventricle, (-7, 0, 3)), (37, 21, 21), lean_deg=32), tissues.BLOOD


def _bowel() -> Iterator[Part]:
    rows = [(-1, 1102), (1, 1078), (-1, 1052), (1, 1026), (-1, 1000), (1, 978)]
    loops: list[Point] = []
    for side, z in rows:
        loops += [(-side * 62, -34, z + 6), (-side * 20, -50, z), (side * 22, -20, z - 3), (side * 62, -38, z - 8)]
    yield from ((p, tissues.SMALL_BOWEL) for p in tube(loops, 12.5))
    colon: list[Point] = [
        (-88, 0, 1002),
        (-95, 4, 1060),
        (-94, 0, 1112),
        (-70, -46, 1122),
        (0, -62, 1106),
        (66, -50, 1132),
        (96, -2, 1168),
        (98, 14, 1120),
        (96, 10, 1040),
        (82, -4, 1000),
        (48, -16, 968),
        (12, 30, 972),
    ]
    yield from ((p, tissues.COLON) for p in tube(colon, 21, 14))
    yield from ((p, tissues.FAECES) for p in tube(colon, 14, 7))


def _moved(point: Point, by: Point) -> Point:
    return point[0] + by[0], point[1] + by[1], point[2] + by[2]
