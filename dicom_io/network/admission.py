"""Who is let in: the decision on an association request."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from config.reasons import Reason, Remark
from config.settings import Listener as Settings


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is rejected, and the answer: result, source, reason/diagnostic (PS3.8 Section 9.3.4)."""

    remark: Remark
    answer: tuple[int, int, int]


def refusal(
    settings: Settings, calling_ae: str, called_ae: str, address: str, certificate_names: Collection[str] = ()
) -> Refusal | None:
    """Why an association request is to be rejected, permanently; None if the requestor is let in.

    AE titles are compared without the spaces around them (PS3.5 Section 6.2), names in certificates whatever their case
    (RFC 4343).
    """
    calling_ae = calling_ae.strip()
    if not _is_allowed(settings, address):
        return Refusal(Remark(Reason.ADDRESS_NOT_ALLOWED, f"{address} asked for an association."), (1, 1, 1))
    if called_ae.strip() != settings.ae_title:
        detail = f"{called_ae.strip()} was called, this is {settings.ae_title}."
        return Refusal(Remark(Reason.CALLED_AE_UNKNOWN, detail), (1, 1, 7))
    if settings.allowed_calling_ae_titles and calling_ae not in settings.allowed_calling_ae_titles:
        detail = f"{calling_ae} at {address} asked for an association."
        return Refusal(Remark(Reason.CALLING_AE_NOT_ALLOWED, detail), (1, 1, 3))
    expected = settings.certificate_names.get(calling_ae)
    if expected is not None and expected.casefold() not in {name.casefold() for name in certificate_names}:
        found = ", ".join(sorted(certificate_names)) or "none"
        detail = f"{calling_ae} at {address}: names in its certificate are {found}, expected {expected}."
        return Refusal(Remark(Reason.CERTIFICATE_OF_ANOTHER, detail), (1, 1, 3))
    return None


def _is_allowed(settings: Settings, address: str) -> bool:
    if not settings.allowed_addresses:
        return True
    peer = _unmapped(address)
    return peer is not None and any(peer in network for network in settings.allowed_addresses)


def _unmapped(address: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 address that an IPv6 socket shows as ``::ffff:a.b.c.d`` as what it is."""
    try:
        peer = ip_address(address)
    except ValueError:
        return None
    return getattr(peer, "ipv4_mapped", None) or peer
