"""Bones: the structure itself, or a part of it cut by planes."""

from itertools import pairwise

import numpy as np

from training.cohort.body import SIDES
from training.cohort.landmarks import VERTEBRAE, vertebra
from training.cohort.reference import HAND_BONES, Reference
from training.cohort.regions.region import Region, Regions, along_z

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth",
    "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip
_LONG_BONES = (
    ("{} proximal humerus", "{} humeral shaft", "{} distal humerus", ("Humerus",)),
    ("{} proximal radius and ulna", "{} shaft of radius and ulna", "{} distal radius and ulna", ("Radius", "Ulna")),
    ("{} proximal femur", "{} femoral shaft", "{} distal femur", ("Femur",)),
    ("{} proximal tibia and fibula", "{} shaft of tibia and fibula", "{} distal tibia and fibula", ("Tibia", "Fibula")),
)
_FOOT = ("tarsal", "foot", "Calcaneus", "Talus", "Cuboid", "Navicular", "cuneiform")


def bones(reference: Reference) -> Regions:
    """The skeleton below the head."""
    yield from _spine(reference)
    yield from _thorax(reference)
    yield from _hips(reference)
    yield from _limbs(reference)


def _spine(reference: Reference) -> Regions:
    body = reference.body
    for level in VERTEBRAE:
        yield Region(f"{level} vertebra", body.structure(vertebra(level)))
    # the sacrum leans back, so its segments are cut across its own axis
    sacrum = body.structure("Sacrum")
    top = np.asarray(body.centre(sacrum & (body.z > body.bounds(sacrum)[1][2] - 9.0)))
    foot = np.asarray(body.centre(sacrum & (body.z < body.bounds(sacrum)[0][2] + 9.0)))
    way = (foot - top) / np.linalg.norm(foot - top)
    depth = (body.y - top[1]) * way[1] + (body.z - top[2]) * way[2]
    edges = np.quantile(depth[sacrum.any(axis=2, keepdims=True)], [0.0, 1.0])
    planes = edges[0] + (edges[1] - edges[0]) * np.array([0.0, 0.3, 0.52, 0.7, 0.86, 1.0])
    planes[0], planes[-1] = -np.inf, np.inf
    for number, (start, end) in enumerate(pairwise(planes), start=1):
        yield Region(f"S{number} segment of sacrum", sacrum & (depth >= start) & (depth < end))
    yield Region("coccyx", body.structure("Coccyx"))


def _thorax(reference: Reference) -> Regions:
    body = reference.body
    yield Region("manubrium of sternum", body.structure("Manubrium of sternum"))
    yield Region("body of sternum", body.structure("Body of sternum"))
    yield Region("xiphoid process", body.structure("Xiphoid process"))
    for side, suffix, _ in SIDES:
        yield Region(f"{side} clavicle", body.structure("Clavicle" + suffix))
        yield Region(f"{side} scapula", body.structure("Scapula" + suffix))
        for ordinal in _ORDINALS:
            yield Region(f"{side} {ordinal} rib", body.structure(f"{ordinal.capitalize()} rib{suffix}"))
        cartilages = [name for name in body.anatomy.names("Costal cartilage") if name.endswith(suffix)]
        yield Region(f"{side} costal cartilage", body.structure(*cartilages))


def _hips(reference: Reference) -> Regions:
    """The hip bone about the hip's centre: ilium above, pubis in front and below, ischium behind and below."""
    body = reference.body
    for side, suffix, _ in SIDES:
        bone = body.structure("Hip bone" + suffix)
        femur = body.structure("Femur" + suffix)
        head = femur & (body.z > body.bounds(femur)[1][2] - 24.0)
        x, y, z = body.centre(head)
        socket = bone & body.near(head, 9.0)
        joint = body.near(body.structure("Sacrum"), 4.5) & body.near(bone, 4.5)
        yield Region(f"{side} sacroiliac joint", joint & (body.z > z + 20.0))
        yield Region(f"{side} acetabulum", socket)
        yield Region(f"{side} ilium", bone & (body.z >= z + 6.0))
        below = bone & (body.z < z + 6.0)
        front = (body.y < y - 12.0) | ((body.y < y + 4.0) & (abs(body.x) < 0.45 * abs(x)))
        yield Region(f"{side} pubic bone", below & front)
        yield Region(f"{side} ischium", below & ~front)


def _limbs(reference: Reference) -> Regions:
    body = reference.body
    for side, suffix, sign in SIDES:
        for upper, middle, lower, structures in _LONG_BONES:
            bone = body.structure(*(name + suffix for name in structures))
            for name, mask in zip((lower, middle, upper), along_z(body, bone, (0.2, 0.78)), strict=True):
                yield Region(name.format(side), mask)
        names = [name for name in body.anatomy.numbers if name.endswith(suffix)]
        foot = [name for name in names if any(part in name for part in _FOOT)]
        hand = [name for name in names if any(part in name for part in HAND_BONES) and name not in foot]
        yield Region(f"{side} hand and wrist bones", body.structure(*hand))
        yield Region(f"{side} foot and ankle bones", body.structure(*foot))
        patella = body.structure("Patella" + suffix)
        knee = body.near(patella, 22.0) & reference.lean & ~reference.bone & body.half(sign)
        joint = body.near(body.structure("Femur" + suffix), 9.0) & body.near(body.structure("Tibia" + suffix), 9.0)
        yield Region(f"{side} patella and knee joint", patella | ((knee | joint) & ~reference.bone & ~reference.muscle))
