"""The reference body in full: named structures, vessels, cavities, filled organs and an outline, without gaps."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter, label

from training.cohort.anatomy import Anatomy, Mask
from training.cohort.body import SIDES, Body
from training.cohort.landmarks import Landmarks, find_landmarks
from training.cohort.vessels import lay_vessels

SKULL = (
    "Frontal bone", "Occipital bone", "Sphenoid bone", "Ethmoid bone",
    "Parietal bone.r", "Parietal bone.l", "Temporal bone.r", "Temporal bone.l",
)  # fmt: skip
COLON = ("Ascending colon", "Transverse colon", "Descending colon", "Sigmoid colon")
LOBES = {
    "right upper lobe": "Superior lobe of right lung",
    "right middle lobe": "Middle lobe of right lung",
    "right lower lobe": "Inferior lobe of right lung",
    "left upper lobe": "Superior lobe of left lung",
    "left lower lobe": "Inferior lobe of left lung",
}
ARM_BONES = ("Humerus", "Radius", "Ulna")
HAND_BONES = ("carpal", "phalanx", "Hamate", "Capitate", "Trapez", "Scaphoid", "Lunate", "Triquetrum", "Pisiform")


@dataclass(frozen=True, eq=False)
class Reference:
    """Masks that regions are cut from; all of the shape of ``body``."""

    body: Body
    marks: Landmarks
    vessels: dict[str, Mask]
    lean: Mask
    """Everything within the muscular outline; fat and skin lie around it."""

    @cached_property
    def vessel(self) -> Mask:
        return np.asarray(np.logical_or.reduce(list(self.vessels.values())))

    @cached_property
    def free(self) -> Mask:
        """Within the outline, in no organ, vessel or cavity: connective tissue and fat."""
        free = self.lean & self.body.free & ~self.vessel & ~self.brain & ~self.spinal_canal & ~self.airway
        for hollow in (self.heart, self.mouth, self.colon, self.stomach, self.lungs, self.bladder):
            free &= ~hollow
        return free

    @cached_property
    def bone(self) -> Mask:
        return self._system("bone")

    @cached_property
    def muscle(self) -> Mask:
        return self._system("muscle")

    @cached_property
    def brain(self) -> Mask:
        """The cranial cavity."""
        skull = self.body.structure(*SKULL)
        cavity = self.body.filled(skull, votes=1, closing_mm=6.0) & ~skull & (self.body.z > self.marks.skull_base_z)
        deep = self.body.core(cavity & (self.body.y > -70.0), 14.0)
        return np.asarray(self.body.near(deep, 16.0) & cavity & self.body.free)

    @cached_property
    def spinal_canal(self) -> Mask:
        """What the vertebral arches enclose, from C1 to the sacrum."""
        body, front = self.body, self.marks.front
        spine = body.structure(*(name for name in body.anatomy.numbers if name.startswith("Vertebra ")))
        spine |= body.structure("Atlas (C1)", "Axis (C2)", "Sacrum")
        enclosed = np.zeros(body.shape, dtype=bool)
        for index in np.flatnonzero(spine.any(axis=(1, 2))):
            enclosed[index] = binary_fill_holes(spine[index]) & ~spine[index]
        line = body.profile(*((z, y) for _, y, z in front.values()))
        depth = body.profile((900.0, 26.0), (1000.0, 46.0), (1350.0, 36.0), (1550.0, 24.0))
        sacral = body.profile((880.0, 36.0), (front["L5"][2], 0.0))
        middle = line + depth + sacral
        tube = (body.x / 11.0) ** 2 + ((body.y - middle) / 9.0) ** 2 <= 1.0
        tube = tube & body.between(self.marks.front["L5"][2] - 12.0, self.marks.skull_base_z)
        return np.asarray(
            ((enclosed & (abs(body.x) < 16.0) & (abs(body.y - middle) < 20.0)) | (tube & ~spine))
            & self.lean
            & body.free
        )

    @cached_property
    def lungs(self) -> Mask:
        lobes = self.body.structure(*LOBES.values())
        inside = self.body.closed(lobes, 7.0) & (self.body.free | lobes) & ~self.vessel
        return np.asarray((inside & (abs(self.body.x) > 18.0)) | lobes)

    @cached_property
    def airway(self) -> Mask:
        names = ("Trachea", "Right main bronchus", "Left main bronchus", "Nasopharynx", "Oropharynx", "Laryngopharynx")
        tube = self.body.filled(self.body.structure(*names), votes=1, closing_mm=3.0)
        return tube & self.body.free

    @cached_property
    def heart(self) -> Mask:
        chambers = ("left_ventricle", "left_atrium", "right_ventricle", "right_atrium")
        valves = [
            name for name, number in self.body.anatomy.numbers.items() if self.body.anatomy.systems[number] == "cardio"
        ]
        valves = [name for name in valves if "leaflet" in name or "papillary" in name]
        known = self.body.structure(*chambers, *valves)
        return (self.body.filled(known, votes=1, closing_mm=9.0) & self.body.free & ~self.lungs) | known

    @cached_property
    def chambers(self) -> NDArray[np.uint8]:
        """1 in the left ventricle, 2 in the right, 3 in the atria, walls included."""
        structure = self.body.structure
        ventricles = (structure("left_ventricle"), structure("right_ventricle"))
        return self.body.nearest([*ventricles, structure("left_atrium", "right_atrium")], self.heart)

    @cached_property
    def colon(self) -> Mask:
        filled = self.body.filled(self.body.structure(*COLON), votes=1, closing_mm=3.0) & self._hollow(*COLON)
        return self.body.closed(filled, 6.0) & self._hollow(*COLON)

    @cached_property
    def mouth(self) -> Mask:
        """The room within the dental arches, which the tongue fills."""
        body = self.body
        jaws = body.structure(
            "Mandible", "Maxilla.r", "Maxilla.l", *(n for n in body.anatomy.numbers if n[:6] in ("Upper ", "Lower "))
        )
        (_, _, low), (_, back, high) = body.bounds(body.structure("Tongue"))
        room = body.hull(jaws & (body.y < back)) & body.free & body.between(low + 6.0, high + 9.0)
        return room | body.structure("Tongue", "genioglossus", "hyoglossus")

    @cached_property
    def stomach(self) -> Mask:
        return self.body.hull(self.body.structure("Stomach")) & self._hollow("Stomach")

    @cached_property
    def bladder(self) -> Mask:
        return self.body.filled(self.body.structure("Urinary bladder")) & self._hollow("Urinary bladder")

    @cached_property
    def liver(self) -> Mask:
        names = [name for name in self.body.anatomy.numbers if "of liver (" in name]
        return self.body.structure("Liver", *names)

    @cached_property
    def abdominal_cavity(self) -> Mask:
        """Free room between the organs of abdomen and pelvis, wide enough for bowel."""
        body = self.body
        room = self.free & body.between(self.marks.pubis_z + 8.0, 1215.0) & (abs(body.x) < 125.0)
        room &= body.y < body.profile((840.0, 70.0), (960.0, 60.0), (1010.0, 30.0), (1110.0, 25.0))
        return np.asarray(body.near(body.core(room, 4.0), 6.0) & room)

    @cached_property
    def arms(self) -> Mask:
        """Arms and hands: beyond the shoulder joint, and below it what is nearer to their bones than to others."""
        body = self.body
        limb = [
            n
            for n in body.anatomy.numbers
            if n.startswith(ARM_BONES) or (any(p in n for p in HAND_BONES) and "foot" not in n)
        ]
        trunk = self.bone & ~body.structure(*limb)
        number = body.nearest([body.structure(*limb), trunk], self.lean)
        result = body.none()
        for _, suffix, sign in SIDES:
            low, high = body.bounds(body.structure("Humerus" + suffix))
            inner = low[0] if sign > 0.0 else high[0]
            joint = (sign * body.x > abs(inner) - 2.0) & (body.z < high[2] + 35.0)
            result |= body.half(sign) & np.where(body.z < high[2] - 66.0, (number == 1) & (abs(body.x) > 125.0), joint)
        result &= self.lean & (body.z > 620.0)
        parts, _ = label(self.lean & ~result)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        return np.asarray(result | (self.lean & ~result & (parts != sizes.argmax())))

    def _hollow(self, *names: str) -> Mask:
        return self.body.free | self.body.structure(*names, *self.body.anatomy.names("taenia"))

    def _system(self, system: str) -> Mask:
        numbers = [number for number, found in self.body.anatomy.systems.items() if found == system]
        chosen = np.zeros(int(self.body.anatomy.labels.max()) + 1, dtype=bool)
        chosen[numbers] = True
        return np.asarray(chosen[self.body.anatomy.labels])


def make_reference(anatomy: Anatomy) -> Reference:
    """The reference body of an anatomy; about half a minute."""
    body = Body(anatomy)
    marks = find_landmarks(body)
    return Reference(body, marks, lay_vessels(body, marks), _outline(body, marks))


def _outline(body: Body, marks: Landmarks) -> Mask:
    """The muscular outline, smooth, closed over gaps; wider ones in armpit, face and between the thighs' tops."""
    known = ~body.free
    narrow = body.closed(known, 8.0)
    wide = body.closed(known & body.between(marks.pubis_z - 60.0, 1640.0) & (abs(body.x) < 190.0), 22.0)
    armpit = body.between(marks.carina[2] - 80.0, marks.sternal_notch_z + 30.0)
    face = body.between(marks.hyoid_z, 1640.0)
    groin = body.between(marks.pubis_z - 40.0, marks.pubis_z + 90.0) & (abs(body.x) < 150.0)
    armpit = armpit & (abs(body.x) > 80.0) & (body.y < 75.0)
    outline = narrow | (wide & (armpit | face | groin))
    for index in range(len(outline)):
        outline[index] = binary_fill_holes(outline[index])
    smooth = gaussian_filter(outline.astype(np.float32), 1.0) > 0.5
    return smooth | known
