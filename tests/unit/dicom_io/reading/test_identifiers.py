"""Series Instance UIDs that an export dropped, completed as instances arrive and all at once."""

import copy
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from config.reasons import Reason
from dicom_io.reading.files import find_instances, read_header
from dicom_io.reading.geometry import stack
from dicom_io.reading.identifiers import complete_series, has_derived_series
from dicom_io.reading.series import group_series


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def slices(count: int = 3, **changes: object) -> list[Dataset]:
    common = {"StudyInstanceUID": "1.2.3", "Modality": "PT", "SeriesNumber": 3, **changes}
    return [item(SOPInstanceUID=f"1.2.3.3.{number}", **common) for number in range(1, count + 1)]


def referencing(series_uid: str, instances: list[Dataset]) -> Dataset:
    references = [item(ReferencedSOPInstanceUID=instance.SOPInstanceUID) for instance in instances]
    series = item(SeriesInstanceUID=series_uid, ReferencedInstanceSequence=references)
    return item(SOPInstanceUID="1.2.3.7.1", SeriesInstanceUID="1.2.3.7", ReferencedSeriesSequence=[series])


def uids(headers: list[Dataset]) -> set[str]:
    return {str(header.SeriesInstanceUID) for header in headers}


def drop(index: int, header: Dataset) -> None:
    del header.SeriesInstanceUID


def test_a_uid_that_is_there_is_kept_whatever_others_say() -> None:
    headers = slices(SeriesInstanceUID="1.2.3.3")
    complete_series([*headers, referencing("1.2.3.55", headers)])
    assert uids(headers) == {"1.2.3.3"}


def test_a_referencing_object_names_the_series() -> None:
    headers = slices()
    complete_series([*headers, referencing("1.2.3.55", headers)])
    assert uids(headers) == {"1.2.3.55"}
    assert not has_derived_series(headers[0])


def test_without_one_instances_that_agree_in_the_rest_share_a_derived_uid() -> None:
    headers, others = slices(), slices(SeriesNumber=4)
    complete_series([*headers, *others])
    assert len(uids(headers)) == len(uids(others)) == 1
    assert uids(headers).isdisjoint(uids(others))
    assert has_derived_series(headers[0])


@pytest.mark.parametrize("named", ["not a uid", "1.2." + "3" * 64, ""])
def test_a_reference_that_is_no_uid_is_no_name(named: str) -> None:
    headers = slices()
    with pydicom.config.disable_value_validation():
        complete_series([*headers, referencing(named, headers)])
    assert has_derived_series(headers[0])


def test_a_derived_uid_gives_way_when_the_referencing_object_arrives() -> None:
    headers = slices()
    complete_series(headers)
    complete_series([*headers, referencing("1.2.3.55", headers)])
    assert uids(headers) == {"1.2.3.55"}


def test_to_complete_twice_changes_nothing() -> None:
    once = slices()
    complete_series(once)
    twice = copy.deepcopy(once)
    complete_series(twice)
    assert once == twice


def test_one_by_one_and_all_at_once_agree(tmp_path: Path, write_ct_series, write_pet_series) -> None:
    files = [*write_ct_series(tmp_path, edit=drop), *write_pet_series(tmp_path, edit=drop)]
    arriving = [read_header(file) for file in files]
    complete_series(arriving)
    found = {header.SOPInstanceUID: header.SeriesInstanceUID for header in find_instances(tmp_path).headers}
    assert {header.SOPInstanceUID: header.SeriesInstanceUID for header in arriving} == found
    assert len(set(found.values())) == 2


def test_the_remark_says_which_series_it_is(tmp_path: Path, write_pet_series) -> None:
    write_pet_series(tmp_path, edit=drop)
    (series,) = group_series(find_instances(tmp_path).headers)
    (remark,) = stack(series).remarks
    assert remark.reason is Reason.IDENTIFIERS_COMPLETED
    assert remark.detail.startswith("PT series 3 'PET AC' (8 instances) has no Series Instance UID")
