"""Orientation: the order and direction of an array's axes in the patient, as a network was trained on them."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.volume import Matrix

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_DIRECTIONS = {
    letter: (axis, sign) for axis, pair in enumerate(_LETTERS) for letter, sign in zip(pair, (-1, 1), strict=True)
}


@dataclass(frozen=True, slots=True)
class Turn:
    """How an array's axes are exchanged and then flipped: ``axes`` of the source in the order of the target."""

    axes: tuple[int, int, int]
    flipped: tuple[int, ...]

    def there(self, values: NDArray[Any]) -> NDArray[Any]:
        """An array (slices, rows, columns) of the source as the target stores it; a view."""
        return np.flip(values.transpose(self.axes), self.flipped)


AS_STORED = Turn((0, 1, 2), ())


def turn_to(orientation: str, affine: Matrix) -> Turn:
    """The turn that brings an array with this affine (array index to LPS mm) nearest to an orientation.

    ``orientation``: where the index grows along (slice, row, column), ``SPL`` for DICOM's axial images. Oblique arrays
    are not resampled: each axis counts as the one of the patient that it is closest to.
    """
    directions = np.abs(affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    nearest = max(
        permutations(range(3)), key=lambda axes: sum(directions[axis, place] for place, axis in enumerate(axes))
    )
    wanted = [_DIRECTIONS[letter] for letter in orientation]
    slices, rows, columns = (nearest.index(axis) for axis, _ in wanted)
    axes = (slices, rows, columns)
    flipped = tuple(place for place, (axis, sign) in enumerate(wanted) if sign * affine[axis, axes[place]] < 0.0)
    return Turn(axes, flipped)
