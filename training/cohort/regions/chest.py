"""Mediastinum, heart, great vessels, oesophagus, breast, axilla and chest wall."""

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES
from training.cohort.pelvis import Build, Pelvis
from training.cohort.reference import Reference
from training.cohort.regions.region import Region, Regions


def mediastinal_nodes(reference: Reference) -> Regions:
    """Stations 1 to 9 between the planes of the IASLC map: sternal notch, arch, carina, pulmonary veins, diaphragm."""
    body, marks, vessels = reference.body, reference.marks, reference.vessels
    carina, notch = marks.carina, marks.sternal_notch_z
    wall = body.structure("Trachea", "Oesophagus", *body.anatomy.names("ronchus"))
    room = reference.lean & ~reference.vessel & ~reference.heart & ~reference.bone & ~wall & ~reference.airway
    room &= ~body.structure("diaphragm") & ~reference.liver & ~reference.stomach & ~reference.spinal_canal
    fat = room & ~reference.lungs
    trachea, gullet = body.structure("Trachea"), body.structure("Oesophagus")
    arch, ascending = vessels["aortic arch"], vessels["ascending aorta"]
    vein_z, split_z = carina[2] - 48.0, carina[2] + 26.0
    beside = body.near(trachea, 13.0) & room & (body.y < carina[1] + 8.0)
    left_of = np.asarray(body.x > 7.0)
    low_neck = (
        body.near(trachea, 24.0)
        & fat
        & (abs(body.x) < 36.0)
        & (body.y < 14.0)
        & body.between(notch - 3.0, notch + 14.0)
    )
    for side, _, sign in SIDES:
        yield Region(f"low cervical and sternal notch node (station 1{side[0].upper()})", low_neck & body.half(sign))
    upper, lower = body.between(split_z, notch - 3.0), body.between(carina[2] - 4.0, split_z)
    left_beside = (body.near(trachea | body.structure("Left main bronchus"), 11.0) & room & left_of) & (
        body.y < carina[1] + 10.0
    )
    window = body.near(arch, 10.0) & body.near(vessels["pulmonary artery"], 11.0) & room & (body.x > 26.0)
    yield Region("aortopulmonary window node (station 5)", window & body.between(carina[2] - 12.0, carina[2] + 16.0))
    yield Region("upper paratracheal node (station 2R)", beside & upper & ~left_of)
    yield Region("upper paratracheal node (station 2L)", beside & upper & left_of)
    yield Region("lower paratracheal node (station 4R)", beside & lower & ~left_of)
    yield Region("lower paratracheal node (station 4L)", left_beside & lower & (body.x < 30.0))
    aortic = body.near(ascending | arch, 10.0) & room & (body.x > 8.0) & (body.y < carina[1] - 4.0)
    yield Region("para-aortic node (station 6)", aortic & body.between(carina[2] - 18.0, carina[2] + 34.0))
    front = fat & (abs(body.x) < 38.0) & (body.y < carina[1] - 36.0) & body.between(carina[2] - 6.0, notch)
    yield Region("prevascular node (station 3A)", front & ~body.structure("sternohyoid", "sternothyroid"))
    behind = fat & (abs(body.x) < 16.0) & body.near(trachea, 13.0) & body.between(carina[2] + 2.0, notch + 12.0)
    yield Region(
        "retrotracheal node (station 3P)",
        behind & (body.y > body.profile((carina[2], carina[1] + 8.0), (notch, 4.0))),
    )
    under = (
        fat
        & (body.x > carina[0] - 17.0)
        & (body.x < carina[0] + 19.0)
        & (body.y > carina[1] - 18.0)
        & (body.y < carina[1] + 15.0)
    )
    yield Region("subcarinal node (station 7)", under & body.between(carina[2] - 38.0, carina[2] - 4.0))
    along = body.near(gullet, 9.0) & room & body.between(marks.front["T10"][2], carina[2] - 38.0)
    yield Region("paraesophageal node (station 8)", along & (abs(body.x) < 22.0))
    ligament = body.near(gullet, 26.0) & room & body.between(marks.front["T9"][2] - 6.0, vein_z - 6.0)
    for side, _, sign in SIDES:
        edge = ligament & (sign * body.x > 14.0) & (body.y < marks.front["T8"][1] + 4.0) & (body.y > -12.0)
        lobe = body.structure(f"Inferior lobe of {side} lung")
        yield Region(f"pulmonary ligament node (station 9{side[0].upper()})", edge & body.near(lobe, 7.0))


def other_chest_nodes(reference: Reference) -> Regions:
    """Internal mammary, cardiophrenic and axillary nodes, the last by pectoralis minor."""
    body = reference.body
    room = reference.lean & ~reference.vessel & ~reference.heart & ~reference.bone & ~reference.liver
    base = (
        body.near(reference.heart, 15.0)
        & body.near(body.structure("diaphragm") | reference.liver, 12.0)
        & (body.y < -24.0)
    )
    base &= room & ~body.structure("diaphragm") & body.between(1215.0, 1275.0)
    for side, suffix, sign in SIDES:
        half = body.half(sign)
        mammary = body.near(body.structure("Parasternal nodes" + suffix), 8.0) & room & (sign * body.x > 8.0)
        yield Region(f"{side} internal mammary node", mammary)
        beside = body.x < -12.0 if sign < 0.0 else body.x > 30.0
        yield Region(f"{side} cardiophrenic node", base & beside)
        minor = body.structure("pectoralis_minor") & half
        soft = room & ~reference.lungs & ~body.structure("pectoralis_minor", "latissimus_dorsi") & half
        vessel = reference.vessels[f"{side} subclavian and axillary vessels"]
        apex = body.near(body.structure("Infraclavicular nodes" + suffix), 11.0) | (
            body.near(vessel, 13.0) & (sign * body.x < 96.0)
        )
        top = apex & soft & (sign * body.x > 62.0) & (sign * body.x < 106.0)
        yield Region(f"{side} axillary level III node", top & (body.z < reference.marks.sternal_notch_z + 6.0))
        deep = (body.near(minor, 13.0) & body.near(vessel, 20.0)) | body.near(
            body.structure("Interpectoral nodes" + suffix), 8.0
        )
        yield Region(f"{side} axillary level II node", deep & soft & (sign * body.x > 84.0) & (sign * body.x < 128.0))
        names = ("Anterior axillary", "Posterior axillary", "Central axillary", "Lateral axillary", "Brachial")
        nodes = body.structure(*(f"{name} nodes{suffix}" for name in names))
        yield Region(
            f"{side} axillary level I node",
            (body.near(nodes, 12.0) | (body.near(vessel, 16.0) & (sign * body.x > 124.0)))
            & soft
            & body.free
            & (sign * body.x > 106.0),
        )


def heart_and_vessels(reference: Reference) -> Regions:
    body, vessels = reference.body, reference.vessels
    left, right, atria = (reference.chambers == number for number in (1, 2, 3))
    shell = body.near(reference.heart, 4.5) & ~body.core(reference.heart, 0.1) & reference.lean
    yield Region(
        "thoracic aorta",
        (vessels["ascending aorta"] | vessels["aortic arch"] | vessels["descending aorta"])
        & ~reference.bone
        & ~body.structure("left_ventricle", "right_atrium"),
    )
    yield Region("pulmonary artery", vessels["pulmonary artery"] & (abs(body.x - 10.0) < 45.0))
    yield Region("right ventricle", right & ~left)
    yield Region("left ventricular myocardium", left)
    yield Region("atria and interatrial septum", atria)
    yield Region(
        "pericardium", shell & ~reference.vessel & ~reference.bone & ~body.structure("diaphragm") & ~reference.liver
    )


def oesophagus(reference: Reference) -> Regions:
    body, marks = reference.body, reference.marks
    tube = body.filled(body.structure("Oesophagus"), votes=1)
    vein_z = marks.carina[2] - 48.0
    yield Region("cervical esophagus", tube & (body.z >= marks.sternal_notch_z))
    yield Region("upper thoracic esophagus", tube & body.between(marks.carina[2] + 3.0, marks.sternal_notch_z))
    yield Region("middle thoracic esophagus", tube & body.between(vein_z, marks.carina[2] + 3.0))
    yield Region("lower thoracic esophagus and gastroesophageal junction", tube & (body.z < vein_z))


def mediastinal_compartments(reference: Reference) -> Regions:
    """What no station claims: fat behind the sternum, and beside the spine."""
    body, marks = reference.body, reference.marks
    soft = reference.free & (abs(body.x) < 48.0)
    thymus = body.structure("Left lobe of thymus", "Right lobe of thymus")
    front = soft & (body.y < marks.carina[1] - 34.0) & body.between(marks.front["T8"][2], marks.carina[2] + 10.0)
    yield Region("anterior mediastinum and thymus", thymus | (front & ~body.near(reference.heart, 4.0)))
    line = body.profile(*((z, y) for _, y, z in marks.front.values()))
    back = (
        soft
        & (body.y > line - 24.0)
        & (body.y < line + 22.0)
        & body.between(marks.front["T10"][2], marks.front["T4"][2])
    )
    yield Region("posterior mediastinum", back)


def breast_mask(reference: Reference, build: Build, sign: float) -> Mask:
    """A breast over pectoralis major: a mound outside the muscles of a woman, a low disc of a man."""
    body = reference.body
    x, y, z = nipple(reference, sign)
    if build is Build.FEMALE:
        mound = body.ellipsoid((x, y + 8.0, z - 4.0), (58.0, 52.0, 58.0))
        return np.asarray(mound & ~reference.lean & (body.y < 0.0))
    disc = (body.x - x) ** 2 + (body.z - z) ** 2 < 42.0**2
    return np.asarray(body.near(reference.lean, 9.5) & ~reference.lean & disc & (body.y < 0.0))


def nipple(reference: Reference, sign: float) -> tuple[float, float, float]:
    """The point of the muscular outline behind the nipple."""
    body = reference.body
    x, z = sign * 86.0, reference.marks.front["T7"][2] - 8.0
    column = reference.lean & (abs(body.x - x) < 3.0) & (abs(body.z - z) < 3.0)
    return x, body.bounds(column)[0][1], z


def breasts(reference: Reference, pelvis: Pelvis) -> Regions:
    body = reference.body
    for side, _, sign in SIDES:
        breast = breast_mask(reference, pelvis.build, sign)
        x, _, z = nipple(reference, sign)
        outer = sign * body.x > abs(x)
        for height, high in (("upper", body.z > z - 4.0), ("lower", body.z <= z - 4.0)):
            yield Region(f"{side} breast {height} outer quadrant", breast & high & outer)
            yield Region(f"{side} breast {height} inner quadrant", breast & high & ~outer)


def chest_wall(reference: Reference) -> Regions:
    body, marks = reference.body, reference.marks
    names = (
        "pectoralis_major",
        "pectoralis_minor",
        "serratus_anterior",
        "latissimus_dorsi",
        "subclavius",
        *body.anatomy.names("intercostal_muscles"),
    )
    trunk = body.between(marks.front["L1"][2], marks.sternal_notch_z + 20.0) & ~reference.arms & (abs(body.x) < 165.0)
    skin = body.near(reference.lean & ~reference.arms, 9.0) & ~reference.lean & trunk & (body.z > marks.front["T12"][2])
    for side, _, sign in SIDES:
        half = body.half(sign)
        yield Region(f"{side} chest wall muscles", body.structure(*names) & trunk & half)
        yield Region(f"{side} chest wall subcutaneous tissue", skin & half)
