from dataclasses import replace
from pathlib import Path

import pytest

from config.reasons import Reason, Refused
from inference.engines.cache import EngineKey, ShapeProfile, read_engine, write_engine
from inference.engines.engine import Precision, WindowShape

KEY = EngineKey(
    graph_digest="ab" * 32,
    builder_version="10.13.0.35",
    gpu_name="NVIDIA H100 80GB HBM3",
    compute_capability=(9, 0),
    precision=Precision.FP16,
    profile=ShapeProfile((1, 2, 96, 96, 96), (4, 2, 96, 96, 96), (4, 2, 96, 96, 96)),
)
OTHERS = [
    replace(KEY, graph_digest="cd" * 32),
    replace(KEY, builder_version="10.14.0.1"),
    replace(KEY, gpu_name="NVIDIA A100-SXM4-80GB"),
    replace(KEY, compute_capability=(8, 0)),
    replace(KEY, precision=Precision.FP32),
    replace(KEY, profile=ShapeProfile.of(WindowShape(2, 3, (128, 128, 128)))),
]


def test_an_engine_is_found_under_its_key(tmp_path: Path) -> None:
    write_engine(tmp_path, KEY, b"\x00engine\n\xff")
    assert read_engine(tmp_path, KEY) == b"\x00engine\n\xff"


def test_nothing_is_found_where_nothing_was_built(tmp_path: Path) -> None:
    assert read_engine(tmp_path / "none", KEY) is None


@pytest.mark.parametrize("other", OTHERS, ids=["graph", "version", "gpu", "capability", "precision", "shapes"])
def test_another_key_is_another_engine(tmp_path: Path, other: EngineKey) -> None:
    write_engine(tmp_path, KEY, b"engine")
    assert read_engine(tmp_path, other) is None


@pytest.mark.parametrize("other", OTHERS, ids=["graph", "version", "gpu", "capability", "precision", "shapes"])
def test_an_engine_under_anothers_name_is_refused(tmp_path: Path, other: EngineKey) -> None:
    write_engine(tmp_path, other, b"engine").rename(tmp_path / KEY.file_name)
    with pytest.raises(Refused, match="instead of") as refused:
        read_engine(tmp_path, KEY)
    assert refused.value.reason is Reason.ENGINE_CACHE_FOREIGN


def test_the_refusal_names_the_file_and_both_gpus(tmp_path: Path) -> None:
    path = write_engine(tmp_path, OTHERS[2], b"engine").rename(tmp_path / KEY.file_name)
    with pytest.raises(Refused) as refused:
        read_engine(tmp_path, KEY)
    assert refused.value.detail == (
        f"{path} was built for gpu_name 'NVIDIA A100-SXM4-80GB' instead of 'NVIDIA H100 80GB HBM3'."
    )


@pytest.mark.parametrize("position", [0, 20, -1], ids=["magic", "header", "engine"])
def test_a_damaged_file_is_refused(tmp_path: Path, position: int) -> None:
    path = write_engine(tmp_path, KEY, b"engine")
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_engine(tmp_path, KEY)
    assert refused.value.reason is Reason.ENGINE_CACHE_FOREIGN


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write_engine(tmp_path, KEY, b"engine")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(Refused, match="damaged"):
        read_engine(tmp_path, KEY)


def test_writing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    write_engine(tmp_path, KEY, b"first")
    write_engine(tmp_path, KEY, b"second")
    assert [path.name for path in tmp_path.iterdir()] == [KEY.file_name]
    assert read_engine(tmp_path, KEY) == b"second"


def test_the_name_tells_a_person_what_it_is_for() -> None:
    assert KEY.file_name.startswith("nvidia-h100-80gb-hbm3-sm90-10.13.0.35-fp16-")


@pytest.mark.parametrize(("patch", "batch"), [((96,) * 3, 4), ((128,) * 3, 2), ((160,) * 3, 1), ((192,) * 3, 1)])
def test_small_patches_are_launched_together(patch: tuple[int, int, int], batch: int) -> None:
    profile = ShapeProfile.of(WindowShape(2, 3, patch))
    assert profile.minimum == (1, 2, *patch)
    assert profile.maximum == (batch, 2, *patch)
