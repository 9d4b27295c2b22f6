"""Syslog as DICOM audit messages travel by it: over TLS (RFC 5425) or UDP (RFC 5426), as PS3.15 Section A.6 and A.7."""

import fcntl
import socket
import ssl
import sys
import termios
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from config.reasons import Reason, Refused
from config.settings import AuditCollector

MAXIMUM_DATAGRAM_BYTES = 65_507

_FACILITY_AUTHPRIV = 10
_MESSAGE_ID = "DICOM+RFC3881"
_UNREACHABLE_WITHIN_S = 0.1
_END_WITHIN_S = 1.0
_TCP_CLOSE = 7  # a state of TCP_INFO in Linux: reset, since we have not closed
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Severity(IntEnum):
    """RFC 5424 Section 6.2.1."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """A message in UTF-8, and where it comes from; ``at`` has a time zone."""

    severity: Severity
    at: datetime
    host: str
    process_id: int
    content: bytes

    def encoded(self) -> bytes:
        """As RFC 5424 Section 6 demands it, without structured data."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        host = "".join(character for character in self.host if "!" <= character <= "~")[:255] or "-"
        priority = _FACILITY_AUTHPRIV * 8 + self.severity
        header = f"<{priority}>1 {at} {host} uptake {self.process_id} {_MESSAGE_ID} - "
        return header.encode("ascii") + _BYTE_ORDER_MARK + self.content


def send(messages: Iterable[SyslogMessage], collector: AuditCollector) -> None:
    """Send messages to a collector, in order.

    Over TLS it returns when the collector has read them to the end and closed the connection; syslog knows no other
    acknowledgement. UDP has none: what the network loses is lost.

    Raises
    ------
    Refused
        `Reason.AUDIT_COLLECTOR_UNREACHABLE`: some or all may not have arrived, and what was found.
    """
    deliver = _send_over_tls if collector.transport == "tls" else _send_over_udp
    try:
        deliver([message.encoded() for message in messages], collector)
    except OSError as error:
        where = f"{collector.host}:{collector.port}"
        raise Refused(Reason.AUDIT_COLLECTOR_UNREACHABLE, f"{where}: {_words(error)}.") from error


def _send_over_tls(frames: list[bytes], collector: AuditCollector) -> None:
    context = ssl.create_default_context(cafile=collector.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if collector.certificate_file is not None:
        context.load_cert_chain(collector.certificate_file, collector.key_file)
    address = (collector.host, collector.port)
    with (
        socket.create_connection(address, collector.network_timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=collector.host) as connection,
    ):
        for frame in frames:
            connection.sendall(b"%d %b" % (len(frame), frame))
        _await_close(connection, collector.network_timeout_s)


def _await_close(connection: ssl.SSLSocket, within_s: float) -> None:
    """Close our side, wait for the other's, and make sure that it read everything before.

    TCP resets a connection whose reader has gone with bytes unread, or to which bytes come when it has gone. So an end
    without reset, after which every byte is acknowledged, says that all were read.
    """
    with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):  # some end without TLS's own word for it
        connection.unwrap()
        connection.settimeout(_END_WITHIN_S)
        with suppress(TimeoutError):
            connection.recv(1)
    deadline = time.monotonic() + within_s
    while (unacknowledged := fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))) != bytes(4):
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
            break
        if time.monotonic() > deadline:
            left = int.from_bytes(unacknowledged, sys.byteorder)
            raise TimeoutError(f"{left} bytes were not acknowledged within {within_s:g} s")
        time.sleep(0.001)
    if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
        raise ConnectionResetError("the connection was reset before everything was read")


def _send_over_udp(datagrams: list[bytes], collector: AuditCollector) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(collector.host, collector.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.settimeout(collector.network_timeout_s)
        connection.connect(address)
        for datagram in datagrams:
            connection.send(datagram)
        connection.settimeout(_UNREACHABLE_WITHIN_S)
        with suppress(TimeoutError):
            connection.recv(1)  # raises what ICMP says: nobody listens


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return "it ended the connection; see its log, and whether it trusts certificate_file"
    return error.strerror or str(error) or type(error).__name__
