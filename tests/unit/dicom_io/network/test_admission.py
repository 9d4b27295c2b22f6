from ipaddress import ip_network
from pathlib import Path

import pytest

from config.reasons import Reason
from config.settings import Listener as Settings
from config.settings import Tls
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


NAMED = Settings(
    ae_title="UPTAKE",
    tls=Tls(certificate=Path("node.pem"), private_key=Path("node.key"), authorities=Path("hospital.pem")),
    certificate_names={"CT1": "ct1.hospital"},
)


@pytest.mark.parametrize("names", [{"ct1.hospital"}, {"CT1.Hospital", "10.1.2.3"}])
def test_a_title_may_be_used_with_the_certificate_that_goes_with_it(names: set[str]) -> None:
    assert refusal(NAMED, " CT1 ", "UPTAKE", "10.1.2.3", names) is None


@pytest.mark.parametrize("names", [set(), {"ct2.hospital"}, {"ct1.hospital.example"}, {"*.hospital"}])
def test_a_title_with_the_certificate_of_another_is_rejected_as_not_recognised(names: set[str]) -> None:
    found = refusal(NAMED, "CT1", "UPTAKE", "10.1.2.3", names)
    assert found is not None
    assert found.remark.reason is Reason.CERTIFICATE_OF_ANOTHER
    assert found.answer == (1, 1, 3)


def test_a_title_that_no_certificate_goes_with_may_be_used_with_any() -> None:
    assert refusal(NAMED, "CT2", "UPTAKE", "10.1.2.3", {"ct1.hospital"}) is None


def test_spaces_around_titles_mean_nothing() -> None:
    assert refusal(LISTED, " PACS  ", "UPTAKE   ", "10.1.2.3") is None


def test_titles_differing_in_case_differ() -> None:
    assert refusal(LISTED, "pacs", "UPTAKE", "10.1.2.3") is not None
