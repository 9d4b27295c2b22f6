"""Who is let in: the decision on an association request."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from config.reasons import Reason, Remark
from config.settings import Listener as Settings


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is rejected, and the answer: result, source, reason/diagnostic (PS3.8 Section 9.3.4)."""

    remark: Remark
    answer: tuple[int, int, int]


def refusal(settings: Settings, calling_ae: str, called_ae: str, address: str) -> Refusal | None:
    """Why an association request is to be rejected, permanently; None if the requestor is let in.

    AE titles are compared without the spaces around them (PS3.5 Section 6.2).
    """
    if not _is_allowed(settings, address):
        return Refusal(Remark(Reason.ADDRESS_NOT_ALLOWED, f"{address} asked for an association."), (1, 1, 1))
    if called_ae.strip() != settings.ae_title:
        detail = f"{called_ae.strip()} was called, this is {settings.ae_title}."
        return Refusal(Remark(Reason.CALLED_AE_UNKNOWN, detail), (1, 1, 7))
    if settings.allowed_calling_ae_titles and calling_ae.strip() not in settings.allowed_calling_ae_titles:
        detail = f"{calling_ae.strip()} at {address} asked for an association."
        return Refusal(Remark(Reason.CALLING_AE_NOT_ALLOWED, detail), (1, 1, 3))
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
