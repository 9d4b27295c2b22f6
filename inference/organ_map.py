"""The organ map: what anatomy without weights knows of a patient, in one label map on the grid of the PET."""

import numpy as np

from config.label_grid import labels_on_grid, whole
from config.organs import Organ, OrganMap
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.anatomy.frame import SPACING_MM, Mask
from inference.anatomy.levels import level_of

_SPINE_RADIUS_MM = 35.0


def organ_map(anatomy: Anatomy, suv: Volume) -> OrganMap:
    """Organs on the grid of a PET, as coarse as the 5 mm frame in which anatomy is known; 0 outside the patient.

    Where rules let organs overlap the later of ``Organ`` wins. Without a CT there is little but soft tissue.
    """
    known = {
        Organ.SOFT_TISSUE: anatomy.patient,
        Organ.HEART: anatomy.heart,
        Organ.LIVER: anatomy.liver,
        Organ.BONE: anatomy.bone,
        Organ.SPINE: _spine(anatomy),
        Organ.RIGHT_LUNG: anatomy.lungs.right,
        Organ.LEFT_LUNG: anatomy.lungs.left,
        Organ.BRAIN: anatomy.brain,
    }
    organs: OrganMap = np.zeros(anatomy.patient.shape, np.uint8)
    for organ in Organ:
        organs[known[organ] & anatomy.patient] = organ
    return labels_on_grid(organs, anatomy.frame.affine, suv.affine, whole(suv.shape))


def _spine(anatomy: Anatomy) -> Mask:
    """The bone around the line of the spine, from atlas to coccyx, where it was seen."""
    frame, spine = anatomy.frame, anatomy.spine
    levels = np.array([anatomy.vertebral_levels.level(height) for height in frame.heights_mm()])
    vertebral = spine.seen & (levels >= 0.0) & (levels <= level_of("Co", 1.0))
    rows, columns = np.arange(frame.shape[1])[:, None], np.arange(frame.shape[2])
    away = np.hypot(rows - spine.y[:, None, None], columns - spine.x[:, None, None]) * SPACING_MM
    return np.asarray(anatomy.bone & vertebral[:, None, None] & (away <= _SPINE_RADIUS_MM))
