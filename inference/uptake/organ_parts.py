"""Organ parts: candidates that are parts of one organ's uptake become one."""

from collections.abc import Mapping

import cc3d
import numpy as np
from scipy import ndimage

from config.finding import LabelMap
from config.volume import Volume
from inference.uptake.verdict import Verdict

GAP_MM = 30.0


def join_organ_parts(labels: LabelMap, suv: Volume, verdicts: Mapping[int, Verdict]) -> dict[int, int]:
    """For each label the lowest label of the organ that it is part of; lesions stay themselves.

    Physiologic labels of the same organ are one if no more than ``GAP_MM`` lies between them: calyces are one kidney,
    gyri one brain.
    """
    joined = {label: label for label in verdicts}
    boxes = ndimage.find_objects(labels)
    margin = np.ceil(GAP_MM / suv.spacing_mm).astype(int)
    organs: dict[str, list[int]] = {}
    for label, verdict in sorted(verdicts.items()):
        if verdict.organ is not None:
            organs.setdefault(verdict.organ.words, []).append(label)
    for members in (members for members in organs.values() if len(members) > 1):
        sides = [[boxes[label - 1][axis] for label in members] for axis in range(3)]
        box = tuple(
            slice(max(0, min(side.start for side in of_axis) - more), max(side.stop for side in of_axis) + more)
            for of_axis, more in zip(sides, margin.tolist(), strict=True)
        )
        parts = np.where(np.isin(labels[box], members), labels[box], 0)
        distance_mm = ndimage.distance_transform_edt(parts == 0, sampling=suv.spacing_mm)
        groups = cc3d.connected_components(distance_mm <= GAP_MM / 2.0, connectivity=26)
        first_in_group: dict[int, int] = {}
        for label in members:
            group = int(groups[parts == label][0])
            joined[label] = first_in_group.setdefault(group, label)
    return joined
