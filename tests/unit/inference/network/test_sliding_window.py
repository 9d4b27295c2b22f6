import tracemalloc
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from config.reasons import Remark
from config.volume import FloatArray
from inference.engines.arrays import Arrays, HostArrays
from inference.engines.engine import WindowShape
from inference.network.sliding_window import predict
from inference.network.windows import Windowing, importance, positions

PATCH = (8, 8, 8)
BACKGROUND = (5.0, -5.0)


class FunctionEngine:
    """A network that is a function of each window; counts what it computes."""

    name = "function"
    device = "host"
    remarks: tuple[Remark, ...] = ()
    arrays: Arrays = HostArrays()

    def __init__(self, function: Callable[[FloatArray], FloatArray], batch: int = 1, room: int = 99) -> None:
        self.function = function
        self.batch = batch
        self.room = room
        self.calls: list[int] = []
        self.shape = WindowShape(1, 2, PATCH)

    def __call__(self, windows: FloatArray) -> FloatArray:
        if len(windows) > self.room:
            raise MemoryError("no room")
        self.calls.append(len(windows))
        return np.stack([self.function(window) for window in windows]).astype(np.float32)


def voxelwise(window: FloatArray) -> FloatArray:
    """Each voxel by itself, so that windows can't matter."""
    return np.concatenate([3.0 * window + 1.0, -2.0 * window])


def placewise(window: FloatArray) -> FloatArray:
    """Another answer at each place of the window, so that weights and mirroring matter."""
    ramp = np.arange(window.size, dtype=np.float32).reshape(window.shape)
    return np.concatenate([window * ramp, ramp])


def whole(image: FloatArray, engines: list[FunctionEngine], windowing: Windowing, **options: object) -> FloatArray:
    slabs: list[FloatArray] = []
    predict(image, engines, windowing, BACKGROUND, lambda _a, _b, logits: slabs.append(logits), **options)  # type: ignore[arg-type]
    return np.concatenate(slabs, axis=1)


@pytest.fixture
def image() -> FloatArray:
    return np.random.default_rng(3).normal(size=(1, 21, 13, 17)).astype(np.float32)


@pytest.mark.parametrize("axes", [(), (0,), (0, 1, 2)])
def test_a_voxelwise_network_gives_its_own_answer_everywhere(image: FloatArray, axes: tuple[int, ...]) -> None:
    logits = whole(image, [FunctionEngine(voxelwise)], Windowing(PATCH, 0.5, axes))
    np.testing.assert_allclose(logits, voxelwise(image), atol=1e-5)


def test_overlapping_windows_are_averaged_by_importance(image: FloatArray) -> None:
    total = np.zeros((2, *image.shape[1:]))
    weights = np.zeros(image.shape[1:])
    for start in positions(image.shape[1:], PATCH, 0.5):  # type: ignore[arg-type]
        box = tuple(slice(low, low + size) for low, size in zip(start, PATCH, strict=True))
        total[(slice(None), *box)] += placewise(image[(slice(None), *box)]) * importance(PATCH).astype(np.float64)
        weights[box] += importance(PATCH)
    np.testing.assert_allclose(
        whole(image, [FunctionEngine(placewise)], Windowing(PATCH)), total / weights, rtol=1e-4, atol=1e-3
    )


def test_mirrored_views_are_mirrored_back_and_averaged() -> None:
    image = np.random.default_rng(4).normal(size=(1, *PATCH)).astype(np.float32)
    subsets = [axes for count in range(4) for axes in combinations((1, 2, 3), count)]
    expected = np.mean([np.flip(placewise(np.flip(image, axes)), axes) for axes in subsets], axis=0)
    logits = whole(image, [FunctionEngine(placewise)], Windowing(PATCH, 0.5, (0, 1, 2)))
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-3)


def test_a_volume_smaller_than_the_patch_is_padded_and_cut_again() -> None:
    image = np.random.default_rng(5).normal(size=(1, 5, 30, 7)).astype(np.float32)
    logits = whole(image, [FunctionEngine(voxelwise)], Windowing(PATCH))
    np.testing.assert_allclose(logits, voxelwise(image), atol=1e-5)


def test_folds_are_averaged(image: FloatArray) -> None:
    folds = [FunctionEngine(voxelwise), FunctionEngine(lambda window: 3.0 * voxelwise(window))]
    np.testing.assert_allclose(whole(image, folds, Windowing(PATCH)), 2.0 * voxelwise(image), atol=1e-4)


def test_slabs_come_in_order_and_every_slice_once(image: FloatArray) -> None:
    bounds: list[tuple[int, int]] = []
    predict(
        image,
        [FunctionEngine(voxelwise)],
        Windowing(PATCH),
        BACKGROUND,
        lambda first, last, logits: bounds.append((first, last)) or None,  # type: ignore[func-returns-value]
    )
    assert [index for first, last in bounds for index in range(first, last)] == list(range(21))
    assert len(bounds) > 1


def test_windows_outside_the_body_are_not_computed(image: FloatArray) -> None:
    body = np.zeros(image.shape[1:], dtype=bool)
    body[9, 6, 8] = True
    engine = FunctionEngine(placewise)
    whole(image, [engine], Windowing(PATCH), body=body)
    expected = [
        start
        for start in positions((21, 13, 17), PATCH, 0.5)
        if all(low <= place < low + 8 for low, place in zip(start, (9, 6, 8), strict=True))
    ]
    assert sum(engine.calls) == len(expected)


def test_inside_the_body_nothing_changes_by_a_bit(image: FloatArray) -> None:
    body = np.zeros(image.shape[1:], dtype=bool)
    body[12:15, 3:9, 2:6] = True
    engine = FunctionEngine(placewise)
    everywhere = whole(image, [engine], Windowing(PATCH))
    np.testing.assert_array_equal(whole(image, [engine], Windowing(PATCH), body=body)[:, body], everywhere[:, body])


def test_a_voxel_that_no_window_saw_is_background(image: FloatArray) -> None:
    body = np.zeros(image.shape[1:], dtype=bool)
    body[20, 12, 16] = True
    logits = whole(image, [FunctionEngine(voxelwise)], Windowing(PATCH), body=body)
    assert logits[:, 0, 0, 0].tolist() == list(BACKGROUND)
    np.testing.assert_allclose(logits[:, 20, 12, 16], voxelwise(image)[:, 20, 12, 16], atol=1e-5)


def test_without_a_body_there_is_only_background(image: FloatArray) -> None:
    engine = FunctionEngine(voxelwise)
    logits = whole(image, [engine], Windowing(PATCH), body=np.zeros(image.shape[1:], dtype=bool))
    assert engine.calls == []
    assert (logits == np.reshape(BACKGROUND, (2, 1, 1, 1))).all()


def test_the_last_windows_are_a_batch_too(image: FloatArray) -> None:
    engine = FunctionEngine(placewise, batch=7)
    batched = whole(image, [engine], Windowing(PATCH))
    count = len(positions((21, 13, 17), PATCH, 0.5))
    assert engine.calls == [7] * (count // 7) + [count % 7]
    np.testing.assert_array_equal(batched, whole(image, [FunctionEngine(placewise)], Windowing(PATCH)))


def test_without_room_for_a_batch_smaller_ones_are_tried(image: FloatArray) -> None:
    engine = FunctionEngine(placewise, batch=8, room=3)
    logits = whole(image, [engine], Windowing(PATCH))
    assert max(engine.calls) == 2
    np.testing.assert_array_equal(logits, whole(image, [FunctionEngine(placewise)], Windowing(PATCH)))


def test_without_room_for_one_window_there_is_an_end(image: FloatArray) -> None:
    with pytest.raises(MemoryError):
        whole(image, [FunctionEngine(placewise, batch=4, room=0)], Windowing(PATCH))


def test_progress_counts_the_windows_that_are_computed(image: FloatArray) -> None:
    seen: list[tuple[int, int]] = []
    whole(image, [FunctionEngine(voxelwise, batch=5)], Windowing(PATCH), progress=lambda *done: seen.append(done))
    count = len(positions((21, 13, 17), PATCH, 0.5))
    assert seen[0] == (5, count)
    assert seen[-1] == (count, count)


def test_memory_does_not_grow_with_the_number_of_slices() -> None:
    def peak(slices: int) -> int:
        image = np.zeros((1, slices, 24, 24), dtype=np.float32)
        tracemalloc.start()
        predict(image, [FunctionEngine(voxelwise)], Windowing(PATCH, 1.0), BACKGROUND, lambda *_: None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(16)
    assert peak(400) < 1.5 * peak(40)
