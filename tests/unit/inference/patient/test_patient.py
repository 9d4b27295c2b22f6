"""The digital patient: the same from the same seed, anatomically sided, with lesions whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from config.tracers import Tracer
from config.vocabulary import Laterality
from config.volume import Unit, Volume
from inference.patient.body import Arms
from inference.patient.patient import SMALL_CT_GRID, SMALL_PET_GRID, DigitalPatient, Grid
from inference.patient.shapes import Capsule, Ellipsoid, Point, render

SEEDS = (0, 1, 2, 3)
LIVER, SPLEEN, BRAIN, RIGHT_LUNG = (-95, 0, 1215), (100, 30, 1222), (0, 40, 1690), (-80, 10, 1330)
LEFT_KIDNEY_CORTEX, BLADDER, AORTA = (66, 34, 1210), (0, -28, 934), (23, 37, 1300)


def quiet(patient: DigitalPatient) -> DigitalPatient:
    return replace(patient, pet_noise=0.0, ct_noise_hu=0.0)


def around(point_mm: Point, half_mm: float = 24.0, spacing_mm: float = 2.0) -> Grid:
    count = int(2 * half_mm / spacing_mm) + 1
    return Grid.axial((count,) * 3, (spacing_mm,) * 3, point_mm)


def value_at(volume: Volume, point_mm: Point) -> float:
    index = np.rint(volume.indices(np.array([point_mm]))[0]).astype(int)
    return float(volume.values[tuple(index)])


def suv_at(patient: DigitalPatient, reference_mm: Point) -> float:
    point = patient.lps(reference_mm)
    return value_at(quiet(patient).suv(around(point)), point)


def hu_at(patient: DigitalPatient, reference_mm: Point) -> float:
    point = patient.lps(reference_mm)
    return value_at(quiet(patient).ct(around(point, 6.0, 1.0)), point)


def test_the_same_seed_gives_the_same_voxels() -> None:
    first, second = DigitalPatient.default(5), DigitalPatient.default(5)
    assert first == second
    assert np.array_equal(first.ct(SMALL_CT_GRID).values, second.ct(SMALL_CT_GRID).values)
    assert np.array_equal(first.suv(SMALL_PET_GRID).values, second.suv(SMALL_PET_GRID).values)


def test_seeds_differ_in_body_and_organs() -> None:
    bodies = {(patient.sex, patient.height_m, patient.weight_kg) for patient in map(DigitalPatient.default, range(6))}
    assert len(bodies) == 6


def test_volumes_carry_their_grid_and_unit() -> None:
    ct, suv = DigitalPatient.default().ct(SMALL_CT_GRID), DigitalPatient.default().suv(SMALL_PET_GRID)
    assert (ct.shape, ct.unit, ct.values.dtype) == (SMALL_CT_GRID.shape, Unit.HOUNSFIELD, np.float32)
    assert (suv.shape, suv.unit, suv.values.dtype) == (SMALL_PET_GRID.shape, Unit.SUVBW, np.float32)
    assert suv.values.min() >= 0.0
    assert ct.values.min() >= -1024.0


@pytest.mark.parametrize("seed", SEEDS)
def test_fdg_uptake_is_normal_where_no_lesion_is(seed: int) -> None:
    patient = DigitalPatient.healthy(seed)
    assert suv_at(patient, LIVER) == pytest.approx(2.3, rel=0.15)
    assert suv_at(patient, SPLEEN) == pytest.approx(1.9, rel=0.15)
    assert suv_at(patient, AORTA) == pytest.approx(1.6, rel=0.2)
    assert suv_at(patient, BLADDER) > 12.0
    assert suv_at(patient, RIGHT_LUNG) < 0.7
    assert suv_at(patient, BRAIN) > 4.0


def test_psma_uptake_is_that_of_kidney_and_liver_and_not_of_brain() -> None:
    patient = DigitalPatient.healthy(tracer=Tracer.PSMA)
    assert suv_at(patient, LEFT_KIDNEY_CORTEX) > 12.0
    assert suv_at(patient, LIVER) == pytest.approx(5.0, rel=0.15)
    assert suv_at(patient, BRAIN) < 0.4


def test_a_tracer_without_known_normal_uptake_is_refused() -> None:
    patient = replace(DigitalPatient.healthy(), tracer=Tracer.DOTATATE)
    with pytest.raises(ValueError, match="DOTATATE"):
        patient.suv(around((0.0, 0.0, 0.0)))


@pytest.mark.parametrize("seed", SEEDS)
def test_tissues_have_their_attenuation(seed: int) -> None:
    patient = DigitalPatient.healthy(seed)
    assert hu_at(patient, LIVER) == pytest.approx(58, abs=3)
    assert hu_at(patient, RIGHT_LUNG) < -700
    assert hu_at(patient, (0, 10, 1420)) < -900, "trachea"
    assert hu_at(patient, (0, 36, 1158)) > 150, "lumbar marrow"
    assert hu_at(patient, (0, 6, 1745)) > 700, "vertex of the skull"


@pytest.mark.parametrize("tracer", [Tracer.FDG, Tracer.PSMA])
@pytest.mark.parametrize("seed", SEEDS)
def test_lesions_lie_on_the_side_their_location_says(seed: int, tracer: Tracer) -> None:
    for lesion in DigitalPatient.default(seed, tracer=tracer).lesions:
        across = lesion.centre_mm[0]
        if lesion.location.laterality is Laterality.RIGHT:
            assert across < -5.0, lesion.name
        elif lesion.location.laterality is Laterality.LEFT:
            assert across > 5.0, lesion.name
        else:
            assert abs(across) < 8.0, lesion.name


@pytest.mark.parametrize("tracer", [Tracer.FDG, Tracer.PSMA])
def test_lesions_glow_as_much_as_the_truth_says_within_partial_volume(tracer: Tracer) -> None:
    patient = DigitalPatient.default(tracer=tracer)
    for lesion in patient.lesions:
        suv = quiet(patient).suv(around(lesion.centre_mm))
        largest = float(suv.values[quiet(patient).truth(around(lesion.centre_mm)) > 0].max())
        assert 0.8 * lesion.suv < largest <= 1.02 * lesion.suv, lesion.name


def test_lesions_stand_out_from_what_surrounds_them() -> None:
    for seed in SEEDS:
        patient, healthy = quiet(DigitalPatient.default(seed)), quiet(DigitalPatient.healthy(seed))
        for lesion in patient.lesions:
            grid = around(lesion.centre_mm, 12.0)
            assert healthy.suv(grid).values.max() < 0.65 * lesion.suv, lesion.name


def test_a_healthy_patient_has_no_lesion() -> None:
    patient = DigitalPatient.healthy()
    assert patient.lesions == ()
    assert not patient.truth(SMALL_PET_GRID).any()


def test_truth_numbers_lesions_and_has_their_volume() -> None:
    patient = DigitalPatient.default(2)
    for number, lesion in enumerate(patient.lesions, start=1):
        grid = around(lesion.centre_mm, 20.0, 1.0)
        voxels = np.count_nonzero(patient.truth(grid) == number)
        assert voxels == pytest.approx(4 / 3 * np.pi * np.prod(lesion.radii_mm), rel=0.03)


@pytest.mark.parametrize("arms", list(Arms))
def test_arms_lie_where_they_are_put(arms: Arms) -> None:
    patient = DigitalPatient.healthy(1, arms=arms)
    beside_head, beside_belly = (192, -5, 1640), (194, 21, 1230)
    here, elsewhere = (beside_head, beside_belly) if arms is Arms.UP else (beside_belly, beside_head)
    assert hu_at(patient, here) > -120, "flesh, bone or marrow"
    assert hu_at(patient, elsewhere) < -900


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_an_oblique_grid_shows_the_same_patient(turn: int) -> None:
    patient = quiet(DigitalPatient.default(1))
    lesion = patient.lesions[0]
    straight = around(lesion.centre_mm, 18.0, 2.0)
    turned = straight.affine.copy()
    turned[:3, :3] = Rotation.random(random_state=turn).as_matrix() @ straight.affine[:3, :3]
    turned[:3, 3] = lesion.centre_mm - turned[:3, :3] @ ((np.array(straight.shape) - 1) / 2)
    ct = patient.ct(Grid(straight.shape, turned))
    assert value_at(ct, lesion.centre_mm) == pytest.approx(lesion.hu, abs=1.0)
    labels = patient.truth(Grid(straight.shape, turned))
    assert np.count_nonzero(labels) * 8.0 == pytest.approx(4 / 3 * np.pi * np.prod(lesion.radii_mm), rel=0.08)


@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.floats(0.5, 9.0)] * 3),
    st.tuples(*[st.floats(-500.0, 500.0)] * 3),
)
def test_an_axial_grid_lies_round_its_centre(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], centre: Point
) -> None:
    grid = Grid.axial(shape, spacing, centre)
    volume = Volume(np.zeros(shape, np.float32), grid.affine, Unit.SUVBW)
    assert volume.spacing_mm == pytest.approx(spacing)
    middle = volume.points_mm((np.array([shape]) - 1) / 2)[0]
    assert middle == pytest.approx(centre, abs=1e-6)
    assert np.all(np.diag(grid.affine[::-1][1:]) > 0), "slices to the head, rows to the back, columns to the left"


@given(
    *[st.tuples(*[st.floats(-50.0, 50.0)] * 3) for _ in range(3)],
    st.floats(1.0, 10.0),
)
def test_a_capsules_level_is_the_distance_to_its_axis(start: Point, end: Point, point: Point, radius: float) -> None:
    x, y, z = (np.full((1, 1, 1), value, np.float32) for value in point)
    if np.linalg.norm(np.subtract(end, start)) < 1.0:
        return
    level = float(Capsule(start, end, radius, radius).level(x, y, z)[0, 0, 0])
    along = np.linspace(np.asarray(start), np.asarray(end), 2001)
    nearest = float(np.linalg.norm(along - np.asarray(point), axis=1).min())
    assert level == pytest.approx(nearest - radius, abs=0.12)


def test_painted_edges_keep_the_volume_of_a_sphere() -> None:
    sphere = Ellipsoid((0.3, -0.2, 0.1), (10.0, 10.0, 10.0))
    grid = around((0.0, 0.0, 0.0), 14.0, 2.0)
    painted = render([(sphere, 1.0)], grid.shape, grid.affine, 0.0)
    assert float(painted.sum()) * 8.0 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
