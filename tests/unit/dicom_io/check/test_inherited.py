"""A result is not held back for what its images brought along."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from pydicom.dataset import Dataset

from dicom_io.check import Rule, Severity, check
from tests.unit.dicom_io.check.conftest import Good


def nested(dataset: Dataset) -> None:
    """A code without its scheme, in a sequence that is copied."""
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "7", "Whole body"
    dataset.ProcedureCodeSequence = [code]


ODD: tuple[tuple[Rule, Callable[[Dataset], None]], ...] = (
    (Rule.VALUE, lambda dataset: dataset.add_new(0x00100030, "DA", "1950.02.03")),
    (Rule.VALUE, lambda dataset: dataset.add_new(0x00080050, "SH", "A" * 30)),
    (Rule.VALUE, lambda dataset: dataset.add_new(0x0020000D, "UI", "1.2.03")),
    (Rule.ENUMERATED, lambda dataset: dataset.add_new(0x00100040, "CS", "U")),
    (Rule.CODE, nested),
)


@pytest.mark.parametrize(("rule", "odd"), ODD)
def test_what_stands_so_in_the_images_is_a_warning(
    rule: Rule, odd: Callable[[Dataset], None], good: Good, images: list[Dataset]
) -> None:
    picture, image = good("picture"), deepcopy(images[0])
    odd(picture)
    odd(image)
    assert Severity.ERROR in {fault.severity for fault in check(picture) if fault.rule is rule}
    found = check(picture, [image])
    assert rule in {fault.rule for fault in found}
    assert {fault.severity for fault in found} == {Severity.WARNING}


def test_what_the_images_have_otherwise_is_an_error(good: Good, images: list[Dataset]) -> None:
    picture = good("picture")
    picture.PatientSex = "U"
    assert Severity.ERROR in {fault.severity for fault in check(picture, images) if fault.rule is Rule.ENUMERATED}


def test_what_stands_so_in_our_own_objects_is_an_error(good: Good) -> None:
    picture, segmentation = good("picture"), good("segmentation")
    for dataset in (picture, segmentation):
        dataset.PatientSex = "U"
    assert [fault.severity for fault in check(picture, [segmentation])] == [Severity.ERROR]
