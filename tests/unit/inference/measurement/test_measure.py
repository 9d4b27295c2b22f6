from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from config.volume import Unit, Volume
from inference.measurement.measure import measure, totals

SPACING = (3.27, 4.0, 4.5)


def volume(values, spacing=SPACING, axes=None, origin=(0.0, 0.0, 0.0)):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3)[:, ::-1] if axes is None else axes) * np.asarray(spacing)
    affine[:3, 3] = origin
    return Volume(np.ascontiguousarray(values, dtype=np.float32), affine, Unit.SUVBW)


def sphere(radius_mm, spacing, shape=(40, 40, 40)):
    middle = (np.array(shape) - 1) / 2.0
    offsets = (np.indices(shape).reshape(3, -1).T - middle) * np.asarray(spacing)
    return (np.linalg.norm(offsets, axis=1) <= radius_mm).reshape(shape)


def region_in(shape, seed):
    """A ragged connected blob with the values of its image."""
    random = np.random.default_rng(seed)
    values = random.gamma(2.0, 2.0, shape)
    labels = np.zeros(shape, dtype=np.uint16)
    start = [int(random.integers(0, n - 2)) for n in shape]
    stop = [int(random.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)]
    labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = 1
    labels[(random.random(shape) < 0.2) & (labels == 1)] = 0
    labels[tuple(start)] = 1
    return values, labels


def peak_by_hand(values, labels, affine):
    """SUVpeak by its definition, one sphere after the other."""
    radius = (3.0 / (4.0 * np.pi)) ** (1.0 / 3.0) * 10.0
    everywhere = np.argwhere(np.ones(values.shape, dtype=bool))
    points = everywhere @ affine[:3, :3].T
    best = -np.inf
    for centre in np.argwhere(labels == 1):
        near = np.linalg.norm(points - affine[:3, :3] @ centre, axis=1) <= radius
        best = max(best, float(np.mean([values[tuple(i)] for i in everywhere[near]])))
    return best


@pytest.mark.parametrize("radius_mm", [12.0, 20.0, 30.0])
def test_sphere_has_its_volume_and_diameters(radius_mm):
    spacing = (1.7, 1.9, 2.1)
    inside = sphere(radius_mm, spacing)
    found = measure(inside.astype(np.uint16), volume(np.where(inside, 6.0, 1.0), spacing))[1]
    assert found.mtv_ml == pytest.approx(4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0, rel=0.03)
    assert found.long_axis_mm == pytest.approx(2 * radius_mm, abs=2.1)
    assert found.short_axis_mm == pytest.approx(2 * radius_mm, abs=2.1)
    assert found.suv_mean == pytest.approx(6.0)
    assert found.tlg == pytest.approx(6.0 * found.mtv_ml)


def test_peak_of_a_large_uniform_region_is_its_value():
    spacing = (3.0, 3.0, 3.0)
    inside = sphere(20.0, spacing, (21, 21, 21))
    found = measure(inside.astype(np.uint16), volume(np.where(inside, 8.0, 0.0), spacing))[1]
    assert found.suv_peak == pytest.approx(8.0)


def test_peak_at_the_edge_of_the_volume_is_the_mean_of_the_voxels_there_are():
    values = np.zeros((5, 5, 5))
    values[0, 0, 0] = 8.0
    labels = (values > 0).astype(np.uint16)
    assert measure(labels, volume(values, (6.2, 6.2, 6.2)))[1].suv_peak == pytest.approx(8.0 / 4.0)


def test_peak_counts_exactly_the_voxels_whose_centres_lie_in_one_millilitre():
    values = np.zeros((9, 9, 9))
    values[4, 4, 4] = 33.0
    labels = (values > 0).astype(np.uint16)
    assert measure(labels, volume(values, (3.0, 3.0, 3.0)))[1].suv_peak == pytest.approx(1.0)
    assert measure(labels, volume(values, (6.2, 6.2, 6.2)))[1].suv_peak == pytest.approx(33.0 / 7.0)
    assert measure(labels, volume(values, (6.3, 6.3, 6.3)))[1].suv_peak == pytest.approx(33.0)


def test_peak_may_lie_beside_the_maximum():
    values = np.full((15, 15, 15), 1.0)
    values[2, 2, 2] = 12.0
    values[8:13, 8:13, 8:13] = 10.0
    labels = (values > 5.0).astype(np.uint16)
    found = measure(labels, volume(values, (3.0, 3.0, 3.0)))[1]
    assert found.suv_max == pytest.approx(12.0)
    assert found.suv_max_index == (2, 2, 2)
    assert found.suv_peak == pytest.approx(10.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), spacing=st.tuples(*[st.floats(1.6, 7.0)] * 3))
def test_peak_is_the_largest_mean_over_all_spheres(seed, spacing):
    values, labels = region_in((6, 7, 8), seed)
    suv = volume(values, spacing)
    assert measure(labels, suv)[1].suv_peak == pytest.approx(peak_by_hand(suv.values, labels, suv.affine), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    turns=st.tuples(*[st.floats(-180, 180)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_turning_and_moving_the_patient_changes_only_the_centroid(seed, turns, origin):
    values, labels = region_in((8, 9, 10), seed)
    axes = Rotation.from_euler("xyz", turns, degrees=True).as_matrix()
    straight, turned = volume(values, axes=np.eye(3)), volume(values, axes=axes, origin=origin)
    before, after = measure(labels, straight)[1], measure(labels, turned)[1]
    for name in ("suv_max", "suv_peak", "suv_mean", "mtv_ml", "tlg", "long_axis_mm", "short_axis_mm"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-6)
    np.testing.assert_allclose(after.centroid_mm, axes @ before.centroid_mm + origin, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), flips=st.tuples(*[st.booleans()] * 3), transposed=st.booleans())
def test_storing_the_same_patient_otherwise_changes_only_indices(seed, flips, transposed):
    values, labels = region_in((8, 9, 10), seed)
    suv = volume(values, origin=(10.0, -20.0, 30.0))
    mirrored, mirrored_labels, affine = suv.values, labels, suv.affine.copy()
    for axis in np.flatnonzero(flips):
        mirrored, mirrored_labels = np.flip(mirrored, axis), np.flip(mirrored_labels, axis)
        affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
        affine[:3, axis] *= -1
    if transposed:
        mirrored, mirrored_labels = mirrored.swapaxes(1, 2), mirrored_labels.swapaxes(1, 2)
        affine = affine[:, [0, 2, 1, 3]]
    before = measure(labels, suv)[1]
    after = measure(np.ascontiguousarray(mirrored_labels), Volume(np.ascontiguousarray(mirrored), affine, Unit.SUVBW))[
        1
    ]
    for name in ("suv_max", "suv_peak", "suv_mean", "mtv_ml", "tlg", "long_axis_mm", "short_axis_mm", "centroid_mm"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-6), name


def test_axes_of_a_bar_are_its_sides_even_at_an_angle():
    spacing = (1.0, 1.0, 1.0)
    rows, columns = np.indices((120, 120)) - 60.0
    angle = np.deg2rad(30.0)
    along, across = rows * np.cos(angle) + columns * np.sin(angle), columns * np.cos(angle) - rows * np.sin(angle)
    ellipse = (along / 40.0) ** 2 + (across / 15.0) ** 2 <= 1.0
    found = measure(ellipse[None].astype(np.uint16), volume(ellipse[None], spacing))[1]
    assert found.long_axis_mm == pytest.approx(80.0, abs=1.5)
    assert found.short_axis_mm == pytest.approx(30.0, abs=1.5)


def test_a_row_of_voxels_is_as_long_as_it_is():
    labels = np.zeros((3, 5, 9), dtype=np.uint16)
    labels[1, 2, 2:7] = 1
    found = measure(labels, volume(labels))[1]
    assert found.long_axis_mm == pytest.approx(5 * 4.5)
    assert found.short_axis_mm == pytest.approx(4.0)


def test_axes_are_measured_in_one_slice():
    labels = np.zeros((20, 5, 9), dtype=np.uint16)
    labels[:, 2, 3:5] = 1
    labels[7, 2, 2:6] = 1
    found = measure(labels, volume(labels))[1]
    assert found.long_axis_mm == pytest.approx(4 * 4.5)


def test_short_axis_is_a_chord_and_not_a_shadow():
    parallelogram = np.zeros((1, 40, 80), dtype=np.uint16)
    for row, column in product(range(40), range(80)):
        parallelogram[0, row, column] = 0 <= column - row < 40
    found = measure(parallelogram, volume(parallelogram, (1.0, 1.0, 1.0)))[1]
    # Corners (0, 0), (0, 40), (40, 80), (40, 40): on the diagonal the obtuse ones lie at 35.8 and 53.7, 17.9 off it.
    assert found.long_axis_mm == pytest.approx(89.4, abs=2.0)
    assert found.short_axis_mm == pytest.approx(17.9 * (1 + 35.8 / 53.7), abs=2.0)


def test_places_are_those_of_the_array_and_the_patient():
    labels = np.zeros((6, 6, 6), dtype=np.uint16)
    values = np.ones((6, 6, 6))
    labels[2:5, 1, 3] = 7
    values[3, 1, 3] = 9.0
    found = measure(labels, volume(values, (2.0, 3.0, 4.0), origin=(100.0, 200.0, 300.0)))
    assert list(found) == [7]
    assert found[7].suv_max_index == (3, 1, 3)
    assert found[7].slices == (2, 4)
    assert found[7].voxel_count == 3
    assert found[7].centroid_mm == pytest.approx((100.0 + 3 * 4.0, 200.0 + 1 * 3.0, 300.0 + 3 * 2.0))


def test_totals_add_up_lesions_and_span_them():
    labels = np.zeros((10, 10, 10), dtype=np.uint16)
    labels[1, 1, 1:3], labels[1, 9, 9], labels[9, 1, 1] = 1, 2, 3
    values = np.where(labels, labels * 2.0, 0.5)
    measured = measure(labels, volume(values, (5.0, 2.0, 2.0)))
    found = totals(measured.values())
    assert found.lesion_count == 3
    assert found.tmtv_ml == pytest.approx(4 * 0.02)
    assert found.tlg == pytest.approx(0.02 * (2 + 2 + 4 + 6))
    assert found.suv_max == pytest.approx(6.0)
    assert found.dmax_mm == pytest.approx(np.linalg.norm([40.0, 16.0, 16.0]))


@pytest.mark.parametrize("count", [0, 1])
def test_totals_of_few_lesions_have_no_distance(count):
    labels = np.zeros((3, 3, 3), dtype=np.uint16)
    labels[0, 0, :count] = 1
    found = totals(measure(labels, volume(np.full((3, 3, 3), 5.0))).values())
    assert found.lesion_count == count
    assert found.dmax_mm is None
    assert found.suv_max == (5.0 if count else None)
