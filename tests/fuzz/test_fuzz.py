"""A bounded sample of fuzzing: what was ever handled wrongly, and fresh mutations, read and over the wire."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.settings import Destination
from config.settings import Listener as ListenerSettings
from dicom_io.network.listener import Listener
from dicom_io.network.sender import echo, send
from tests.fuzz.mutation import mutated
from tests.fuzz.pathway import Pathway
from tests.fuzz.seeds import CORPUS, write_seeds
from tests.unit.dicom_io.network.conftest import Recorder

pytestmark = pytest.mark.filterwarnings("ignore")
briefly = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return folder


@pytest.fixture(scope="module")
def pathway(seeds: Path) -> Pathway:
    return Pathway(seeds, sorted((seeds / "study").rglob("*.dcm")))


@pytest.fixture(scope="module")
def instances(seeds: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(seeds.rglob("*.dcm"))]


@pytest.mark.parametrize("step", ["walk", "read", "analyse"])
def test_what_was_once_handled_wrongly_is_read_or_refused(pathway: Pathway, step: str) -> None:
    files = sorted(CORPUS.iterdir())
    assert files
    for file in files:
        getattr(pathway, step)(file.read_bytes())


@briefly
@given(noise=st.randoms(use_true_random=False), step=st.sampled_from(["walk", "read", "analyse"]))
def test_a_mutated_instance_is_read_or_refused(
    noise: Random, step: str, pathway: Pathway, instances: list[bytes]
) -> None:
    getattr(pathway, step)(mutated(noise.choice(instances), noise))


@briefly
@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes, pathway: Pathway) -> None:
    pathway.analyse(content)
    pathway.analyse(bytes(128) + b"DICM" + content)


def test_mutated_instances_are_taken_as_they_are_and_hurt_nobody(
    seeds: Path, instances: list[bytes], tmp_path: Path
) -> None:
    noise, recorder = Random(11), Recorder()
    files = []
    for number in range(200):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(mutated(noise.choice(instances), noise))
    chosen = ListenerSettings().model_copy(update={"port": 0})
    with Listener(chosen, tmp_path / "spool", 0, recorder) as listener:
        node = Destination(name="node", ae_title="UPTAKE", host="127.0.0.1", port=listener.port)
        taken = [outcome for outcome in send(node, files, "SCANNER") if outcome.status == 0]
        assert echo(node, "SCANNER").is_success
    assert len(taken) > 150
    assert len(list((tmp_path / "spool").rglob("*.dcm"))) == len(taken)
