from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.reasons import Reason, Refused
from config.tracers import Tracer
from inference.bundles.store import load_bundle
from inference.network.patient_windows import patient_windows

MakeBundle = Callable[..., Path]


@pytest.mark.parametrize("tracer", [None, Tracer.PSMA])
def test_every_window_holds_a_lesion_in_a_body(make_bundle: MakeBundle, tmp_path: Path, tracer: Tracer | None) -> None:
    windows = patient_windows(load_bundle(make_bundle(tmp_path / "toy", tracer=tracer)))
    assert windows.shape[1:] == (2, 16, 32, 32)
    assert 2 <= len(windows) <= 6
    centres = windows[:, 0, 6:10, 13:19, 13:19]
    assert (centres.max(axis=(1, 2, 3)) > 3.0).all()
    assert ((windows[:, 1] > -500.0).mean(axis=(1, 2, 3)) > 0.2).all()


def test_the_same_bundle_gives_the_same_values(make_bundle: MakeBundle, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path / "toy", channels=("CT", "PET")))
    np.testing.assert_array_equal(patient_windows(bundle), patient_windows(bundle))


def test_channels_come_in_the_bundles_order(make_bundle: MakeBundle, tmp_path: Path) -> None:
    one = patient_windows(load_bundle(make_bundle(tmp_path / "one", channels=("CT", "PET"))))
    other = patient_windows(load_bundle(make_bundle(tmp_path / "other", channels=("PET", "CT"))))
    np.testing.assert_array_equal(one, other[:, ::-1])


def test_a_patch_larger_than_the_patient_is_padded(make_bundle: MakeBundle, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path / "toy", channels=("PET",), patch=(184, 96, 96)))
    windows = patient_windows(bundle)
    assert windows.shape == (1, 1, 184, 96, 96)
    assert not windows[0, 0, :8].any()


def test_other_channels_are_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        patient_windows(load_bundle(make_bundle(tmp_path / "toy", channels=("MR",))))
    assert refused.value.reason is Reason.BUNDLE_CHANNELS
