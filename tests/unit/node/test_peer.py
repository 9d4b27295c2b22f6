import pytest
import typer

from node.commands.peer import parse_peer


def test_a_peer_is_written_as_aet_at_host_and_port() -> None:
    peer = parse_peer("MAIN PACS@pacs.example.org:104")
    assert (peer.ae_title, peer.host, peer.port) == ("MAIN PACS", "pacs.example.org", 104)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert parse_peer("PACS@[::1]:11112").host == "::1"


@pytest.mark.parametrize(
    "text", ["", "PACS", "PACS@host", "PACS@host:0", "PACS@host:70000", "@host:104", "A TITLE FAR TOO LONG@host:104"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_peer(text)
