"""Head: brain, skull, sinuses, mouth, pharynx and the salivary glands."""

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES
from training.cohort.composition import eyeball, lacrimal_gland, maxillary_sinuses
from training.cohort.reference import SKULL, Reference
from training.cohort.regions.region import Region, Regions


def brain(reference: Reference) -> Regions:
    """Lobes by planes through the cranial cavity, in shares of its size."""
    body, cavity = reference.body, reference.brain
    (_, front, low), (_, back, high) = body.bounds(cavity)
    deep, tall = (body.y - front) / (back - front), (body.z - low) / (high - low)
    yield Region("pituitary gland and sella", body.near(body.structure("Adenohypophysis", "Neurohypophysis"), 4.5))
    meninges = (cavity & ~body.core(cavity, 2.9)) | (cavity & (abs(body.x) < 2.0) & (tall > 0.55))
    yield Region("cranial meninges", meninges)
    stem = cavity & ((body.x / 18.0) ** 2 + ((deep - 0.5) / 0.12) ** 2 < 1.0) & (tall < 0.48)
    yield Region("brainstem", stem)
    yield Region("cerebellum", cavity & (deep >= 0.55) & (tall < 0.34))
    temporal = cavity & (abs(body.x) > 20.0) & (tall < 0.5) & (deep > 0.22) & (deep < 0.75)
    for side, _, sign in SIDES:
        half = cavity & body.half(sign)
        yield Region(f"{side} temporal lobe", temporal & half)
        yield Region(f"{side} occipital lobe", half & (deep >= 0.8 - 0.1 * (tall - 0.5)) & (tall < 0.75))
        central = 0.42 + 0.14 * tall
        yield Region(f"{side} frontal lobe", half & (deep < central))
        yield Region(f"{side} parietal lobe", half & (deep >= central))


def skull(reference: Reference) -> Regions:
    """Vault, skull base, face and jaws, with the rooms in them."""
    body = reference.body
    sinuses = maxillary_sinuses(reference)
    cells = body.structure("Sinus of sphenoid bone", *body.anatomy.names("cells of ethmoid"))
    yield Region("frontal sinus", body.structure("Sinus of frontal bone"))
    yield Region(
        "ethmoid and sphenoid sinus", body.closed(cells, 3.0) & (cells | body.free | body.structure("Ethmoid bone"))
    )
    yield Region("frontal bone", body.structure("Frontal bone"))
    yield Region("occipital bone", body.structure("Occipital bone"))
    yield Region("clivus and sphenoid bone", body.structure("Sphenoid bone"))
    teeth = [name for name in body.anatomy.numbers if name.startswith(("Upper ", "Lower "))]
    for side, suffix, sign in SIDES:
        half = body.half(sign)
        yield Region(f"{side} maxillary sinus", sinuses & half)
        yield Region(f"{side} parietal bone", body.structure("Parietal bone" + suffix))
        yield Region(f"{side} temporal bone", body.structure("Temporal bone" + suffix))
        upper = [name for name in teeth if name.startswith("Upper ") and name.endswith(suffix)]
        lower = [name for name in teeth if name.startswith("Lower ") and name.endswith(suffix)]
        yield Region(
            f"{side} maxilla and zygoma", body.structure("Maxilla" + suffix, "Zygomatic bone" + suffix, *upper)
        )
        yield Region(f"{side} mandible", (body.structure("Mandible") & half) | body.structure(*lower))
        eye = eyeball(reference, side) | lacrimal_gland(reference, side)
        x, y, z = body.centre(eye)
        cone = body.tube([(x, y, z), (x - sign * 11.0, y + 34.0, z)], [15.0, 8.0])
        yield Region(f"{side} orbit", (eye | cone) & ~reference.bone & ~reference.brain & half)


def mouth_and_throat(reference: Reference) -> Regions:
    """From the nose to the tonsils, and the spaces beside the jaws."""
    body, marks = reference.body, reference.marks
    soft = reference.lean & ~reference.bone & ~reference.spinal_canal & ~reference.vessel
    naso, oro = body.structure("Nasopharynx"), body.structure("Oropharynx")
    (_, naso_front, naso_low), (_, naso_back, naso_high) = body.bounds(naso)
    tongue = body.structure("Tongue", "genioglossus", "hyoglossus")
    (_, tip, _), (_, root, tongue_top) = body.bounds(body.structure("Tongue"))
    floor_z = body.bounds(body.structure("Mandible"))[0][2]
    mylohyoid = body.structure("mylohyoid", "geniohyoid")
    tongue_room = reference.mouth & soft
    for side, suffix, sign in SIDES:
        half = body.half(sign)
        tonsil = body.centre(body.structure("Palatine tonsil" + suffix))
        tonsil_room = body.ellipsoid((sign * 17.0, tonsil[1] + 6.0, tonsil[2] - 16.0), (6.0, 8.0, 12.0))
        yield Region(f"{side} palatine tonsil", tonsil_room & soft & half)
        wall = (
            body.near(naso, 7.0) & body.between(naso_low, naso_high) & (body.y > naso_back - 22.0) & (abs(body.x) > 3.0)
        )
        yield Region(f"{side} nasopharyngeal wall", wall & ~reference.bone & ~reference.vessel & half)
        parotid = body.structure("Parotid gland" + suffix)
        shell = parotid & ~body.core(parotid, 4.0) & (sign * body.x > abs(body.centre(parotid)[0]))
        nodes = body.structure(
            "Intraglandular parotid nodes" + suffix,
            "Superficial parotid nodes" + suffix,
            "Pre-auricular nodes" + suffix,
        )
        yield Region(f"{side} parotid node", (body.near(nodes, 4.0) & soft) | shell)
        yield Region(f"{side} parotid gland", body.closed(parotid, 6.0) & soft)
        gland = body.structure("Submandibular gland" + suffix)
        yield Region(f"{side} submandibular gland", body.near(gland, 3.0) & soft)
        yield Region(f"{side} masticator space", _masticators(reference, sign))
    yield Region("sublingual glands", body.near(body.structure("Sublingual gland.r", "Sublingual gland.l"), 3.1) & soft)
    base = root - 0.3 * (root - tip)
    yield Region(
        "base of tongue",
        (tongue_room & (body.y >= base))
        | (body.near(tongue, 5.0) & oro & (body.y >= base) & body.between(marks.hyoid_z, tongue_top)),
    )
    yield Region(
        "floor of mouth", body.near(mylohyoid, 5.0) & soft & body.between(floor_z - 3.0, floor_z + 18.0) & ~tongue
    )
    yield Region("oral tongue", tongue_room & (body.y < base))
    lining = body.structure(
        "Gingiva", "Soft palate", "Uvula of palate", "bucinator", "Palatine bone.r", "Palatine bone.l"
    )
    mouth = body.near(lining, 4.0) & soft
    yield Region("buccal mucosa, gingiva and palate", mouth | lining)
    nose = body.structure(
        "Mucosa of nasal cavity",
        "Vomer",
        "Nasal septal cartilage",
        "Ethmoid bone",
        "Inferior nasal concha bone.r",
        "Inferior nasal concha bone.l",
    )
    yield Region(
        "nasal cavity",
        (body.closed(nose, 6.0) & (body.free | nose) & (body.y < naso_front + 20.0) & (abs(body.x) < 17.0))
        & ~reference.brain,
    )


def outer_head(reference: Reference) -> Regions:
    """Scalp and face: what lies over the bones."""
    body = reference.body
    vault = body.structure(*SKULL[:2], *SKULL[4:])
    brow = body.centre(eyeball(reference, "left"))
    outer = body.near(reference.lean, 7.0) & ~body.core(reference.lean, 3.1)
    head = body.near(vault, 24.0) & (body.z > brow[2] - 25.0)
    not_face = np.asarray((body.y > brow[1] + 25.0) | (body.z > brow[2] + 28.0))
    yield Region("scalp", outer & head & not_face)
    jaw_z = body.bounds(body.structure("Mandible"))[0][2]
    face = body.between(jaw_z, brow[2] + 28.0) & (body.y < brow[1] + 35.0) & (abs(body.x) < 75.0)
    skin = outer | (body.near(reference.lean, 7.0) & ~body.core(reference.lean, 8.0))
    yield Region("facial soft tissue", skin & face & ~reference.bone)


def _masticators(reference: Reference, sign: float) -> Mask:
    body = reference.body
    muscles = body.structure("masseter", "temporalis", "medial_pterygoid", "lateral_pterygoid") & body.half(sign)
    room = body.closed(muscles, 6.0) & reference.lean & ~reference.bone & (muscles | body.free) & ~reference.brain
    return room & body.half(sign)
