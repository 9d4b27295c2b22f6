from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.identity import Provenance, ResultKind, derived_uid, tracking_identifier, tracking_uid

PROVENANCE = Provenance("1.0", "RESEARCH", "Maker", "in", "set", 1, 9000)


def at(finding, **measurements):
    return replace(finding, measurements=replace(finding.measurements, **measurements))


@pytest.fixture
def finding(contexts):
    return contexts().analysis.findings[0]


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_derived_uid_is_a_valid_uuid_derived_uid(parts):
    uid = derived_uid(*parts)
    assert uid.startswith("2.25.")
    assert len(uid) <= 64
    number = int(uid.removeprefix("2.25."))
    assert (number >> 76) & 0xF == 5  # UUID version
    assert (number >> 62) & 0b11 == 0b10  # RFC 9562 variant


def test_a_derived_uid_keeps_parts_apart():
    assert len({derived_uid("ab", "c"), derived_uid("a", "bc"), derived_uid("abc"), derived_uid("abc", "")}) == 4


def test_a_derived_uid_does_not_depend_on_the_process():
    # sha256sum of 8:tracking5:1.2.3, by hand
    assert derived_uid("tracking", "1.2.3") == "2.25.50590777278896410754413508917677099214"


@pytest.mark.parametrize(
    "change",
    [{"version": "1.1"}, {"input_digest": "other"}, {"settings_digest": "other"}, {"revision": 2}],
    ids=lambda change: next(iter(change)),
)
def test_instance_uids_change_with_software_input_settings_and_revision(change):
    changed = replace(PROVENANCE, **change)
    for kind in ResultKind:
        assert changed.sop_instance_uid(kind) != PROVENANCE.sop_instance_uid(kind)
        assert changed.series_instance_uid(kind) != PROVENANCE.series_instance_uid(kind)


def test_no_two_uids_of_an_analysis_are_equal():
    uids = {PROVENANCE.sop_instance_uid(kind) for kind in ResultKind}
    uids |= {PROVENANCE.series_instance_uid(kind) for kind in ResultKind}
    uids |= {PROVENANCE.sop_instance_uid(kind, 2) for kind in ResultKind}
    assert len(uids | {PROVENANCE.device_uid}) == 3 * len(ResultKind) + 1


def test_the_device_uid_belongs_to_the_version_and_its_models_and_not_to_the_study():
    assert replace(PROVENANCE, models_digest="other").device_uid != PROVENANCE.device_uid
    assert replace(PROVENANCE, input_digest="other", revision=5).device_uid == PROVENANCE.device_uid
    assert replace(PROVENANCE, version="1.1").device_uid != PROVENANCE.device_uid


def test_each_revision_has_series_numbers_of_its_own():
    first = [PROVENANCE.series_number_of(kind) for kind in ResultKind]
    second = [replace(PROVENANCE, revision=2).series_number_of(kind) for kind in ResultKind]
    assert first == list(range(9000, 9000 + len(ResultKind)))
    assert second == list(range(9020, 9020 + len(ResultKind)))


def test_a_tracking_identifier_says_where_the_centroid_lies(finding):
    there = at(finding, centroid_mm=(-31.4, 12.6, 240.0))
    assert tracking_identifier(there) == "Uptake R31 P13 S240"
    assert tracking_identifier(at(finding, centroid_mm=(31.4, -12.6, -240.0))) == "Uptake L31 A13 I240"


def test_tracking_survives_a_new_number_a_late_slice_and_a_change_of_mind(finding):
    slice_index, row, column = finding.measurements.suv_max_index
    later = at(replace(finding, number=7, reason="changed"), suv_max_index=(slice_index + 1, row, column), suv_max=99.0)
    assert tracking_uid("1.2.3", later) == tracking_uid("1.2.3", finding)


def test_tracking_tells_findings_and_series_apart(contexts):
    findings = contexts(3, 1).analysis.findings
    assert len({tracking_uid("1.2.3", finding) for finding in findings}) == 4
    assert tracking_uid("1.2.4", findings[0]) != tracking_uid("1.2.3", findings[0])
