import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.bundles.specification import (
    Bundle,
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
)
from inference.engines.arrays import HostArrays
from inference.engines.engine import WindowShape
from inference.network.segment import find_body, segment_volume

SHAPE = (24, 40, 36)
SPACING = (5.0, 4.0, 4.0)
PATCH = (16, 24, 24)


class Fake:
    """Calls a lesion what is hotter than 4 in its first channel; counts its windows."""

    name, device, batch, remarks = "fake", "CPU", 2, ()

    def __init__(self, channels=1, regions=False):
        self.shape = WindowShape(channels, 1 if regions else 2, PATCH)
        self.arrays = HostArrays()
        self.windows = 0

    def __call__(self, windows):
        self.windows += len(windows)
        lesion = windows[:, :1] - 4.0
        return lesion if self.shape.classes == 1 else np.concatenate([np.zeros_like(lesion), lesion], axis=1)


def volume(values, unit=Unit.SUVBW):
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = (*SPACING, 1.0)
    return Volume(np.asarray(values, dtype=np.float32), affine, unit)


def bundle(tmp_path, channels=("PET",), regions=False, **network):
    chosen = {
        "graphs": ("graph.onnx",),
        "patch": PATCH,
        "spacing_mm": SPACING,
        "resample_data": Resampling(order=3),
        "resample_logits": Resampling(order=1),
        **network,
    }
    labels = Labels((Label("lesion"),), ((1,),), (1,)) if regions else Labels((Label("background"), Label("lesion")))
    specification = Specification(
        "toy",
        "1",
        Task.LESION_SEGMENTATION,
        tuple(Channel(name, Normalisation.NONE) for name in channels),
        labels,
        Network(**chosen),
    )
    return Bundle(tmp_path, specification, {}, "")


@pytest.fixture
def suv():
    values = np.full(SHAPE, 1.0)
    values[4:9, 5:12, 20:30] = 9.0
    return volume(values)


@pytest.mark.parametrize("regions", [False, True])
def test_on_the_networks_own_grid_the_labels_are_those_of_each_voxel(tmp_path, suv, regions):
    labels = segment_volume({"PET": suv}, bundle(tmp_path, regions=regions), [Fake(regions=regions)])
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, suv.values > 4.0)


def test_a_transposed_network_gives_labels_on_the_volumes_grid(tmp_path, suv):
    turned = bundle(
        tmp_path, transpose=(2, 0, 1), transpose_back=(1, 2, 0), spacing_mm=(SPACING[2], SPACING[0], SPACING[1])
    )
    np.testing.assert_array_equal(segment_volume({"PET": suv}, turned, [Fake()]), suv.values > 4.0)


@pytest.mark.parametrize("orientation", [None, "SPL", "SAL", "SAR", "LPS"])
def test_the_orientation_of_training_changes_what_the_network_sees_and_not_where_labels_are(tmp_path, suv, orientation):
    found = segment_volume({"PET": suv}, bundle(tmp_path, orientation=orientation), [Fake()])
    np.testing.assert_array_equal(found, suv.values > 4.0)


def test_at_another_spacing_the_labels_come_back_to_the_same_place(tmp_path, suv):
    found = segment_volume({"PET": suv}, bundle(tmp_path, spacing_mm=(4.0, 3.0, 5.0)), [Fake()])
    assert found.shape == SHAPE
    hot = suv.values > 4.0
    assert 2 * np.count_nonzero(hot & (found > 0)) / (hot.sum() + (found > 0).sum()) > 0.9


def test_windows_that_hold_nothing_but_air_are_not_computed(tmp_path):
    values = np.zeros((24, 96, 96))
    values[:, :20, :20] = 9.0
    engine = Fake()
    sparse = segment_volume({"PET": volume(values)}, bundle(tmp_path, crop_to_nonzero=False), [engine])
    np.testing.assert_array_equal(sparse, values > 4.0)
    assert engine.windows < 2 * 7 * 7 / 4


def test_folds_are_averaged(tmp_path, suv):
    class Denying(Fake):
        def __call__(self, windows):
            return np.concatenate([np.full_like(windows, 20.0), np.zeros_like(windows)], axis=1)

    assert not segment_volume({"PET": suv}, bundle(tmp_path), [Fake(), Denying()]).any()


def test_a_device_without_room_for_the_volume_is_a_memory_error(tmp_path, suv):
    class Full(HostArrays):
        def double(self, values):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    engine = Fake()
    engine.arrays = Full()
    with pytest.raises(MemoryError, match=r"2\.00 GiB"):
        segment_volume({"PET": suv}, bundle(tmp_path), [engine])


def test_progress_counts_the_windows(tmp_path, suv):
    said = []
    segment_volume({"PET": suv}, bundle(tmp_path), [Fake()], said.append)
    assert said[0] == "prepare"
    assert said[-1] == "window 12 of 12"


def test_the_body_is_tissue_or_uptake():
    suv = volume(np.zeros(SHAPE))
    suv.values[0, 0, 0] = 1.0
    ct = volume(np.full(SHAPE, -1000.0), Unit.HOUNSFIELD)
    ct.values[1, 1, 1] = 40.0
    assert np.argwhere(find_body({"PET": suv, "CT": ct})).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert find_body({"MR": suv}) is None
