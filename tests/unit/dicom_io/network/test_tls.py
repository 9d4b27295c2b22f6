"""DICOM over TLS (PS3.15 Section B.12): who can prove who it is gets through, and nobody waits for others."""

import json
import os
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from config.reasons import Reason, Refused
from config.settings import Destination, Tls
from dicom_io.network.listener import Listener
from dicom_io.network.sender import echo, send
from dicom_io.network.tls import CIPHERS_OF_TLS_1_2, listening_context, sending_context
from tests.unit.dicom_io.network.conftest import Recorder

StartListener = Callable[..., Listener]
STORESCU, STORESCP = Path("/usr/bin/storescu"), Path("/usr/bin/storescp")
ORTHANC = Path("/usr/sbin/Orthanc")
needs_dcmtk = pytest.mark.skipif(not STORESCU.exists(), reason="needs DCMTK")


@dataclass
class Authority:
    """Issues certificates into a folder."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.issuer = trustme.CA()
        self.file = self.folder / f"{self.name}.pem"
        self.issuer.cert_pem.write_to_path(self.file)

    def issue(self, name: str, host: str = "127.0.0.1", **options: Any) -> Tls:
        """The files of a machine that trusts this authority alone."""
        leaf = self.issuer.issue_cert(host, **options)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return Tls(certificate=certificate, private_key=key, authorities=self.file)

    def revoke(self, tls: Tls) -> None:
        """Put a revocation list with the certificate behind the authority's own."""
        certificate = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
        now = datetime.now(UTC)
        revoked = x509.RevokedCertificateBuilder(certificate.serial_number, now - timedelta(hours=1)).build()
        builder = x509.CertificateRevocationListBuilder(
            x509.load_pem_x509_certificate(self.issuer.cert_pem.bytes()).subject,
            now - timedelta(hours=1),
            now + timedelta(days=1),
        ).add_revoked_certificate(revoked)
        key = serialization.load_pem_private_key(self.issuer.private_key_pem.bytes(), None)
        self.file.write_bytes(self.file.read_bytes() + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.fixture
def hospital(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "hospital")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "stranger")


def node(listener: Listener, tls: Tls | None, host: str = "127.0.0.1") -> Destination:
    return Destination(name="node", ae_title="UPTAKE", host=host, port=listener.port, tls=tls, network_timeout_s=5)


def refusal(listener: Listener, tls: Tls | None, host: str = "127.0.0.1") -> tuple[Reason | None, str]:
    answer = echo(node(listener, tls, host), "SCANNER")
    return answer.reason, answer.detail


def test_what_is_sent_over_tls_is_stored(
    start_listener: StartListener, hospital: Authority, write_ct: Callable[..., Path], recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    outcomes = send(node(listener, hospital.issue("scanner")), [write_ct(f"2.25.{i}") for i in range(5)], "SCANNER")
    assert [outcome.reason for outcome in outcomes] == [None] * 5
    ((_, _, stored),) = recorder.of("closed")
    assert stored == 5


def test_a_peer_without_a_certificate_is_not_let_in(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    context = ssl.create_default_context(cafile=hospital.file)
    with (
        socket.create_connection(("127.0.0.1", listener.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        connection.recv(1)
    ((association, remark),) = recorder.of("rejected")
    assert (remark.reason, association.address) == (Reason.TLS_REFUSED, "127.0.0.1")
    assert "peer did not return a certificate" in remark.detail


def test_a_certificate_of_a_strange_authority_is_accepted_on_neither_side(
    start_listener: StartListener, hospital: Authority, stranger: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    foreign = stranger.issue("intruder")
    assert refusal(listener, foreign)[0] is Reason.DESTINATION_NOT_TRUSTED
    intruder = foreign.model_copy(update={"authorities": hospital.file})
    reason, detail = refusal(listener, intruder)
    assert reason is Reason.DESTINATION_NOT_TRUSTED
    assert "unknown ca" in detail
    _, (_, remark) = recorder.of("rejected", 2)
    assert "certificate not accepted, " in remark.detail


def test_a_certificate_out_of_date_is_not_accepted(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    old = hospital.issue("old", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2021, 1, 1, tzinfo=UTC))
    reason, detail = refusal(listener, old)
    assert (reason, "expired" in detail) == (Reason.DESTINATION_NOT_TRUSTED, True)
    assert "certificate has expired" in recorder.of("rejected")[0][1].detail


def test_a_revoked_certificate_is_not_accepted(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    lost, kept = hospital.issue("lost"), hospital.issue("kept")
    hospital.revoke(lost)
    listener = start_listener(tls=hospital.issue("node"))
    assert refusal(listener, kept) == (None, "")
    assert refusal(listener, lost)[0] is Reason.DESTINATION_NOT_TRUSTED
    assert "certificate revoked" in recorder.of("rejected")[0][1].detail


def test_the_title_of_another_is_not_to_be_had_with_a_certificate_of_ones_own(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"), certificate_names={"SCANNER": "ct1.hospital"})
    assert refusal(listener, hospital.issue("ct1", "ct1.hospital")) == (None, "")
    assert refusal(listener, hospital.issue("ct2", "ct2.hospital"))[0] is Reason.DESTINATION_REJECTED_ASSOCIATION
    ((association, remark),) = recorder.of("rejected")
    assert (association.calling_ae, remark.reason) == ("SCANNER", Reason.CERTIFICATE_OF_ANOTHER)
    assert "are ct2.hospital, expected ct1.hospital" in remark.detail


def test_a_common_name_counts_where_there_is_no_other(
    start_listener: StartListener, hospital: Authority, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(hospital.issuer.cert_pem.bytes())
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(
        issuer.subject,
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ct1.hospital")]),
        key.public_key(),
        x509.random_serial_number(),
        now - timedelta(hours=1),
        now + timedelta(days=1),
    ).sign(serialization.load_pem_private_key(hospital.issuer.private_key_pem.bytes(), None), hashes.SHA256())
    (tmp_path / "old.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "old.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    old = Tls(certificate=tmp_path / "old.pem", private_key=tmp_path / "old.key", authorities=hospital.file)
    assert refusal(start_listener(tls=hospital.issue("node"), certificate_names={"SCANNER": "ct1.hospital"}), old) == (
        None,
        "",
    )


def test_a_destination_must_be_who_its_certificate_says(start_listener: StartListener, hospital: Authority) -> None:
    listener = start_listener(tls=hospital.issue("other", host="other.hospital"))
    reason, detail = refusal(listener, hospital.issue("node"))
    assert reason is Reason.DESTINATION_NOT_TRUSTED
    assert "IP address mismatch" in detail


def test_who_speaks_plainly_to_a_listener_with_tls_is_not_let_in(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    assert refusal(listener, None)[0] is Reason.DESTINATION_UNREACHABLE
    assert recorder.of("rejected")[0][1].reason is Reason.TLS_REFUSED


def test_a_destination_that_speaks_plainly_gets_nothing(
    start_listener: StartListener, hospital: Authority, write_ct: Callable[..., Path]
) -> None:
    listener = start_listener(network_timeout_s=1.0)
    (outcome,) = send(node(listener, hospital.issue("node")), [write_ct()], "UPTAKE")
    assert outcome.reason in (Reason.DESTINATION_NOT_TRUSTED, Reason.DESTINATION_UNREACHABLE)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_not_spoken(
    start_listener: StartListener, hospital: Authority, version: ssl.TLSVersion
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    context = sending_context(hospital.issue("old"))
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_only_suites_with_forward_secrecy_and_authenticated_encryption_are_offered(hospital: Authority) -> None:
    for context in (listening_context(hospital.issue("node")), sending_context(hospital.issue("node"))):
        offered = {suite["name"] for suite in context.get_ciphers()}
        assert {name for name in offered if not name.startswith("TLS_")} == set(CIPHERS_OF_TLS_1_2)
        assert all("GCM" in name or "CHACHA20" in name for name in offered)


def test_a_peer_that_falls_silent_before_the_handshake_delays_nobody(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"), network_timeout_s=8.0)
    silent = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(5)]
    began = time.monotonic()
    assert refusal(listener, hospital.issue("scanner")) == (None, "")
    assert time.monotonic() - began < 7.0
    assert "no handshake in time" in recorder.of("rejected", 5)[0][1].detail
    for connection in silent:
        connection.close()


def test_who_only_looks_whether_the_port_is_open_is_nobody_to_refuse(
    start_listener: StartListener, hospital: Authority, recorder: Recorder
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    for _ in range(3):
        socket.create_connection(("127.0.0.1", listener.port)).close()
    assert refusal(listener, None)[0] is Reason.DESTINATION_UNREACHABLE
    assert len(recorder.of("rejected")) == 1


def test_files_that_can_not_be_used_are_told_and_no_password_is_asked_for(hospital: Authority, tmp_path: Path) -> None:
    good, other = hospital.issue("good"), hospital.issue("another")
    key = serialization.load_pem_private_key(good.private_key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))
    )
    for changes in (
        {"private_key": locked},
        {"private_key": other.private_key},
        {"authorities": tmp_path / "nowhere.pem"},
        {"certificate": good.private_key},
    ):
        with pytest.raises(Refused) as caught:
            listening_context(good.model_copy(update=changes))
        assert caught.value.reason is Reason.TLS_FILES_UNUSABLE


@needs_dcmtk
@pytest.mark.parametrize("profile", ["--profile-bcp195", "--profile-bcp195-nd", "--profile-bcp195-ex"])
def test_dcmtk_sends_by_each_of_its_profiles(
    start_listener: StartListener, hospital: Authority, write_ct: Callable[..., Path], recorder: Recorder, profile: str
) -> None:
    listener = start_listener(tls=hospital.issue("node"))
    scanner = hospital.issue("scanner")
    options = ["-aec", "UPTAKE", "--enable-tls", scanner.private_key, scanner.certificate, profile]
    command = [STORESCU, *options, "--add-cert-file", hospital.file, "127.0.0.1", str(listener.port), write_ct()]
    sent = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert sent.returncode == 0, sent.stderr
    assert recorder.of("closed")[0][2] == 1


@needs_dcmtk
def test_dcmtk_receives_over_tls(hospital: Authority, write_ct: Callable[..., Path], tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pacs, folder = hospital.issue("pacs"), tmp_path / "received"
    folder.mkdir()
    options = ["--enable-tls", pacs.private_key, pacs.certificate, "--add-cert-file", hospital.file]
    command = [STORESCP, *options, "--require-peer-cert", "-od", folder, str(port)]
    with subprocess.Popen(command, env={**os.environ, "TCP_NODELAY": "1"}) as process:
        try:
            destination = Destination(
                name="pacs", ae_title="STORESCP", host="127.0.0.1", port=port, tls=hospital.issue("node")
            )
            wait_for(lambda: echo(destination, "UPTAKE").is_success)
            (outcome,) = send(destination, [write_ct()], "UPTAKE")
        finally:
            process.terminate()
    assert outcome.reason is None
    assert len(list(folder.iterdir())) == 1


@pytest.mark.skipif(not ORTHANC.exists(), reason="needs Orthanc")
def test_orthanc_sends_and_receives_over_tls(
    start_listener: StartListener, hospital: Authority, write_ct: Callable[..., Path], tmp_path: Path
) -> None:
    listener = start_listener(tls=hospital.issue("node"), network_timeout_s=30.0)
    pacs, ports = hospital.issue("pacs"), free_ports(2)
    settings = {
        "StorageDirectory": str(tmp_path / "storage"),
        "DicomAet": "ORTHANC",
        "DicomPort": ports[0],
        "HttpPort": ports[1],
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pacs.certificate),
        "DicomTlsPrivateKey": str(pacs.private_key),
        "DicomTlsTrustedCertificates": str(hospital.file),
        "DicomModalities": {"node": {"AET": "UPTAKE", "Host": "127.0.0.1", "Port": listener.port, "UseDicomTls": True}},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    destination = Destination(
        name="pacs", ae_title="ORTHANC", host="127.0.0.1", port=ports[0], tls=hospital.issue("sender")
    )
    with subprocess.Popen([ORTHANC, tmp_path / "orthanc.json"], env={**os.environ, "TCP_NODELAY": "1"}) as process:
        try:
            wait_for(lambda: echo(destination, "UPTAKE").is_success)
            (outcome,) = send(destination, [write_ct()], "UPTAKE")
            url = f"http://127.0.0.1:{ports[1]}/modalities/node/echo"
            with urllib.request.urlopen(url, data=b"{}", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
    assert outcome.reason is None


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
