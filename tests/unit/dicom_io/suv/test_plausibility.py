import numpy as np
import pytest

from config.reasons import Reason, Refused
from dicom_io.suv.plausibility import require_plausible

SHAPE = (40, 64, 64)


def patient(scale: float = 1.0) -> np.ndarray:
    """A body of SUV 0.5 to 1.5 that fills a tenth of the field of view, with a bladder of SUV 60."""
    suv = np.zeros(SHAPE, np.float32)
    suv[:, 22:42, 22:42] = np.random.default_rng(5).uniform(0.5, 1.5, (40, 20, 20))
    suv[2:5, 30:34, 30:34] = 60.0
    return suv * np.float32(scale)


def refusal(suv: np.ndarray) -> str:
    with pytest.raises(Refused) as refused:
        require_plausible(suv)
    assert refused.value.reason is Reason.IMPLAUSIBLE_VALUES
    return refused.value.detail


@pytest.mark.parametrize("scale", [0.2, 1.0, 10.0])
def test_patients_pass_with_room_to_spare(scale: float) -> None:
    require_plausible(patient(scale))


def test_a_limb_in_an_empty_field_of_view_passes() -> None:
    suv = np.zeros(SHAPE, np.float32)
    suv[:, 30:33, 30:33] = 0.3
    suv[20, 31, 31] = 2.0
    require_plausible(suv)


def test_reconstructions_may_have_negative_voxels() -> None:
    suv = patient()
    suv[:, :5] = -0.2
    require_plausible(suv)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_without_any_positive_voxel_there_is_no_patient(value: float) -> None:
    assert f"The highest SUV is {value:g}" in refusal(np.full(SHAPE, value, np.float32))


def test_a_constant_is_no_image() -> None:
    assert refusal(np.full(SHAPE, 2.0, np.float32)) == "All voxels have the SUV 2; expected an image."


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_values_must_be_finite(value: float) -> None:
    suv = patient()
    suv[3, 3, 3] = value
    assert "expected finite numbers" in refusal(suv)


def test_values_a_thousand_times_too_low_are_refused() -> None:
    assert "99.9 % of the voxels" in refusal(patient(1e-3))


def test_values_a_thousand_times_too_high_are_refused() -> None:
    assert "median SUV" in refusal(patient(1e3))
