from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest

from config.reasons import Reason, Refused
from config.volume import FloatArray
from inference.engines.engine import Precision, WindowShape
from inference.engines.openvino import OpenVinoEngine
from inference.engines.processors import Division

SHAPE = WindowShape(channels=2, classes=3, patch=(8, 10, 12))
Write = Callable[..., Path]
Convolve = Callable[[FloatArray], FloatArray]


def test_logits_are_the_graphs(convolution: Write, windows: FloatArray, expected: Convolve) -> None:
    np.testing.assert_allclose(OpenVinoEngine(convolution(), SHAPE)(windows), expected(windows), atol=1e-4)


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_windows_keep_their_order_over_streams(
    convolution: Write, windows: FloatArray, expected: Convolve, streams: int
) -> None:
    engine = OpenVinoEngine(convolution(), SHAPE, division=Division(2, streams))
    assert engine.batch == streams
    np.testing.assert_allclose(engine(windows), expected(windows), atol=1e-4)


def test_logits_belong_to_the_caller(convolution: Write, windows: FloatArray) -> None:
    engine = OpenVinoEngine(convolution(), SHAPE)
    first = engine(windows[:1])
    kept = first.copy()
    engine(windows[1:2])
    np.testing.assert_array_equal(first, kept)


def test_a_window_that_is_a_view_is_read_as_it_looks(
    convolution: Write, windows: FloatArray, expected: Convolve
) -> None:
    flipped = np.flip(windows, axis=(2, 4))
    np.testing.assert_allclose(OpenVinoEngine(convolution(), SHAPE)(flipped), expected(flipped), atol=1e-4)


def test_float32_is_computed_in_float32_also_where_the_processor_could_do_less(
    convolution: Write, windows: FloatArray, expected: Convolve
) -> None:
    engine = OpenVinoEngine(convolution(), SHAPE, Precision.FP32)
    assert engine.name.endswith("fp32")
    assert np.abs(engine(windows) - expected(windows)).max() < 1e-4


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_a_precision_the_processor_lacks_is_replaced_and_said(
    convolution: Write, windows: FloatArray, expected: Convolve, precision: Precision
) -> None:
    engine = OpenVinoEngine(convolution(), SHAPE, precision)
    if precision.upper() in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert engine.name.endswith(precision)
        assert not engine.remarks
        np.testing.assert_allclose(engine(windows), expected(windows), atol=0.3)
    else:
        assert engine.name.endswith("fp32")
        assert [remark.reason for remark in engine.remarks] == [Reason.ENGINE_FELL_BACK]


def test_a_graph_that_fixes_another_patch_is_refused(convolution: Write) -> None:
    with pytest.raises(Refused, match=r"takes \[1,2,16,16,16\]") as refused:
        OpenVinoEngine(convolution(1, 2, 16, 16, 16), SHAPE)
    assert refused.value.reason is Reason.BUNDLE_GRAPH


def test_a_graph_without_fixed_shapes_is_given_the_bundles(
    convolution: Write, windows: FloatArray, expected: Convolve
) -> None:
    engine = OpenVinoEngine(convolution(-1, -1, -1, -1, -1), SHAPE)
    np.testing.assert_allclose(engine(windows), expected(windows), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (WindowShape(1, 3, (8, 10, 12)), "the bundle says [1, 1, 8, 10, 12]"),
        (WindowShape(2, 4, (8, 10, 12)), "the bundle says [1, 4, 8, 10, 12]"),
    ],
    ids=["channels", "classes"],
)
def test_a_graph_of_other_channels_or_classes_is_refused(convolution: Write, shape: WindowShape, words: str) -> None:
    with pytest.raises(Refused) as refused:
        OpenVinoEngine(convolution(), shape)
    assert refused.value.reason is Reason.BUNDLE_GRAPH
    assert words in refused.value.detail


@pytest.mark.parametrize("name", ["graph.onnx", "graph.xml"])
def test_what_is_no_graph_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"not a graph")
    with pytest.raises(Refused, match="can't be read") as refused:
        OpenVinoEngine(path, SHAPE)
    assert refused.value.reason is Reason.BUNDLE_GRAPH
