from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest

from inference.bundles.store import load_bundle
from inference.engines.engine import Precision
from inference.engines.openvino import Processor
from inference.network.precision import PrecisionChoice, choose_precision, measure_agreement, recorded_agreements

MakeBundle = Callable[..., Path]
Capable = Callable[..., None]


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> Capable:
    """Lets the processor claim what it computes in."""

    def claim(*capabilities: str) -> None:
        processor = Processor("A processor", ("FP32", *capabilities))
        monkeypatch.setattr("inference.network.precision.this_processor", lambda: processor)

    return claim


def choose(folder: Path, cache: Path | None) -> PrecisionChoice:
    return choose_precision(load_bundle(folder), cache)


def test_a_processor_without_less_stays_with_float32(capable: Capable, make_bundle: MakeBundle, tmp_path: Path) -> None:
    capable()
    choice = choose(make_bundle(tmp_path / "toy"), tmp_path / "cache")
    assert choice == PrecisionChoice(Precision.FP32, "this processor computes in nothing less")


def test_without_a_place_for_records_nothing_is_measured(
    capable: Capable, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    capable("BF16")
    (tmp_path / "file").touch()
    for cache in (None, tmp_path / "file" / "cache"):
        choice = choose(make_bundle(tmp_path / f"toy-{cache is None}"), cache)
        assert choice == PrecisionChoice(Precision.FP32, "not measured: there is no folder to keep it in")


def test_channels_that_the_digital_patient_lacks_are_named(
    capable: Capable, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    capable("BF16")
    choice = choose(make_bundle(tmp_path / "toy", channels=("PET", "MR")), tmp_path / "cache")
    assert choice == PrecisionChoice(Precision.FP32, "not measured: the digital patient has no MR")


def test_where_nothing_is_marked_float32_stays(capable: Capable, make_bundle: MakeBundle, tmp_path: Path) -> None:
    capable("BF16")
    choice = choose(make_bundle(tmp_path / "toy", threshold=1000.0), tmp_path / "cache")
    assert choice.precision is Precision.FP32
    assert "fewer than 1000 voxels are marked" in choice.reason


def test_labels_that_agree_allow_less(capable: Capable, make_bundle: MakeBundle, tmp_path: Path) -> None:
    capable("BF16")
    choice = choose(make_bundle(tmp_path / "toy", threshold=0.25), tmp_path / "cache")
    assert choice.precision is Precision.BF16
    assert choice.reason.startswith("Dice with fp32 ")


def test_the_record_is_used_and_measured_anew_when_damaged(
    capable: Capable, make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capable("BF16")
    folder, cache = make_bundle(tmp_path / "toy", threshold=0.25), tmp_path / "cache"
    first = choose(folder, cache)
    (record,) = cache.iterdir()
    content = record.read_bytes()
    with monkeypatch.context() as context:
        context.setattr("inference.network.precision.measure_agreement", None)
        assert choose(folder, cache) == first
    record.write_bytes(content[:-9])
    assert choose(folder, cache) == first
    assert record.read_bytes() == content


def test_what_was_measured_can_be_asked_for(capable: Capable, make_bundle: MakeBundle, tmp_path: Path) -> None:
    capable("BF16")
    folder, cache = make_bundle(tmp_path / "toy", threshold=0.25), tmp_path / "cache"
    assert recorded_agreements(load_bundle(folder), cache) == {}
    choice = choose(folder, cache)
    assert {str(found) for found in recorded_agreements(load_bundle(folder), cache).values()} == {choice.reason}


@pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"), reason="no bfloat16 here"
)
def test_a_border_finer_than_bfloat16_is_an_objection(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """300 and 302 are neighbours in bfloat16: 300.9 becomes 300."""
    bundle = load_bundle(make_bundle(tmp_path / "toy", channels=("PET",), threshold=300.5))
    windows = np.full((2, 1, 16, 32, 32), 300.9, dtype=np.float32)
    windows[0] = 0.0
    found = measure_agreement(bundle, Precision.BF16, windows)
    assert [(output.reference, output.reduced) for output in found.outputs] == [(16 * 32 * 32, 0)]
    assert found.objection
