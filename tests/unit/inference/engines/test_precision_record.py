from dataclasses import replace
from pathlib import Path

import pytest

from inference.engines.engine import Precision
from inference.engines.label_agreement import LabelAgreement, OutputAgreement
from inference.engines.precision_record import PrecisionKey, read_record, write_record

KEY = PrecisionKey("ab" * 32, "2026.4.1", "AMD EPYC 9654", ("BF16", "FP32"), Precision.BF16, 1)
OTHERS = [
    replace(KEY, bundle_digest="cd" * 32),
    replace(KEY, engine_version="2026.5.0"),
    replace(KEY, processor="Intel Xeon"),
    replace(KEY, capabilities=("FP32",)),
    replace(KEY, precision=Precision.FP16),
    replace(KEY, method=2),
]
NAMES = ["bundle", "version", "processor", "capabilities", "precision", "method"]
MEASURED = LabelAgreement(4, (OutputAgreement(1000, 1001, 999, 0), OutputAgreement(20, 20, 20, 1)))


def test_a_measurement_is_found_under_its_key(tmp_path: Path) -> None:
    write_record(tmp_path, KEY, MEASURED)
    assert read_record(tmp_path, KEY) == MEASURED


def test_nothing_is_found_where_nothing_was_measured(tmp_path: Path) -> None:
    assert read_record(tmp_path / "none", KEY) is None


@pytest.mark.parametrize("other", OTHERS, ids=NAMES)
def test_another_key_is_another_measurement(tmp_path: Path, other: PrecisionKey) -> None:
    write_record(tmp_path, KEY, MEASURED)
    assert read_record(tmp_path, other) is None


@pytest.mark.parametrize("other", OTHERS, ids=NAMES)
def test_a_measurement_under_anothers_name_is_ignored(tmp_path: Path, other: PrecisionKey) -> None:
    write_record(tmp_path, other, MEASURED).rename(tmp_path / KEY.file_name)
    assert read_record(tmp_path, KEY) is None


@pytest.mark.parametrize(
    ("word", "other"),
    [("1001", "1002"), ('"windows": 4', '"windows": 5'), ('"common"', '"comnon"'), ("{", "["), ("AMD", "amd")],
)
def test_a_damaged_record_is_ignored(tmp_path: Path, word: str, other: str) -> None:
    path = write_record(tmp_path, KEY, MEASURED)
    content = path.read_text()
    assert word in content
    path.write_text(content.replace(word, other, 1))
    assert read_record(tmp_path, KEY) is None


def test_a_record_that_is_not_text_is_ignored(tmp_path: Path) -> None:
    write_record(tmp_path, KEY, MEASURED).write_bytes(b"\xff\x00")
    assert read_record(tmp_path, KEY) is None


def test_the_same_measurement_is_the_same_file(tmp_path: Path) -> None:
    first = write_record(tmp_path, KEY, MEASURED).read_bytes()
    assert write_record(tmp_path, KEY, MEASURED).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [KEY.file_name]


def test_the_name_tells_a_person_what_it_is_for() -> None:
    assert KEY.file_name.startswith("amd-epyc-9654-2026.4.1-bf16-")
