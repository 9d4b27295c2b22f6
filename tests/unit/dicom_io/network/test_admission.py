from ipaddress import ip_network

import pytest

from config.reasons import Reason
from config.settings import Listener as Settings
from dicom_io.network.admission import refusal

OPEN = Settings(ae_title="UPTAKE")
LISTED = Settings(
    ae_title="UPTAKE",
    allowed_calling_ae_titles=("PACS",),
    allowed_addresses=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")),
)


def test_without_lists_everybody_who_calls_the_right_title_is_let_in() -> None:
    assert refusal(OPEN, "ANYBODY", "UPTAKE", "192.0.2.1") is None


def test_another_called_title_is_rejected_as_not_recognised() -> None:
    found = refusal(OPEN, "PACS", "ORTHANC", "10.1.2.3")
    assert found is not None
    assert found.remark.reason is Reason.CALLED_AE_UNKNOWN
    assert found.answer == (1, 1, 7)


def test_a_calling_title_that_is_not_listed_is_rejected_as_not_recognised() -> None:
    found = refusal(LISTED, "STRANGER", "UPTAKE", "10.1.2.3")
    assert found is not None
    assert found.remark.reason is Reason.CALLING_AE_NOT_ALLOWED
    assert found.answer == (1, 1, 3)


@pytest.mark.parametrize("address", ["10.1.0.0", "10.1.255.255", "fd00::1", "::ffff:10.1.2.3"])
def test_addresses_within_the_listed_networks_are_let_in(address: str) -> None:
    assert refusal(LISTED, "PACS", "UPTAKE", address) is None


@pytest.mark.parametrize("address", ["10.2.0.0", "::ffff:10.2.0.1", "2001:db8::1", "not an address", ""])
def test_addresses_outside_them_are_rejected(address: str) -> None:
    found = refusal(LISTED, "PACS", "UPTAKE", address)
    assert found is not None
    assert found.remark.reason is Reason.ADDRESS_NOT_ALLOWED
    assert found.answer == (1, 1, 1)


def test_spaces_around_titles_mean_nothing() -> None:
    assert refusal(LISTED, " PACS  ", "UPTAKE   ", "10.1.2.3") is None


def test_titles_differing_in_case_differ() -> None:
    assert refusal(LISTED, "pacs", "UPTAKE", "10.1.2.3") is not None
