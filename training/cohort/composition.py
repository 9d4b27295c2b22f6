"""What every voxel of the reference body consists of: its map of organs."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES
from training.cohort.landmarks import vertebra
from training.cohort.organs import NUMBERS
from training.cohort.pelvis import Build, Pelvis
from training.cohort.reference import ARM_BONES, Reference

OrganMap = NDArray[np.uint8]

_BY_NAME: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("lymph node", ("nodes", "node")),
    ("bronchus", ("bronchus", "Bronchus")),
    ("parotid gland", ("Parotid gland", "Accessory parotid")),
    ("submandibular gland", ("Submandibular gland",)),
    ("sublingual gland", ("Sublingual gland",)),
    ("thyroid", ("Thyroid gland",)),
    ("thymus", ("thymus",)),
    ("tonsil", ("Palatine tonsil",)),
    ("pituitary", ("hypophysis",)),
    ("mucosa", ("pharynx", "Mucosa", "palate", "Gingiva")),
    ("tongue", ("Tongue",)),
    ("larynx", ("Epiglottis", "Arytenoid", "arytenoid", "crico_arytenoid")),
    ("cartilage", ("cartilage",)),
    ("tooth", ("tooth", "incisor", "canine", "premolar", "Upper c", "Lower c")),
    ("oesophagus", ("Oesophagus",)),
    ("pancreas", ("Pancreas", "ancreatic duct")),
    ("spleen", ("Spleen",)),
    ("adrenal gland", ("Suprarenal",)),
    ("kidney", ("Kidney",)),
    ("urine", ("Renal pelvis",)),
    ("ureter", ("Ureter",)),
    ("small bowel", ("Jejunum", "Vermiform")),
    ("duodenum", ("Duodenum",)),
    ("bile", ("Gallbladder", "Bile duct")),
)
"""Organs whose structures are known by a part of their names; later ones lie over earlier ones."""


def compose(reference: Reference, pelvis: Pelvis) -> OrganMap:
    """The organ map (``NUMBERS``) within the muscular outline; 0 outside."""
    body = reference.body
    organs = np.zeros(body.shape, dtype=np.uint8)

    def paint(name: str, mask: Mask) -> None:
        organs[mask] = NUMBERS[name]

    male = body.structure(
        "Corpus cavernosum of penis", "Corpus spongiosum of penis", "Glans penis", "Testis.r", "Testis.l"
    )
    outline = reference.lean & ~body.near(male, 9.0) if pelvis.build is Build.FEMALE else reference.lean
    paint("fat", outline | (reference.lean & (body.y > -30.0)))
    paint("muscle", _muscle(reference))
    paint("lung", reference.lungs)
    for name, parts in _BY_NAME:
        names = [known for known in body.anatomy.numbers if any(part in known for part in parts)]
        paint(name, body.structure(*names))
    paint("liver", reference.liver)
    paint("small bowel", bowel_loops(reference))
    _paint_hollow(reference, organs)
    _paint_heart(reference, organs)
    _paint_head(reference, organs)
    paint("blood", reference.vessel & ~reference.bone & ~_solid(organs))
    paint("cartilage", _discs(reference))
    _paint_bones(reference, organs)
    _paint_pelvis(organs, pelvis, reference)
    return organs


def _muscle(reference: Reference) -> Mask:
    """Muscles and the narrow gaps between them."""
    share = gaussian_filter(reference.muscle.astype(np.float32), 1.2)
    sheets = reference.body.structure("muscular_system", "platysma", "linea_alba")
    return (reference.muscle & ~sheets) | (reference.free & (share > 0.55))


def _discs(reference: Reference) -> Mask:
    """Between the bodies of neighbouring vertebrae."""
    body, front = reference.body, reference.marks.front
    spine = body.structure(*(vertebra(level) for level in front), "Sacrum")
    line = body.profile(*((z, y) for _, y, z in front.values()))
    bodies = (abs(body.x) < 21.0) & (body.y > line) & (body.y < line + np.where(body.z > front["T1"][2], 16.0, 34.0))
    bodies = bodies & body.between(front["L5"][2] - 18.0, front["C2"][2])
    return np.asarray(body.closed(spine, 6.0) & bodies & reference.free)


def _solid(organs: OrganMap) -> Mask:
    """Organs that no vessel of ours may cut through."""
    kept = ("kidney", "urine", "bile", "oesophagus", "spinal cord", "thyroid", "airway", "adrenal gland")
    return np.isin(organs, [NUMBERS[name] for name in kept])


def bowel_loops(reference: Reference) -> Mask:
    """Loops between the named ones: coiled by a smooth random pattern, always the same."""
    cavity = reference.abdominal_cavity & (reference.body.y < 20.0) & ~reference.body.near(reference.vessel, 6.0)
    cavity &= reference.body.between(reference.marks.pelvic_brim_z - 60.0, reference.marks.front["L1"][2])
    pattern = gaussian_filter(np.random.default_rng(7).standard_normal(cavity.shape, dtype=np.float32), 3.0)
    return np.asarray(cavity & (abs(pattern) < np.quantile(abs(pattern[::4, ::4, ::4]), 0.42)))


def _paint_hollow(reference: Reference, organs: OrganMap) -> None:
    body = reference.body
    organs[reference.stomach] = NUMBERS["stomach wall"]
    organs[body.core(reference.stomach, 4.5)] = NUMBERS["stomach content"]
    organs[reference.colon] = NUMBERS["colon wall"]
    organs[body.core(reference.colon, 3.5)] = NUMBERS["faeces"]
    duodenum = body.filled(body.structure("Duodenum"), votes=1) & (body.free | body.structure("Duodenum"))
    organs[duodenum] = NUMBERS["duodenum"]
    gallbladder = body.filled(body.structure("Gallbladder"))
    organs[gallbladder] = NUMBERS["bile"]
    organs[reference.bladder] = NUMBERS["bladder wall"]
    organs[body.core(reference.bladder, 3.5)] = NUMBERS["bladder urine"]
    organs[reference.mouth] = NUMBERS["tongue"]
    organs[reference.airway] = NUMBERS["airway"]


def _paint_heart(reference: Reference, organs: OrganMap) -> None:
    body = reference.body
    organs[reference.heart] = NUMBERS["blood"]
    left = reference.chambers == 1
    lumen = body.core(left, 9.0) | (left & (body.z > reference.marks.aortic_root[2] - 4.0))
    organs[left & ~lumen] = NUMBERS["myocardium"]
    organs[body.structure("right_ventricle") & ~left] = NUMBERS["myocardium"]


def _paint_head(reference: Reference, organs: OrganMap) -> None:
    body = reference.body
    brain = reference.brain
    organs[brain] = NUMBERS["brain"]
    inner = body.core(brain, 8.0) & (body.z > reference.marks.skull_base_z + 30.0)
    organs[inner] = NUMBERS["white matter"]
    x, y, z = body.centre(brain)
    for sign in (-1.0, 1.0):
        organs[body.tube([(x + sign * 9.0, y - 30.0, z + 2.0), (x + sign * 13.0, y + 28.0, z + 2.0)], 6.0) & brain] = (
            NUMBERS["cerebrospinal fluid"]
        )
        organs[
            body.tube([(x + sign * 14.0, y - 22.0, z - 10.0), (x + sign * 14.0, y + 10.0, z - 10.0)], 8.0) & brain
        ] = NUMBERS["brain"]
    canal = reference.spinal_canal
    organs[canal] = NUMBERS["cerebrospinal fluid"]
    cord = body.core(canal, 3.5) & (body.z > reference.marks.front["L1"][2])
    organs[cord] = NUMBERS["spinal cord"]
    for side, _, _ in SIDES:
        organs[eyeball(reference, side)] = NUMBERS["eye"]
        organs[lacrimal_gland(reference, side) & ~reference.bone] = NUMBERS["lacrimal gland"]
    for part in ("frontal", "sphenoid"):
        organs[body.structure(f"Sinus of {part} bone")] = NUMBERS["airway"]
    organs[maxillary_sinuses(reference)] = NUMBERS["airway"]


def eyeball(reference: Reference, side: str) -> Mask:
    """Between the ends of the four straight muscles of the eye."""
    body, sign = reference.body, 1.0 if side == "left" else -1.0
    muscles = body.structure("superior_rectus", "inferior_rectus", "medial_rectus", "lateral_rectus")
    low, high = body.bounds(muscles & body.half(sign))
    return body.ellipsoid(((low[0] + high[0]) / 2.0, low[1] + 3.0, (low[2] + high[2]) / 2.0), (12.0, 12.0, 12.0))


def lacrimal_gland(reference: Reference, side: str) -> Mask:
    """Above and lateral to the eye."""
    sign = 1.0 if side == "left" else -1.0
    x, y, z = reference.body.centre(eyeball(reference, side))
    return reference.body.ellipsoid((x + sign * 12.0, y + 4.0, z + 9.0), (5.0, 7.0, 5.0))


def maxillary_sinuses(reference: Reference) -> Mask:
    """The rooms in the maxillae beside the nose."""
    body = reference.body
    result = body.none()
    for _, suffix, sign in SIDES:
        low, high = body.bounds(body.structure("Maxilla" + suffix))
        middle = (sign * 26.0, (low[1] + high[1]) / 2.0 + 6.0, (low[2] + high[2]) / 2.0 + 1.0)
        result |= body.ellipsoid(middle, (11.0, 15.0, 15.0))
    return result & ~body.structure("Mucosa of nasal cavity")


def _paint_bones(reference: Reference, organs: OrganMap) -> None:
    body = reference.body
    bones = [name for name, number in body.anatomy.numbers.items() if body.anatomy.systems[number] == "bone"]
    soft = ("cartilage", "tooth", "incisor", "canine", "premolar", "Sinus", "cells")
    solid = body.structure(*(name for name in bones if not any(part in name for part in soft)))
    cells = body.structure(*(name for name in bones if "cells of ethmoid" in name))
    solid &= ~maxillary_sinuses(reference) & ~reference.spinal_canal
    organs[solid] = NUMBERS["cortical bone"]
    limbs = body.structure(*(name for name in bones if name.startswith(("Femur", "Tibia", "Fibula", *ARM_BONES))))
    inside = body.core(solid, 3.1)
    organs[inside] = NUMBERS["marrow"]
    organs[inside & limbs & _shafts(reference)] = NUMBERS["yellow marrow"]
    organs[cells] = NUMBERS["airway"]


def _shafts(reference: Reference) -> Mask:
    """Below the hips, and beyond the shoulders: where marrow is fat."""
    return np.asarray(
        (reference.body.z < reference.marks.pubis_z - 25.0) | reference.arms & (reference.body.z < 1340.0)
    )


def _paint_pelvis(organs: OrganMap, pelvis: Pelvis, reference: Reference) -> None:
    body = reference.body
    if pelvis.build is not Build.MALE:
        male = body.structure(
            "Prostate", "Seminal gland.r", "Seminal gland.l", "Ductus deferens.l", "Ductus deferens.r"
        )
        organs[male] = NUMBERS["fat"]
    named = {
        "upper rectum": "rectum",
        "lower rectum": "rectum",
        "anal canal": "anal canal",
        "prostate": "prostate",
        "prostatectomy bed": "connective tissue",
        "penis and scrotum": "penis",
        "uterine corpus": "uterus",
        "cervix": "uterus",
        "vagina": "vagina",
        "vulva": "skin",
        "urethra": "bladder wall",
    }
    for name, mask in pelvis.organs.items():
        organ = named.get(name) or name.split(" ", 1)[1]
        organs[mask & ~reference.bone] = NUMBERS[organ]
    for name in ("upper rectum", "lower rectum"):
        organs[body.core(pelvis[name], 5.0)] = NUMBERS["faeces"]
