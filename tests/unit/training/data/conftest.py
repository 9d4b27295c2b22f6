"""One examination as files, to be spoilt by tests."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

PET_RAS = np.diag([4.0, 4.0, 5.0, 1.0])
CT_RAS = np.diag([2.0, 2.0, 5.0, 1.0])

Save = Callable[..., None]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an array in NIfTI's own order, (x, y, z), and an affine to RAS, into the folder of a case."""

    def write(case: str, name: str, values: NDArray[np.generic], affine: NDArray[np.float64] = PET_RAS) -> None:
        path = tmp_path / case / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(values, affine), path)

    return write


@pytest.fixture
def suv() -> NDArray[np.float32]:
    """Shape (20, 16, 12); a lesion of SUV 5 and one of SUV 9."""
    values = np.full((20, 16, 12), 0.5, dtype=np.float32)
    values[3:5, 4, 6] = 5.0
    values[15, 10:12, 2] = 9.0
    return values


@pytest.fixture
def mask(suv: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (suv > 2.0).astype(np.uint8)


@pytest.fixture
def ct() -> NDArray[np.int16]:
    """On a grid of its own: twice as many columns and rows."""
    values = np.full((40, 32, 12), 40, dtype=np.int16)
    values[:4] = -1000
    return values


@pytest.fixture
def case(save: Save, suv: NDArray[np.float32], ct: NDArray[np.int16], mask: NDArray[np.uint8], tmp_path: Path) -> Path:
    """``patient-1`` in autoPET's layout, and below the same folder as that."""
    save("patient-1", "SUV", suv)
    save("patient-1", "CTres", ct, CT_RAS)
    save("patient-1", "SEG", mask)
    return tmp_path
