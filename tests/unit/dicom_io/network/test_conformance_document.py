"""docs/conformance.md says of the network what the software does."""

import re
from importlib.metadata import version

import pytest
from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from config.reasons import Reason
from config.settings import Commitment, Delivery, Destination, Listener, Results, Settings, Source, Spool, Tls
from dicom_io.identity import IMPLEMENTATION_CLASS_UID
from dicom_io.network import commitment, listener, sender, transport
from dicom_io.network.admission import refusal
from dicom_io.network.probe import ASKED
from dicom_io.network.query import MAXIMUM_MATCHES
from dicom_io.network.transport import readable_transfer_syntaxes
from dicom_io.sop_classes import ACCEPTED, ANALYSED, class_name
from tests.unit.documents import rows, section

DOCUMENT = "conformance.md"
DICOM_ROOT = "1.2.840.10008."


def test_it_is_of_this_product():
    head = section(DOCUMENT, "# DICOM conformance statement")
    assert f"Product: uptake {version('uptake')}, Implementation Class UID `{IMPLEMENTATION_CLASS_UID}`" in head


def test_it_names_every_sop_class_that_is_received_and_what_for():
    received = rows(section(DOCUMENT, "### 1.1 Content and transfer"), "SOP Class", "UID", "use")
    accepted = [[class_name(uid), uid, "analysed" if uid in ANALYSED else "kept"] for uid in ACCEPTED]
    assert sorted(received) == sorted(accepted)


def test_it_names_the_transfer_syntaxes_that_are_received_in_order_of_preference():
    syntaxes = rows(section(DOCUMENT, "### 7.2 Association acceptance"), "Transfer Syntax", "UID")
    assert syntaxes == [[uid.name, uid] for uid in readable_transfer_syntaxes()]


def test_the_syntaxes_of_verification_are_those_it_names():
    assert [UID(uid).name for uid in build_context(Verification).transfer_syntax] == [
        "Implicit VR Little Endian",
        "Explicit VR Little Endian",
        "Deflated Explicit VR Little Endian",
        "Explicit VR Big Endian",
    ]


def test_it_names_what_a_probe_asks():
    text = section(DOCUMENT, "### 7.3 Association initiation")
    asked = [
        [class_name(uid), uid, ", ".join(syntax.removeprefix(DICOM_ROOT) for syntax in syntaxes)]
        for uid, syntaxes in ASKED.items()
    ]
    assert rows(text, "SOP Class", "UID", "Transfer Syntaxes") == asked
    assert str(StorageCommitmentPushModel) in text


def test_it_names_what_archives_are_asked():
    model = f"FIND ({StudyRootQueryRetrieveInformationModelFind})"
    assert model in section(DOCUMENT, "### 7.3 Association initiation")
    assert f"more than {MAXIMUM_MATCHES:,} matches" in " ".join(section(DOCUMENT, "### 5.6 Query as SCU").split())


@pytest.mark.parametrize(
    ("what", "caller", "called", "address"),
    [
        (
            "the certificate does not bear the name that is configured for the calling AE title",
            "CT1",
            "UPTAKE",
            "10.1.2.3",
        ),
        ("the address is not on a configured list", "PACS", "UPTAKE", "10.9.9.9"),
        ("the called AE title is not the node's", "PACS", "OTHER", "10.1.2.3"),
        ("the calling AE title is not on a configured list", "STRANGER", "UPTAKE", "10.1.2.3"),
    ],
)
def test_it_says_how_requests_are_rejected(what, caller, called, address):
    tls = Tls(certificate="node.pem", private_key="node.key", authorities="hospital.pem")
    settings = Listener(
        allowed_calling_ae_titles=("PACS", "CT1"),
        allowed_addresses=("10.1.2.0/24",),
        tls=tls,
        certificate_names={"CT1": "ct1.hospital"},
    )
    columns = ("what", "result", "source", "reason")
    answers = {row[0]: row[1:] for row in rows(section(DOCUMENT, "### 7.2 Association acceptance"), *columns)}
    assert answers[what] == [str(number) for number in refusal(settings, caller, called, address).answer]


def test_it_names_every_status_that_is_answered_and_why():
    answered = rows(section(DOCUMENT, "### 7.4 Status codes"), "status", "when", "reason")
    known = {(f"0x{status:04X}", str(reason)) for reason, status in listener._STATUS.items()}
    assert {(status, reason) for status, _, reason in answered} == known | {(f"0x{listener.SUCCESS:04X}", "–")}


def test_it_names_every_status_that_counts_as_stored():
    taken = {row[0]: row[1] for row in rows(section(DOCUMENT, "### 7.4 Status codes"), "status", "as", "then")}
    (warnings,) = (status for status, meaning in taken.items() if meaning == "stored, with a warning")
    *single, span = warnings.split(", ")
    first, last = (int(end, 16) for end in span.split("–"))
    assert {int(status, 16) for status in single} | set(range(first, last + 1)) == sender._WARNINGS
    assert taken[f"0x{sender.SUCCESS:04X}"] == "stored"


def test_it_names_every_status_that_an_answer_to_a_request_for_commitment_gets():
    answered = rows(section(DOCUMENT, "### 7.4 Status codes"), "status", "when")
    known = (commitment.SUCCESS, commitment.PROCESSING_FAILURE, commitment.INVALID_ARGUMENT)
    assert [status for status, _ in answered] == [f"0x{status:04X}" for status in known]


def test_it_names_the_failure_reasons_that_sending_again_does_not_mend():
    then = rows(section(DOCUMENT, "### 5.5 Storage commitment"), "in N-EVENT-REPORT", "then")
    (named,) = (what for what, meaning in then if "a person decides" in meaning)
    assert {int(number, 16) for number in re.findall("0x[0-9A-F]{4}", named)} == commitment.FOR_GOOD


def test_the_reasons_of_failures_exist():
    named = " ".join(row[2] for row in rows(section(DOCUMENT, "### 7.4 Status codes"), "status", "as", "then"))
    reasons = {reason for reason in Reason if f"({reason}" in named or f", {reason}" in named}
    assert reasons == {
        Reason.DESTINATION_REFUSED_OBJECT,
        Reason.DESTINATION_UNREACHABLE,
        Reason.DESTINATION_NOT_TRUSTED,
        Reason.DESTINATION_REJECTED_ASSOCIATION,
        Reason.DESTINATION_REFUSES_SOP_CLASS,
    }


def test_general_parameters_are_those_of_every_association():
    values = dict(rows(section(DOCUMENT, "### 7.1 General"), "parameter", "value"))
    assert values["Implementation Class UID"] == IMPLEMENTATION_CLASS_UID
    assert values["Maximum length received"] == f"{transport.MAXIMUM_PDU_BYTES} bytes, when listening as set"
    assert values["Time allowed for association set-up and release"].endswith(f"at most {transport.ACSE_TIMEOUT_S:g} s")


SECTIONS = {
    "listener": Listener(),
    "destinations": Destination(name="one", ae_title="PACS", host="pacs", port=104),
    "sources": Source(ae_title="PACS"),
    "spool": Spool(),
    "results": Results(),
    "delivery": Delivery(),
    "commitment": Commitment(),
}
NOT_OF_THE_NETWORK = {"destinations.name", "sources.quiet_time_s", "spool.folder"}


def test_it_names_every_parameter_of_network_and_objects():
    named = {row[0] for row in rows(section(DOCUMENT, "## 6 Configuration"), "setting", "default", "what it sets")}
    existing = {f"{name}.{field}" for name, part in SECTIONS.items() for field in type(part).model_fields}
    assert named == existing - NOT_OF_THE_NETWORK
    assert set(SECTIONS) <= set(Settings.model_fields)


@pytest.mark.parametrize("row", rows(section(DOCUMENT, "## 6 Configuration"), "setting", "default", "what it sets"))
def test_defaults_are_those_that_it_names(row):
    setting, named, _ = row
    part, field = setting.split(".")
    if named == "–":
        assert type(SECTIONS[part]).model_fields[field].is_required()
        return
    value = getattr(SECTIONS[part], field)
    if value is None:
        value = "where offered" if setting == "destinations.storage_commitment" else "none"
    elif value == ():
        value = "all"
    elif value == {}:
        value = "none"
    written = str(value).lower() if isinstance(value, bool) else value
    assert named == (f"{written:g}" if isinstance(written, float) else str(written))
