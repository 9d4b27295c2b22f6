"""Where analyses run is chosen by the settings, in one place."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from config.reasons import UptakeError
from config.settings import Compute, Settings
from node import compute
from node.models import Models
from node.names import worker_name
from node.service import _children


def ray(**changes: object) -> Settings:
    return Settings(compute=Compute(engine="ray", **({"address": "192.0.2.1:6379"} | changes)))


def test_a_node_analyses_by_itself_unless_told_otherwise() -> None:
    assert isinstance(compute.start_compute(Settings(), {}), Models)


def test_nothing_of_ray_is_imported_unless_it_is_chosen() -> None:
    loads = "import sys, node.service, node.worker, node.cli; from node import compute; from config.settings import *;"
    looks = "compute.start_compute(Settings(), {}); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loads + looks], check=False).returncode == 0


def test_ray_needs_the_address_of_a_cluster() -> None:
    with pytest.raises(ValidationError, match="engine ray needs address"):
        Compute(engine="ray")


@pytest.mark.parametrize(
    "address", ["auto", "local", "ray://192.0.2.1:10001", "192.0.2.1", "head:6379 --x", "::1:6379"]
)
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        Compute(engine="ray", address=address)


@pytest.mark.parametrize("address", ["192.0.2.1:6379", "head.hospital:6379", "[2001:db8::1]:6379"])
def test_hosts_have_names_and_addresses(address: str) -> None:
    assert Compute(engine="ray", address=address).address == address


def test_a_node_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "find_spec", lambda name: None)
    with pytest.raises(UptakeError, match=r"pip install 'uptake\[ray\]'"):
        compute.prepare(ray())


def test_every_worker_is_a_process_with_a_name_and_leases_of_its_own() -> None:
    settings = ray(workers=3)
    roles = [child.name for child in _children(None, settings, {})]
    assert roles == ["clerk", "worker", "worker_2", "worker_3"]
    owners = {worker_name(settings, number) for number in (1, 2, 3)}
    assert len(owners) == 3
    assert all(owner.startswith("worker ") and " of UPTAKE on " in owner for owner in owners)
