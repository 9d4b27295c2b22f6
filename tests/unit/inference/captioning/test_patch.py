import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.captioning.guidance import WINDOWS
from inference.captioning.network_input import network_input
from inference.captioning.patch import HU, LESION, MARGIN, SIZE, SUV, cut_patch


@pytest.fixture
def pair() -> tuple[Volume, Volume]:
    """A PET of 4 mm with one hot voxel, and a CT of 2 mm whose HU grows by 1 a millimetre toward S."""
    pet_affine, ct_affine = (np.zeros((4, 4)) for _ in range(2))
    for affine, spacing in ((pet_affine, 4.0), (ct_affine, 2.0)):
        affine[[0, 1, 2], [2, 1, 0]] = spacing
        affine[3, 3] = 1.0
    suv = np.zeros((40, 40, 40), dtype=np.float32)
    suv[20, 20, 20] = 8.0
    hu = np.broadcast_to(2.0 * np.arange(80.0)[:, None, None], (80, 80, 80)).astype(np.float32)
    return Volume(suv, pet_affine, Unit.SUVBW), Volume(hu, ct_affine, Unit.HOUNSFIELD)


def test_the_patch_is_centred_on_the_lesion_and_linear_in_between(pair: tuple[Volume, Volume]) -> None:
    patch = cut_patch(*pair, np.asarray([[20, 20, 20]]))
    assert patch.shape == (3, SIZE, SIZE, SIZE)
    middle = SIZE // 2
    assert patch[HU, middle, 0, 0] == pytest.approx(81.0, abs=0.1)
    assert patch[SUV].max() == pytest.approx(8.0 * 0.75**3, rel=0.01)
    assert patch[LESION].sum() == 8


def test_the_margin_surrounds_the_same_patch(pair: tuple[Volume, Volume]) -> None:
    inner = slice(MARGIN, MARGIN + SIZE)
    wide = cut_patch(*pair, np.asarray([[20, 20, 20]]), margin=True)
    assert np.array_equal(wide[:, inner, inner, inner], cut_patch(*pair, np.asarray([[20, 20, 20]])))


def test_beyond_the_ct_there_is_air(pair: tuple[Volume, Volume]) -> None:
    patch = cut_patch(*pair, np.asarray([[39, 20, 20]]))
    assert (patch[HU, -1] == -1000.0).all()


def test_the_third_channel_is_the_ct_in_the_window_asked_for() -> None:
    patch = np.zeros((3, 4, 4, 4), dtype=np.float16)
    patch[HU] = 800.0
    assert (network_input(patch, WINDOWS["bone"])[2] == 0.5).all()
    assert (network_input(patch, None)[2] == 1.0).all()
