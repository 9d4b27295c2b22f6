"""DICOM over TLS, listening and sending, by the BCP 195 profile of PS3.15 Section B.12: TLS 1.2 and 1.3, nothing less.

Both sides show a certificate, and each accepts only one that an authority of its list vouches for. Peers of the older
profiles B.9, B.10 and B.11 find a version and a cipher suite of theirs among these.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import structlog
from pynetdicom import evt

from config.reasons import Reason, Refused
from config.settings import Destination, Tls

log = structlog.get_logger()

CIPHERS_OF_TLS_1_2 = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""Those of RFC 9325 Section 4.2; the suites of TLS 1.3 are all fit (RFC 9325 Section 4.3)."""

_REVOCATION_LIST = "-----BEGIN X509 CRL-----"


class ListeningContext(ssl.SSLContext):
    """Leaves the handshake to ``shake_hands``: in pynetdicom's accepting thread a silent peer would stop all others."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*arguments, **{**options, "do_handshake_on_connect": False})


class SendingContext(ssl.SSLContext):
    """Keeps why the handshake, or what followed it, failed, which pynetdicom does not tell."""

    failure = ""


def listening_context(settings: Tls) -> ListeningContext:
    """For a listener that lets in only peers with a certificate.

    Raises ``Refused(TLS_FILES_UNUSABLE)`` if a file can't be read or the key is not the certificate's.
    """
    context = ListeningContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # a ticket makes a client's socket readable before there is anything to read
    _set_up(context, settings)
    return context


def sending_context(settings: Tls) -> SendingContext:
    """For an association with a peer whose certificate names the host that it is reached by.

    Raises ``Refused`` as `listening_context` does.
    """
    context = SendingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _SendingSocket
    _set_up(context, settings)
    return context


def shake_hands(event: evt.Event, refused: Callable[[str, int, str], None]) -> None:
    """Handler of ``EVT_CONN_OPEN`` for a listener: the connection goes on encrypted, or is closed.

    ``refused`` is told the address and port of a peer that could not prove who it is, and what was wrong. Who only
    looks whether the port is open, as `/health` and load balancers do, is none.
    """
    connection = event.assoc.dul.socket.socket
    if not isinstance(connection, ssl.SSLSocket):
        return
    try:
        if _says_something(connection):
            connection.do_handshake()
            return
    except OSError as error:
        address, port, *_ = event.address
        refused(address, port, _in_words(error))
    event.assoc.dul.socket.close()


def certificate_names(event: evt.Event) -> frozenset[str]:
    """The names that a peer's certificate bears, if it has shown one.

    They are its Subject Alternative Names or, without any, its Common Names (RFC 6125 Section 6.4.4).
    """
    connection = event.assoc.dul.socket.socket
    if not isinstance(connection, ssl.SSLSocket):
        return frozenset()
    certificate: Any = connection.getpeercert() or {}
    alternatives = frozenset(name for _, name in certificate.get("subjectAltName", ()))
    common = (name for part in certificate.get("subject", ()) for key, name in part if key == "commonName")
    return alternatives or frozenset(common)


def mistrust(context: SendingContext | None, destination: Destination) -> Refused | None:
    """Why there is no association with a destination, if TLS is the cause."""
    if context is None or not context.failure:
        return None
    where = f"{destination.ae_title} at {destination.host}:{destination.port}"
    return Refused(Reason.DESTINATION_NOT_TRUSTED, f"{where}: {context.failure}.")


def _says_something(connection: ssl.SSLSocket) -> bool:
    """Waits for the first byte, and leaves it where it is; False if the peer goes without one."""
    try:
        return bool(socket.socket.recv(connection, 1, socket.MSG_PEEK))
    except ConnectionError:
        return False


class _SendingSocket(ssl.SSLSocket):
    """A peer that does not like our certificate says so, by TLS 1.3, only after the handshake."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except ssl.SSLError as error:
            self._keep(error)
            raise

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        try:
            return super().recv_into(buffer, nbytes, flags)
        except ssl.SSLError as error:
            self._keep(error)
            raise

    def _keep(self, error: ssl.SSLError) -> None:
        if isinstance(self.context, SendingContext):
            self.context.failure = _in_words(error)


def _set_up(context: ssl.SSLContext, settings: Tls) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(":".join(CIPHERS_OF_TLS_1_2))
    try:
        context.load_cert_chain(settings.certificate, settings.private_key, password="")
        context.load_verify_locations(settings.authorities)
        if _REVOCATION_LIST in settings.authorities.read_text(encoding="ascii", errors="replace"):
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    except OSError as error:
        files = ", ".join(map(str, (settings.certificate, settings.private_key, settings.authorities)))
        raise Refused(Reason.TLS_FILES_UNUSABLE, f"One of {files}: {_in_words(error)}.") from error


def _in_words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted, {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "no handshake in time"
    return error.strerror or str(error)
