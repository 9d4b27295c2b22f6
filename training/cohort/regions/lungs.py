"""Lungs: segments by their bronchi, airways, hila, pleura, and the nodes within the lungs."""

from training.cohort.body import SIDES
from training.cohort.reference import LOBES, Reference
from training.cohort.regions.region import Region, Regions

_SEGMENTS = {
    "right upper lobe": {"apical segment (S1)": "BI", "posterior segment (S2)": "BII", "anterior segment (S3)": "BIII"},
    "right middle lobe": {"lateral segment (S4)": "BIV", "medial segment (S5)": "BV"},
    "right lower lobe": {
        "superior segment (S6)": "BVI",
        "medial basal segment (S7)": "BVII",
        "anterior basal segment (S8)": "BVIII",
        "lateral basal segment (S9)": "BIX",
        "posterior basal segment (S10)": "BX",
    },
    "left upper lobe": {
        "apicoposterior segment (S1+2)": "BI+BII",
        "anterior segment (S3)": "BIII",
        "superior lingular segment (S4)": "BIV",
        "inferior lingular segment (S5)": "BV",
    },
    "left lower lobe": {
        "superior segment (S6)": "BVI",
        "anteromedial basal segment (S7+8)": "BVII,BVIII",
        "lateral basal segment (S9)": "BIX",
        "posterior basal segment (S10)": "BX",
    },
}
_LOBAR = {
    "right": ("Right superior lobar bronchus", "Middle lobar bronchus.r", "Right inferior lobar bronchus"),
    "left": ("Left superior lobar bronchus", "Left inferior lobar bronchus"),
}


def segments(reference: Reference) -> Regions:
    """Each voxel of a lobe belongs to the segment whose bronchus is nearest."""
    body = reference.body
    lobes = {lobe: body.structure(name) for lobe, name in LOBES.items()}
    nearest = body.nearest(list(lobes.values()), reference.lungs)
    for number, lobe in enumerate(lobes, start=1):
        side = lobe.split()[0]
        names = _SEGMENTS[lobe]
        seeds = [body.structure(*_bronchi(reference, side, codes)) for codes in names.values()]
        whole = nearest == number
        part = body.nearest(seeds, whole)
        for index, segment in enumerate(names, start=1):
            yield Region(f"{lobe} {segment}", part == index)


def airways(reference: Reference) -> Regions:
    body, carina = reference.body, reference.marks.carina
    trachea = body.structure("Trachea")
    tube = trachea | (reference.airway & body.near(trachea, 12.0))
    yield Region("trachea", tube & (body.z > carina[2] - 2.0) & (body.z < reference.marks.cricoid_z + 2.0))
    for side, _, sign in SIDES:
        bronchus = body.structure(f"{side.capitalize()} main bronchus")
        tube = bronchus | (reference.airway & body.near(bronchus, 8.0))
        yield Region(f"{side} main bronchus", tube & body.half(sign))


def nodes_of_the_lungs(reference: Reference) -> Regions:
    """Stations 10 to 14 along the bronchial tree, from the main bronchus outwards."""
    body = reference.body
    wall = body.structure(*body.anatomy.names("ronchus"))
    room = reference.lean & ~reference.vessel & ~reference.heart & ~reference.bone & ~wall & ~reference.airway
    for side, _, sign in SIDES:
        half = body.half(sign)
        main = body.structure(f"{side.capitalize()} main bronchus") & (
            sign * body.x > (6.0 if side == "right" else 20.0)
        )
        lobar = body.structure(*_LOBAR[side])
        upper, lower = body.structure(_LOBAR[side][0]), body.structure(_LOBAR[side][-1])
        between = body.near(lower, 8.0) & body.near(upper, 10.0)
        if side == "right":
            between |= body.near(body.structure("Intermediate bronchus.r"), 7.0)
        hilar = reference.vessels["pulmonary artery"] | reference.vessels[f"{side} pulmonary vein"] | lobar
        yield Region(f"{side} interlobar node (station 11{side[0].upper()})", between & room & half)
        yield Region(
            f"{side} hilar node (station 10{side[0].upper()})",
            body.near(main, 9.0) & room & half & (sign * body.x > 14.0),
        )
        yield Region(f"{side} pulmonary hilum", hilar & half & (sign * body.x > 24.0) & (sign * body.x < 58.0))
        yield Region(f"{side} lobar node (station 12{side[0].upper()})", body.near(lobar, 7.0) & room & half)
        segmental = body.structure(*(name for name in body.anatomy.names("egmental bronchus of " + side)))
        away = body.distance(lobar, 70.0)
        along = body.near(segmental, 5.5) & room & half
        yield Region(f"{side} segmental node (station 13{side[0].upper()})", along & (away < 22.0))
        yield Region(f"{side} subsegmental node (station 14{side[0].upper()})", along & (away >= 22.0) & (away < 55.0))


def pleura(reference: Reference) -> Regions:
    """A sheet round the lungs: along ribs and chest wall, or over diaphragm and mediastinum."""
    body = reference.body
    ribs = body.structure(*(name for name in body.anatomy.numbers if " rib." in name and "cartilage" not in name))
    wall = body.near(ribs | body.structure("innermost_intercostal_muscles", "internal_intercostal_muscles"), 6.0)
    sheet = body.near(reference.lungs, 4.3) & ~reference.lungs & ~reference.bone & ~reference.vessel & ~reference.heart
    inner = (reference.lungs & ~body.core(reference.lungs, 2.9)) | (sheet & reference.lean)
    diaphragm = body.near(body.structure("diaphragm") | reference.liver, 6.0) | (abs(body.x) < 45.0)
    for side, _, sign in SIDES:
        half = body.half(sign) & ~reference.airway
        yield Region(f"{side} costal pleura", sheet & wall & half & ~(diaphragm & (abs(body.x) < 30.0)))
        yield Region(f"{side} diaphragmatic and mediastinal pleura", inner & diaphragm & half & ~wall)


def _bronchi(reference: Reference, side: str, codes: str) -> list[str]:
    return [
        name
        for name in reference.body.anatomy.names(f"bronchus of {side} lung (")
        if any(name.endswith(f"({code})") for code in codes.split(","))
    ]
