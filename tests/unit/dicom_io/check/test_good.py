"""Nothing is wrong with what is right: objects of our own, and those that others have made."""

from copy import deepcopy
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.dataset import Dataset

from dicom_io.check import Rule, Severity, check
from tests.unit.dicom_io.check.conftest import Good

OF_OTHERS = {
    "SC_rgb_gdcm_KY.dcm": set(),
    "SC_rgb_jpeg_dcmtk.dcm": set(),
    "SC_rgb_rle_32bit_2frame.dcm": set(),
    "SC_ybr_full_422_uncompressed.dcm": set(),
    "MR_small.dcm": set(),
    "MR_small_bigendian.dcm": set(),
    "MR_small_implicit.dcm": set(),
    "examples_palette.dcm": set(),
    "reportsi.dcm": {Rule.EVIDENCE},  # refers to images, "0" by name, of which it lists none
    "liver_1frame.dcm": {Rule.ATTRIBUTE_PRESENT, Rule.FRAME_COUNT},  # three frames cut down to one
}
"""Files that come with pydicom, made by many toolkits, and the rules that they do break."""


def broken_rules(dataset: Dataset) -> set[Rule]:
    return {fault.rule for fault in check(dataset) if fault.severity is Severity.ERROR}


def test_nothing_is_wrong_with_any_of_the_results(made: dict[str, Dataset], images: list[Dataset]) -> None:
    everything = [*made.values(), *images]
    found = {
        name: [str(fault) for fault in check(dataset, everything, among_is_all=True)] for name, dataset in made.items()
    }
    assert found == {name: [] for name in made}


def test_nothing_is_wrong_once_they_are_files(made: dict[str, Dataset], tmp_path: Path) -> None:
    for name, dataset in made.items():
        dataset.save_as(tmp_path / name, enforce_file_format=True)
        assert check(pydicom.dcmread(tmp_path / name)) == (), name


@pytest.mark.parametrize(("name", "rules"), OF_OTHERS.items())
def test_files_of_others_break_the_rules_that_they_break(name: str, rules: set[Rule]) -> None:
    assert broken_rules(pydicom.dcmread(get_testdata_file(name))) == rules


@pytest.mark.parametrize(
    "path", get_charset_files("chr[A-I]*.dcm") + get_charset_files("chrX*.dcm"), ids=lambda path: Path(path).name
)
def test_no_character_set_is_a_fault_by_itself(path: str) -> None:
    assert Rule.CHARACTER_SET not in broken_rules(pydicom.dcmread(path))


def test_what_only_this_node_asks_is_a_warning_for_others(good: Good) -> None:
    of_others = good("segmentation")
    of_others.ManufacturerModelName = "Another"
    of_others.add_new(0x00091001, "LO", "THEIRS")
    assert [(fault.rule, fault.severity) for fault in check(of_others)] == [(Rule.PRIVATE, Severity.WARNING)]


def test_checking_changes_nothing(made: dict[str, Dataset]) -> None:
    for dataset in made.values():
        before = deepcopy(dataset)
        check(dataset)
        assert dataset == before
