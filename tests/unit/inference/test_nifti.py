from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from config.volume import Unit, Volume
from inference.nifti import UnreadableNifti, read_nifti, write_mask, write_nifti


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


def test_what_is_written_is_read_back_at_the_same_place(tmp_path: Path) -> None:
    affine = np.diag([3.0, -2.0, 2.5, 1.0])[[2, 1, 0, 3]]
    affine[:3, 3] = (-20.0, 15.0, 100.0)
    values = np.random.default_rng(0).random((4, 5, 6), dtype=np.float32)
    write_nifti(Volume(values, affine, Unit.SUVBW), tmp_path / "suv.nii.gz")
    read = read_nifti(tmp_path / "suv.nii.gz", Unit.SUVBW)
    np.testing.assert_array_equal(read.values, values)
    np.testing.assert_allclose(read.affine, affine, atol=1e-5)


def test_scale_factors_of_a_file_are_applied(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.full((3, 4, 5), -1000, dtype=np.int16))
    SimpleITK.WriteImage(image, str(tmp_path / "ct.nii"))
    raw = bytearray((tmp_path / "ct.nii").read_bytes())
    raw[112:120] = np.array([0.5, 10.0], dtype="<f4").tobytes()  # scl_slope, scl_inter
    (tmp_path / "ct.nii").write_bytes(raw)
    assert np.unique(read_nifti(tmp_path / "ct.nii", Unit.HOUNSFIELD).values).tolist() == [-490.0]


@pytest.mark.parametrize("labels", [3, 300])
def test_a_mask_is_written_as_integers(tmp_path: Path, labels: int) -> None:
    mask = np.zeros((3, 4, 5), dtype=np.uint16)
    mask[1, 2, 3] = labels
    write_mask(mask, np.eye(4), tmp_path / "mask.nii.gz")
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "mask.nii.gz")))
    assert np.issubdtype(read.dtype, np.integer)
    np.testing.assert_array_equal(read, mask)


@pytest.mark.parametrize("content", [b"", b"Dear colleague", bytes(400)])
def test_what_is_no_nifti_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "suv.nii").write_bytes(content)
    with pytest.raises(UnreadableNifti, match=r"suv\.nii"):
        read_nifti(tmp_path / "suv.nii", Unit.SUVBW)


def test_a_dynamic_image_is_refused(tmp_path: Path) -> None:
    SimpleITK.WriteImage(
        SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(np.zeros((3, 4, 5), dtype=np.float32))] * 2),
        str(tmp_path / "suv.nii.gz"),
    )
    with pytest.raises(UnreadableNifti, match="4 dimensions"):
        read_nifti(tmp_path / "suv.nii.gz", Unit.SUVBW)
