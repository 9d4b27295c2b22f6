import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.retrieval.body import CONTEXT_FACTOR, HU, SPACING_MM, SUV, VALID, lesion_voxels, make_body


def volume(values: np.ndarray, spacing: tuple[float, float, float], unit: Unit) -> Volume:
    affine = np.zeros((4, 4))
    affine[[0, 1, 2], [2, 1, 0]] = spacing[::-1]
    affine[3, 3] = 1.0
    return Volume(values.astype(np.float32), affine, unit)


@pytest.fixture
def suv() -> Volume:
    values = np.ones((24, 20, 16))
    values[12, 10, 8] = 9.0
    return volume(values, (4.0, 4.0, 4.0), Unit.SUVBW)


def test_a_body_covers_the_pet_in_whole_voxels_of_the_context(suv: Volume) -> None:
    body = make_body(suv, volume(np.full((24, 20, 16), 40.0), (4.0, 4.0, 4.0), Unit.HOUNSFIELD))
    assert all(fine >= size for fine, size in zip(body.fine.shape[1:], suv.shape, strict=True))
    assert [CONTEXT_FACTOR * size for size in body.context.shape[1:]] == list(body.fine.shape[1:])


def test_what_the_ct_did_not_measure_is_not_valid_and_holds_air_without_uptake(suv: Volume) -> None:
    ct = volume(np.full((12, 20, 16), 40.0), (4.0, 4.0, 4.0), Unit.HOUNSFIELD)
    body = make_body(suv, ct)
    slices = (np.arange(body.fine.shape[1]) * SPACING_MM + body.affine[2, 3]) / 4.0
    beyond = slices > 12.5
    assert not body.fine[VALID][beyond].any()
    assert (body.fine[HU][beyond] == -1000.0).all()
    assert not body.fine[SUV][beyond].any()
    assert body.fine[VALID][(slices > 0.5) & (slices < 10.0), 8, 8].all()


def test_padding_of_the_scanner_is_not_valid(suv: Volume) -> None:
    values = np.full((24, 20, 16), 40.0)
    values[:, :, :8] = -3024.0
    body = make_body(suv, volume(values, (4.0, 4.0, 4.0), Unit.HOUNSFIELD))
    columns = (np.arange(body.fine.shape[3]) * SPACING_MM + body.affine[0, 3]) / 4.0
    assert not body.fine[VALID][:, :, columns < 6.5].any()
    assert body.fine[VALID][12, 10, columns.searchsorted(12.0)] == 1.0


def test_without_a_ct_nothing_is_valid(suv: Volume) -> None:
    assert not make_body(suv, None).fine[VALID].any()


def test_a_body_is_the_same_whichever_way_the_pet_is_stored(suv: Volume) -> None:
    ct = volume(np.random.default_rng(0).normal(0.0, 100.0, (24, 20, 16)), (4.0, 4.0, 4.0), Unit.HOUNSFIELD)
    affine = suv.affine.copy()
    affine[:3, 3] += affine[:3, 0] * 23
    affine[:3, 0] *= -1.0
    upside_down = Volume(suv.values[::-1].copy(), affine, suv.unit)
    assert np.array_equal(make_body(upside_down, ct).fine, make_body(suv, ct).fine)


def test_a_lesion_of_one_voxel_is_found_where_it_is(suv: Volume) -> None:
    body = make_body(suv, volume(np.full((24, 20, 16), 40.0), (4.0, 4.0, 4.0), Unit.HOUNSFIELD))
    voxels = lesion_voxels(body, suv.points_mm(np.asarray([[12, 10, 8]])), suv.affine[:3, :3])
    assert len(voxels) == 1
    place = body.affine[:3, :3] @ voxels[0] + body.affine[:3, 3]
    assert np.abs(place - [32.0, 40.0, 48.0]).max() <= SPACING_MM / 2.0


def test_a_voxel_larger_than_the_bodys_covers_several() -> None:
    suv = volume(np.ones((10, 10, 10)), (8.0, 8.0, 8.0), Unit.SUVBW)
    body = make_body(suv, None)
    assert len(lesion_voxels(body, suv.points_mm(np.asarray([[5, 5, 5]])), suv.affine[:3, :3])) == 8


def test_a_lesion_beyond_the_body_is_taken_to_its_edge(suv: Volume) -> None:
    body = make_body(suv, None)
    voxels = lesion_voxels(body, np.asarray([[1e4, 0.0, 0.0]]), suv.affine[:3, :3])
    assert voxels[:, 2].tolist() == [body.fine.shape[3] - 1]
