from pathlib import Path

import numpy as np
import SimpleITK

from config.volume import Unit, Volume
from node.nifti import write_nifti


def test_an_independent_reader_finds_every_voxel_at_its_place(tmp_path: Path) -> None:
    affine = np.array([[0.0, 0.5, 3.0, -20.0], [0.2, 4.0, 0.0, -10.0], [5.0, 0.0, 0.0, 100.0], [0.0, 0.0, 0.0, 1.0]])
    affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] @ np.diag([5.0, 4.0, 3.0])
    values = np.random.default_rng(0).random((4, 5, 6), dtype=np.float32)
    volume = Volume(values, affine, Unit.SUVBW)
    write_nifti(volume, tmp_path / "suv.nii.gz")
    image = SimpleITK.ReadImage(str(tmp_path / "suv.nii.gz"))
    for index in [(0, 0, 0), (3, 4, 5), (1, 0, 5)]:
        point = volume.points_mm(np.array([index]))[0]
        found = image.TransformPhysicalPointToIndex(point.tolist())
        assert image[found] == values[index]
