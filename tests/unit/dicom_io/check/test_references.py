"""What an object says of others must be true of them."""

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import pytest
from pydicom.dataset import Dataset

from dicom_io.check import Rule, Severity, check
from tests.unit.dicom_io.check.conftest import Good
from tests.unit.dicom_io.check.test_rules import evidence, frame, named, of_type, on, reference_to


class Lie(NamedTuple):
    """What an object says, changed so that it is not true any more; the object by itself is whole."""

    rule: Rule
    good: str
    how: Callable[[Dataset], object]
    what: str


LIES = (
    Lie(Rule.REFERENCE, "report", on(reference_to("121191"), ReferencedSegmentNumber=9), "There is no segment 9."),
    Lie(
        Rule.REFERENCE,
        "report",
        on(reference_to("121191"), ReferencedSegmentNumber=2),
        "A segment of another Tracking UID",
    ),
    Lie(
        Rule.REFERENCE,
        "report",
        lambda dataset: on(lambda _: of_type(dataset, "IMAGE").ReferencedSOPSequence[0], ReferencedFrameNumber=400)(
            dataset
        ),
        "400 of",
    ),
    Lie(
        Rule.REGION,
        "report",
        on(lambda dataset: of_type(dataset, "SCOORD"), GraphicData=[1, 1, 99, 1, 99, 9, 1, 1]),
        "Beyond the image of 40 columns and 30 rows.",
    ),
    Lie(Rule.SAME_PATIENT, "report", lambda dataset: setattr(dataset, "PatientID", "P-2"), "Not that of any other"),
    Lie(
        Rule.SAME_PATIENT,
        "picture",
        lambda dataset: setattr(dataset, "PatientName", "Other^Name"),
        "Not that of any other",
    ),
    Lie(
        Rule.REFERENCE,
        "segmentation",
        lambda dataset: setattr(dataset.ReferencedSeriesSequence[0], "SeriesInstanceUID", "1.2.3"),
        "Not the series of the instance.",
    ),
    Lie(
        Rule.REFERENCE,
        "report",
        lambda dataset: setattr(dataset.CurrentRequestedProcedureEvidenceSequence[0], "StudyInstanceUID", "1.2.3"),
        "Not of the study of the instance.",
    ),
    Lie(
        Rule.REFERENCE,
        "segmentation",
        lambda dataset: setattr(dataset, "FrameOfReferenceUID", "1.2.3"),
        "Not that of the images",
    ),
    Lie(
        Rule.REFERENCE,
        "segmentation",
        lambda dataset: move_all(dataset, 8.0),
        "An image 8 mm away from the frame.",
    ),
    Lie(
        Rule.REFERENCE,
        "report",
        lambda dataset: setattr(evidence(dataset)[0], "ReferencedSOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
        "Not the SOP Class of the instance.",
    ),
)


def move_all(dataset: Dataset, by_mm: float) -> None:
    for number in range(1, len(dataset.PerFrameFunctionalGroupsSequence) + 1):
        plane = frame(dataset, number).PlanePositionSequence[0]
        x, y, z = plane.ImagePositionPatient
        plane.ImagePositionPatient = [x, y, float(z) + by_mm]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: f"{lie.good}: {lie.what}")
def test_what_is_not_true_of_another_object_is_found(
    lie: Lie, good: Good, made: dict[str, Dataset], images: list[Dataset]
) -> None:
    dataset = good(lie.good)
    lie.how(dataset)
    others = [other for name, other in made.items() if name != lie.good]
    found = [fault for fault in check(dataset, [*others, *images]) if fault.rule is lie.rule]
    assert any(fault.what.startswith(lie.what) for fault in found), check(dataset, [*others, *images])
    assert {fault.severity for fault in found} == {Severity.ERROR}


def test_what_is_not_given_may_be_anything_unless_everything_is_given(
    good: Good, made: dict[str, Dataset], images: list[Dataset]
) -> None:
    report = good("report")
    without_segmentation = [made["picture"], *images]
    assert check(report, without_segmentation) == ()
    (fault,) = check(report, without_segmentation, among_is_all=True)
    assert (fault.rule, fault.what) == (Rule.REFERENCE, "There is no such object.")


def test_an_object_is_none_of_the_others_by_being_given_with_them(made: dict[str, Dataset]) -> None:
    assert check(made["report"], list(made.values())) == ()


def test_two_objects_with_one_uid_are_found(good: Good, made: dict[str, Dataset]) -> None:
    other = deepcopy(made["picture"])
    other.SOPInstanceUID = made["report"].SOPInstanceUID
    assert [fault.rule for fault in check(good("report"), [other])] == [Rule.IDENTITY]


def test_the_source_series_of_a_group_is_one_that_the_segmentation_names(
    good: Good, made: dict[str, Dataset], images: list[Dataset]
) -> None:
    segmentation = good("segmentation")
    segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    found = check(good("report"), [segmentation, *images])
    assert {fault.what for fault in found} == {"Not a series that the segmentation names."}
    assert named(made["report"], "121232").UID != "1.2.3"
