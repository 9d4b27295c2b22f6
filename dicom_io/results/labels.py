"""Numbers beside outlines on the picture, placed so that they hide neither lesions nor one another."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dicom_io.results.lettering import width
from dicom_io.results.projection import Mask

Box = tuple[float, float, float, float]

LABEL_SIZE = 17
_DISTANCES = (4, 14, 26, 40, 58, 80)
_DIRECTIONS = tuple(2 * math.pi * step / 16 for step in range(16))


def place_labels(masks: dict[int, Mask], size: tuple[int, int]) -> dict[int, Box]:
    """A box (left, top, right, bottom) for each number, within a picture of (width, height).

    Greedy, in the order of the numbers: the nearest place that covers least of other outlines and labels.
    """
    taken: list[Box] = [mask_box(mask) for mask in masks.values()]
    placed: dict[int, Box] = {}
    for number, mask in sorted(masks.items()):
        candidates = list(_candidates(mask, width(str(number), LABEL_SIZE), size))
        placed[number] = candidates[int(_covered(candidates, taken).argmin())]
        taken.append(placed[number])
    return placed


def mask_box(mask: Mask) -> Box:
    """The box of what is set in a mask."""
    rows = np.flatnonzero(mask.pixels.any(axis=1))
    columns = np.flatnonzero(mask.pixels.any(axis=0))
    return (
        float(mask.left + columns[0]),
        float(mask.top + rows[0]),
        float(mask.left + columns[-1] + 1),
        float(mask.top + rows[-1] + 1),
    )


def _candidates(mask: Mask, label_width: float, size: tuple[int, int]) -> Iterable[Box]:
    left, top, right, bottom = mask_box(mask)
    half_width, half_height = label_width / 2 + 2, LABEL_SIZE / 2 + 1
    for distance in _DISTANCES:
        for angle in _DIRECTIONS:
            x = (left + right) / 2 + math.cos(angle) * ((right - left) / 2 + half_width + distance)
            y = (top + bottom) / 2 - math.sin(angle) * ((bottom - top) / 2 + half_height + distance)
            x = min(max(x, half_width), size[0] - half_width)
            y = min(max(y, half_height), size[1] - half_height)
            yield x - half_width, y - half_height, x + half_width, y + half_height


def _covered(boxes: Sequence[Box], taken: Sequence[Box]) -> NDArray[np.float64]:
    """How much each of the boxes covers of all that are taken."""
    here, there = np.array(boxes)[None], np.array(taken)[:, None]
    sides = np.minimum(here[..., 2:], there[..., 2:]) - np.maximum(here[..., :2], there[..., :2])
    return np.asarray(np.maximum(sides, 0.0).prod(axis=-1).sum(axis=0))
