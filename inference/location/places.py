"""Where each coarse location of the vocabulary lies, as a table: the knowledge behind ``inference.location.locate``.

Ranges are those of an adult of average height, lying on the back: levels from one vertebra to another or in mm below
the top of C1 (``inference.anatomy.levels``), distances from the midline and before the centre of the spine in mm.
"""

from dataclasses import dataclass
from enum import StrEnum

from inference.anatomy.landmarks import Part
from inference.anatomy.levels import level_of

Range = tuple[float, float]


class Tissue(StrEnum):
    """What a region at a place is made of, or lies in."""

    BONE = "bone"
    RIB = "rib"
    SOFT = "soft"
    LUNG = "lung"
    HILUM = "hilum"
    PLEURA = "pleura"
    BRAIN = "brain"
    HEART = "heart"
    LIVER = "liver"
    SKIN = "skin"


@dataclass(frozen=True, slots=True)
class Place:
    """A box for one coarse location.

    ``left_mm`` is signed (left positive) unless ``paired``: then it is the distance from the midline on either side.
    ``weight`` is how often the place is meant when its box is hit, relative to the others.
    """

    coarse: str
    tissue: Tissue
    level_mm: Range
    left_mm: Range
    forward_mm: Range | None = None
    paired: bool = False
    part: Part = Part.TRUNK
    weight: float = 1.0


def _between(upper: str, lower: str) -> Range:
    return level_of(upper, 0.0), level_of(lower, 1.0)


_BONE, _RIB, _SOFT, _LUNG, _SKIN, _BRAIN = Tissue.BONE, Tissue.RIB, Tissue.SOFT, Tissue.LUNG, Tissue.SKIN, Tissue.BRAIN


def _middle(
    coarse: str, tissue: Tissue, level: Range, left: Range, forward: Range | None, weight: float = 1.0
) -> Place:
    return Place(coarse, tissue, level, left, forward, weight=weight)


def _paired(
    coarse: str, tissue: Tissue, level: Range, away: Range, forward: Range | None, weight: float = 1.0
) -> Place:
    return Place(coarse, tissue, level, away, forward, paired=True, weight=weight)


def _each_side(
    coarse: str, tissue: Tissue, level: Range, away: Range, forward: Range, weight: float = 1.0
) -> tuple[Place, Place]:
    """Two places, for names that carry their side."""
    right = Place(f"right {coarse}", tissue, level, (-away[1], -away[0]), forward, weight=weight)
    return right, Place(f"left {coarse}", tissue, level, away, forward, weight=weight)


def _limb(coarse: str, tissue: Tissue, part: Part, level: Range, weight: float = 1.0) -> Place:
    return Place(coarse, tissue, level, (0.0, 400.0), None, paired=True, part=part, weight=weight)


_HEAD = (
    _paired("cerebral lobe", _BRAIN, (-160.0, -50.0), (0.0, 75.0), (-95.0, 120.0)),
    _middle("posterior fossa, sella and meninges", _BRAIN, (-60.0, 0.0), (-55.0, 55.0), (-90.0, 20.0)),
    _paired("calvarium", _BONE, (-165.0, -45.0), (0.0, 85.0), (-100.0, 125.0)),
    _paired("skull base", _BONE, (-60.0, 5.0), (0.0, 80.0), (-60.0, 45.0)),
    _paired("facial bone", _BONE, (-50.0, 60.0), (0.0, 65.0), (40.0, 110.0)),
    _paired("orbit", _SOFT, (-52.0, -18.0), (12.0, 50.0), (50.0, 100.0)),
    _paired("paranasal sinus", _SOFT, (-70.0, 0.0), (0.0, 40.0), (25.0, 95.0), 0.5),
    _paired("nasal cavity and nasopharynx", _SOFT, (-40.0, 10.0), (0.0, 20.0), (10.0, 110.0)),
    _middle("oral cavity", _SOFT, (5.0, 55.0), (-35.0, 35.0), (45.0, 105.0)),
    _paired("oropharynx", _SOFT, (-5.0, 45.0), (0.0, 32.0), (25.0, 60.0)),
    _paired("hypopharynx and larynx", _SOFT, (45.0, 102.0), (0.0, 20.0), (22.0, 60.0)),
    _paired("parotid gland", _SOFT, (-20.0, 25.0), (36.0, 70.0), (10.0, 50.0)),
    _paired("submandibular and sublingual gland", _SOFT, (28.0, 58.0), (12.0, 40.0), (40.0, 75.0)),
    _paired("masticator space", _SOFT, (-35.0, 20.0), (30.0, 65.0), (25.0, 75.0)),
    _paired("scalp and facial soft tissue", _SKIN, (-165.0, 50.0), (0.0, 90.0), (-110.0, 130.0), 0.5),
    _paired("parotid node", _SOFT, (-35.0, 20.0), (45.0, 75.0), (0.0, 50.0), 0.3),
)

_NECK = (
    _paired("thyroid gland", _SOFT, (72.0, 118.0), (5.0, 32.0), (20.0, 58.0)),
    _paired("cervical level I node", _SOFT, (38.0, 66.0), (0.0, 30.0), (60.0, 105.0)),
    _paired("cervical level II node", _SOFT, (2.0, 50.0), (20.0, 50.0), (-5.0, 40.0)),
    _paired("cervical level III node", _SOFT, (50.0, 82.0), (20.0, 45.0), (5.0, 55.0)),
    _paired("cervical level IV node", _SOFT, (82.0, 122.0), (18.0, 42.0), (10.0, 62.0)),
    _paired("cervical level V node", _SOFT, (30.0, 125.0), (40.0, 75.0), (-25.0, 25.0)),
    _paired("cervical level VI node", _SOFT, (60.0, 130.0), (0.0, 15.0), (40.0, 75.0), 0.7),
    _paired("cervical level VII node", _SOFT, (-10.0, 25.0), (4.0, 20.0), (20.0, 40.0)),
    _paired("supraclavicular node", _SOFT, (112.0, 160.0), (26.0, 85.0), (15.0, 80.0)),
    _paired("neck muscle", _SOFT, (5.0, 130.0), (0.0, 75.0), (-75.0, -12.0)),
)

_LUNGS = (
    _middle("right upper lobe", _LUNG, (130.0, 290.0), (-130.0, -15.0), (-25.0, 150.0)),
    _middle("right middle lobe", _LUNG, (250.0, 350.0), (-130.0, -15.0), (20.0, 160.0)),
    _middle("right lower lobe", _LUNG, (200.0, 400.0), (-135.0, -15.0), (-30.0, 110.0)),
    _middle("left upper lobe", _LUNG, (130.0, 350.0), (15.0, 130.0), (-25.0, 160.0)),
    _middle("left lower lobe", _LUNG, (200.0, 400.0), (15.0, 135.0), (-30.0, 110.0)),
)

_CHEST = (
    *_LUNGS,
    _paired("pulmonary hilum", Tissue.HILUM, (208.0, 280.0), (22.0, 65.0), (15.0, 80.0)),
    _middle("trachea and main bronchus", _SOFT, (100.0, 220.0), (-12.0, 12.0), (30.0, 62.0), 0.5),
    *_each_side("pleura", Tissue.PLEURA, (150.0, 410.0), (30.0, 140.0), (-45.0, 150.0), 0.7),
    _paired("mediastinal station 1-2 node", _SOFT, (110.0, 182.0), (2.0, 30.0), (35.0, 85.0)),
    _middle("mediastinal station 3 node", _SOFT, (160.0, 225.0), (-20.0, 20.0), (75.0, 120.0)),
    _paired("mediastinal station 4 node", _SOFT, (178.0, 222.0), (3.0, 28.0), (38.0, 72.0)),
    _middle("mediastinal station 5-6 node", _SOFT, (196.0, 240.0), (14.0, 45.0), (48.0, 100.0)),
    _middle("mediastinal station 7 node", _SOFT, (212.0, 256.0), (-20.0, 20.0), (33.0, 65.0)),
    _middle("mediastinal station 8-9 node", _SOFT, (245.0, 375.0), (-25.0, 25.0), (25.0, 58.0)),
    _paired("hilar station 10 node", Tissue.HILUM, (212.0, 270.0), (20.0, 45.0), (30.0, 70.0), 0.7),
    _paired("intrapulmonary station 11-14 node", Tissue.HILUM, (222.0, 300.0), (38.0, 80.0), (15.0, 80.0), 0.6),
    _paired("parasternal and cardiophrenic node", _SOFT, (190.0, 345.0), (8.0, 40.0), (112.0, 165.0), 0.4),
    _middle("mediastinal compartment", _SOFT, (150.0, 345.0), (-45.0, 45.0), (25.0, 140.0), 1.5),
    _middle("heart and pericardium", Tissue.HEART, (243.0, 350.0), (-45.0, 90.0), (40.0, 150.0), 2.0),
    _middle("thoracic great vessel", _SOFT, (165.0, 340.0), (-20.0, 40.0), (20.0, 120.0), 0.4),
    _middle("esophagus", _SOFT, (110.0, 372.0), (-14.0, 14.0), (26.0, 58.0), 0.7),
    *_each_side("breast", _SKIN, (215.0, 335.0), (35.0, 145.0), (110.0, 210.0), 0.6),
    *_each_side("axillary node", _SOFT, (165.0, 300.0), (92.0, 180.0), (15.0, 110.0)),
    _paired("chest wall", _SOFT, (150.0, 410.0), (35.0, 160.0), (-70.0, 175.0), 0.7),
    _middle("sternum", _BONE, (178.0, 350.0), (-25.0, 25.0), (85.0, 175.0)),
    _paired("clavicle", _BONE, (120.0, 190.0), (12.0, 150.0), (20.0, 100.0)),
    _paired("scapula", _BONE, (138.0, 310.0), (68.0, 170.0), (-55.0, 45.0)),
    *_each_side("upper rib (1-4)", _RIB, (105.0, 210.0), (24.0, 128.0), (-25.0, 150.0)),
    *_each_side("middle rib (5-8)", _RIB, (210.0, 305.0), (26.0, 142.0), (-35.0, 150.0)),
    *_each_side("lower rib (9-12)", _RIB, (305.0, 480.0), (26.0, 142.0), (-55.0, 110.0)),
    _paired("costal cartilage", _SOFT, (184.0, 485.0), (15.0, 125.0), (85.0, 172.0), 0.4),
)

_SPINE = (
    _middle("upper cervical vertebra (C1-C2)", _BONE, _between("C1", "C2"), (-32.0, 32.0), (-35.0, 28.0)),
    _middle("lower cervical vertebra (C3-C7)", _BONE, _between("C3", "C7"), (-30.0, 30.0), (-35.0, 28.0)),
    _middle("upper thoracic vertebra (T1-T4)", _BONE, _between("T1", "T4"), (-30.0, 30.0), (-40.0, 33.0)),
    _middle("mid thoracic vertebra (T5-T8)", _BONE, _between("T5", "T8"), (-30.0, 30.0), (-40.0, 33.0)),
    _middle("lower thoracic vertebra (T9-T12)", _BONE, _between("T9", "T12"), (-30.0, 30.0), (-40.0, 33.0)),
    _middle("lumbar vertebra", _BONE, _between("L1", "L5"), (-38.0, 38.0), (-42.0, 38.0)),
    _middle("sacrum and coccyx", _BONE, _between("S1", "Co"), (-52.0, 52.0), (-38.0, 32.0)),
    _middle("spinal canal", _SOFT, (0.0, 640.0), (-9.0, 9.0), (-26.0, -4.0), 0.5),
    _paired("paraspinal muscle", _SOFT, (125.0, 630.0), (8.0, 70.0), (-65.0, -12.0)),
)

_ABDOMEN = (
    _middle("left and caudate liver lobe", Tissue.LIVER, (322.0, 418.0), (-40.0, 78.0), (50.0, 150.0)),
    _middle("right liver lobe", Tissue.LIVER, (322.0, 460.0), (-130.0, -32.0), (-15.0, 140.0)),
    _middle("biliary tract", _SOFT, (395.0, 468.0), (-66.0, -12.0), (45.0, 105.0), 0.6),
    _middle("pancreas", _SOFT, (405.0, 475.0), (-45.0, 70.0), (30.0, 78.0)),
    _middle("spleen", _SOFT, (340.0, 445.0), (60.0, 128.0), (-30.0, 65.0)),
    _paired("adrenal gland", _SOFT, (392.0, 440.0), (22.0, 58.0), (2.0, 38.0), 0.7),
    _paired("kidney", _SOFT, (402.0, 515.0), (30.0, 92.0), (-32.0, 42.0), 2.0),
    _paired("renal pelvis and ureter", _SOFT, (436.0, 680.0), (22.0, 55.0), (2.0, 55.0), 0.5),
    _middle("stomach", _SOFT, (342.0, 458.0), (-15.0, 108.0), (28.0, 128.0)),
    _middle("duodenum and small bowel", _SOFT, (425.0, 655.0), (-95.0, 95.0), (25.0, 130.0)),
    _middle("cecum and ascending colon", _SOFT, (448.0, 620.0), (-125.0, -52.0), (0.0, 90.0)),
    _middle("transverse colon", _SOFT, (425.0, 510.0), (-95.0, 105.0), (55.0, 145.0)),
    _middle("descending and sigmoid colon", _SOFT, (440.0, 590.0), (52.0, 125.0), (-5.0, 90.0)),
    _middle("descending and sigmoid colon", _SOFT, (575.0, 722.0), (-35.0, 75.0), (0.0, 80.0), 0.7),
    _middle("peritoneum", _SOFT, (335.0, 730.0), (-130.0, 130.0), (0.0, 140.0), 0.4),
    _middle("omentum and mesentery", _SOFT, (430.0, 650.0), (-105.0, 105.0), (40.0, 140.0), 0.5),
    _middle("upper abdominal node", _SOFT, (372.0, 450.0), (-60.0, 92.0), (32.0, 100.0), 0.6),
    _middle("mesenteric node", _SOFT, (438.0, 640.0), (-80.0, 80.0), (40.0, 118.0), 0.6),
    _middle("retroperitoneal node", _SOFT, (380.0, 535.0), (-32.0, 36.0), (22.0, 66.0)),
    _middle("abdominal great vessel", _SOFT, (390.0, 535.0), (-5.0, 22.0), (28.0, 60.0), 0.3),
    _paired("abdominal wall", _SKIN, (350.0, 690.0), (0.0, 150.0), (40.0, 190.0)),
    _paired("iliopsoas muscle", _SOFT, (440.0, 720.0), (22.0, 78.0), (-8.0, 85.0), 0.6),
)

_PELVIS = (
    _paired("common iliac node", _SOFT, (512.0, 592.0), (10.0, 52.0), (24.0, 62.0)),
    _paired("external iliac node", _SOFT, (570.0, 695.0), (32.0, 78.0), (38.0, 118.0)),
    _paired("internal iliac node", _SOFT, (590.0, 682.0), (22.0, 60.0), (2.0, 50.0)),
    _paired("obturator node", _SOFT, (635.0, 702.0), (36.0, 64.0), (32.0, 82.0)),
    _middle("presacral and mesorectal node", _SOFT, (590.0, 738.0), (-30.0, 30.0), (-40.0, 32.0), 0.8),
    _paired("inguinal node", _SOFT, (665.0, 775.0), (15.0, 82.0), (80.0, 145.0)),
    _middle("rectum and anal canal", _SOFT, (628.0, 765.0), (-26.0, 26.0), (-42.0, 36.0)),
    _middle("urinary bladder and urethra", _SOFT, (645.0, 725.0), (-42.0, 42.0), (25.0, 105.0), 0.4),
    _paired("prostate", _SOFT, (706.0, 748.0), (0.0, 28.0), (10.0, 72.0)),
    _paired("seminal vesicle", _SOFT, (688.0, 722.0), (3.0, 36.0), (2.0, 42.0), 0.6),
    _paired("testis, penis and scrotum", _SOFT, (725.0, 835.0), (0.0, 42.0), (40.0, 135.0)),
    _middle("uterus", _SOFT, (640.0, 716.0), (-36.0, 36.0), (5.0, 75.0), 0.2),
    _paired("ovary and adnexa", _SOFT, (615.0, 692.0), (25.0, 62.0), (18.0, 72.0), 0.3),
    _middle("vagina and vulva", _SOFT, (712.0, 770.0), (-16.0, 16.0), (0.0, 60.0), 0.15),
    _paired("gluteal and perineal soft tissue", _SOFT, (555.0, 800.0), (0.0, 150.0), (-90.0, 0.0)),
    _paired("ilium and acetabulum", _BONE, (525.0, 702.0), (36.0, 132.0), (-35.0, 108.0), 1.5),
    _paired("pubis and ischium", _BONE, (688.0, 772.0), (2.0, 78.0), (-38.0, 100.0)),
    _paired("sacroiliac joint", _BONE, (575.0, 650.0), (28.0, 55.0), (-18.0, 16.0), 0.6),
    _paired("femur", _BONE, (668.0, 770.0), (62.0, 140.0), (-48.0, 75.0)),
    _paired("thigh muscle", _SOFT, (690.0, 770.0), (40.0, 150.0), (-60.0, 110.0)),
)

_LIMBS = (
    _paired("humerus", _BONE, (60.0, 310.0), (118.0, 240.0), (-40.0, 75.0)),
    _paired("shoulder", _SOFT, (110.0, 290.0), (95.0, 230.0), (-65.0, 75.0), 0.8),
    _limb("humerus", _BONE, Part.ARM, (-130.0, 456.0), 1.2),
    _limb("radius and ulna", _BONE, Part.ARM, (440.0, 690.0)),
    _limb("radius and ulna", _BONE, Part.ARM, (-400.0, -100.0), 0.5),
    _limb("hand and wrist", _BONE, Part.ARM, (670.0, 880.0)),
    _limb("hand and wrist", _BONE, Part.ARM, (-600.0, -330.0), 0.5),
    _limb("upper limb muscle", _SOFT, Part.ARM, (-600.0, 880.0)),
    _limb("femur", _BONE, Part.LEG, (750.0, 1125.0)),
    _limb("tibia and fibula", _BONE, Part.LEG, (1125.0, 1495.0)),
    _limb("patella and knee", _BONE, Part.LEG, (1095.0, 1150.0), 0.6),
    _limb("foot and ankle", _BONE, Part.LEG, (1490.0, 1600.0)),
    _limb("thigh muscle", _SOFT, Part.LEG, (740.0, 1110.0)),
    _limb("calf muscle", _SOFT, Part.LEG, (1110.0, 1510.0)),
    _limb("popliteal node", _SOFT, Part.LEG, (1065.0, 1130.0), 0.3),
    Place("testis, penis and scrotum", _SOFT, (740.0, 835.0), (0.0, 38.0), (35.0, 140.0), True, Part.LEG),
    Place("gluteal and perineal soft tissue", _SOFT, (740.0, 800.0), (0.0, 130.0), (-90.0, -10.0), True, Part.LEG, 0.5),
)

PLACES: tuple[Place, ...] = _HEAD + _NECK + _CHEST + _SPINE + _ABDOMEN + _PELVIS + _LIMBS
"""Every coarse location but the epitrochlear node (no rule tells it from the muscle around it)."""
