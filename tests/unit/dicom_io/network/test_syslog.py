"""Syslog over UDP and TLS."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from config.reasons import Reason, Refused
from config.settings import AuditCollector
from dicom_io.network.syslog import Severity, SyslogMessage, send

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
MESSAGE = SyslogMessage(Severity.NOTICE, MOMENT, "node", 17, "<AuditMessage é/>".encode())


def test_a_message_is_written_as_rfc_5424_demands() -> None:
    header = "<85>1 2026-03-04T05:06:07.000089Z node uptake 17 DICOM+RFC3881 - \N{ZERO WIDTH NO-BREAK SPACE}"
    assert MESSAGE.encoded().decode() == f"{header}<AuditMessage é/>"


@pytest.mark.parametrize(("severity", "priority"), [(Severity.ERROR, 83), (Severity.WARNING, 84)])
def test_failures_are_told_as_more_severe(severity: Severity, priority: int) -> None:
    assert SyslogMessage(severity, MOMENT, "node", 1, b"").encoded().startswith(b"<%d>1 " % priority)


@pytest.mark.parametrize(("host", "told"), [("my node\n", "mynode"), ("", "-"), ("é", "-"), ("n" * 300, "n" * 255)])
def test_a_host_name_can_not_break_the_header(host: str, told: str) -> None:
    assert SyslogMessage(Severity.NOTICE, MOMENT, host, 1, b"").encoded().split(b" ")[2].decode() == told


def test_by_udp_every_message_is_a_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        send([MESSAGE, MESSAGE], collector(receiver.getsockname()[1], transport="udp"))
        assert [receiver.recv(65_536) for _ in range(2)] == [MESSAGE.encoded()] * 2


def test_by_udp_a_host_where_nobody_listens_is_noticed() -> None:
    with pytest.raises(Refused, match="refused") as refused:
        send([MESSAGE], collector(free_port(), transport="udp"))
    assert refused.value.reason is Reason.AUDIT_COLLECTOR_UNREACHABLE


def test_by_tls_messages_come_in_order_each_with_its_length(authority: trustme.CA, tmp_path: Path) -> None:
    with listening(authority, read_all) as (port, received):
        send([MESSAGE] * 3, collector(port, ca_file=tmp_path / "ca.pem"))
    frame = MESSAGE.encoded()
    assert received[0] == b"%d %b" % (len(frame), frame) * 3


@pytest.mark.parametrize("count", [1, 2000])
def test_by_tls_a_collector_that_goes_without_reading_was_not_told(
    authority: trustme.CA, tmp_path: Path, count: int
) -> None:
    with listening(authority, lambda connection: b"") as (port, _), pytest.raises(Refused) as refused:
        send([MESSAGE] * count, collector(port, ca_file=tmp_path / "ca.pem"))
    assert refused.value.reason is Reason.AUDIT_COLLECTOR_UNREACHABLE


def test_by_tls_a_collector_that_stalls_is_given_up(authority: trustme.CA, tmp_path: Path) -> None:
    goes_on = threading.Event()

    def stall(connection: ssl.SSLSocket) -> bytes:
        goes_on.wait(10)
        return b""

    with listening(authority, stall) as (port, _):
        with pytest.raises(Refused, match="timed out"):
            send([MESSAGE], collector(port, ca_file=tmp_path / "ca.pem", network_timeout_s=0.3))
        goes_on.set()


def test_by_tls_a_stranger_is_told_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    with listening(authority, read_all) as (port, received), pytest.raises(Refused, match="not trusted"):
        send([MESSAGE], collector(port, ca_file=tmp_path / "ca.pem"))
    assert received == [b""]


def test_by_tls_the_certificate_must_name_the_host(authority: trustme.CA, tmp_path: Path) -> None:
    with (
        listening(authority, read_all, named="elsewhere.example") as (port, received),
        pytest.raises(Refused, match=re.compile("not trusted.*127.0.0.1")),
    ):
        send([MESSAGE], collector(port, ca_file=tmp_path / "ca.pem"))
    assert received == [b""]


def test_a_certificate_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        send([MESSAGE], collector(1, ca_file=tmp_path / "nothing.pem"))


def collector(port: int, **settings: object) -> AuditCollector:
    return AuditCollector(name="siem", host="127.0.0.1", port=port, **settings)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def read_all(connection: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@contextmanager
def listening(
    authority: trustme.CA, read: Callable[[ssl.SSLSocket], bytes], named: str = "127.0.0.1"
) -> Iterator[tuple[int, list[bytes]]]:
    """A collector that takes one connection; what it read is there when the block is left."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(named).configure_cert(context)
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            plain, _ = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    received.append(read(connection))
            except OSError:
                received.append(b"")

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1], received
        thread.join()
