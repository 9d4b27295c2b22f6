"""Orthanc answers for what it has stored: on an association of its own, for part of it, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config.reasons import Reason
from config.result_kind import ResultKind
from config.settings import Destination
from db.detail import DeliveryDetail, StudyDetail
from db.states import DeliveryState, Disposition, StudyState
from dicom_io.network.sender import send
from tests.e2e.conftest import NODE, Node, free_port, serving, wait_for
from tests.e2e.private_orthanc import EXECUTABLE, PrivateOrthanc, running_orthanc

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.skipif(EXECUTABLE is None, reason="Orthanc is not installed"),
    pytest.mark.timeout(360, func_only=True),
]

LOSES_SEGMENTATIONS_ONCE = """
lost = {}
function OnStoredInstance(instance, tags, metadata, origin)
  if tags['Modality'] == 'SEG' and not lost[instance] then
    lost[instance] = true
    Delete(instance)
  end
end
"""
ROUTES_EVERYTHING = """
function OnStoredInstance(instance, tags, metadata, origin)
  SendToModality(instance, 'UPTAKE')
end
"""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Callable[..., PrivateOrthanc]]:
    """Start Orthanc with a Lua script; it knows the given nodes."""
    with ExitStack() as running:

        def start(*nodes: Destination, lua: str = "") -> PrivateOrthanc:
            started = running.enter_context(running_orthanc(tmp_path / "orthanc", "ORTHANC", lua))
            for node in nodes:
                started.introduce(node)
            return started

        yield start


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Run a node at an address, which delivers to an archive."""
    with ExitStack() as running:
        yield lambda address, archive: running.enter_context(
            serving(Node(tmp_path / "node", address, (archive.address,)))
        )


@pytest.fixture
def address() -> Destination:
    """Where the node will be."""
    return NODE.model_copy(update={"port": free_port()})


def examined(node: Node, study: Any, peer: Destination, condition: Callable[[StudyDetail], bool]) -> StudyDetail:
    """What becomes of a study that is sent to ``peer``."""
    assert all(outcome.reason is None for outcome in send(peer, study.files, "SCANNER"))

    def is_so() -> bool:
        seen = node.detail(study.study_uid)
        return seen is not None and condition(seen)

    wait_for(is_so, f"node at {node.folder}", 240)
    found = node.detail(study.study_uid)
    assert found is not None
    return found


def deliveries(study: StudyDetail) -> dict[ResultKind, DeliveryDetail]:
    """By kind; of several objects of a kind the last."""
    (report,) = study.reports
    return {result.kind: one for result in report.results for one in result.deliveries}


def is_committed(study: StudyDetail) -> bool:
    return study.summary.state is StudyState.COMMITTED


def test_orthanc_commits_itself_to_what_it_has_and_gets_again_what_it_lost(archive, serve, address, write) -> None:
    orthanc = archive(address, lua=LOSES_SEGMENTATIONS_ONCE)
    node = serve(address, orthanc)
    found = deliveries(examined(node, write(), node.address, is_committed))
    assert {one.state for one in found.values()} == {DeliveryState.COMMITTED}
    assert {kind: one.attempts for kind, one in found.items()} == {
        ResultKind.SEGMENTATION: 2,
        ResultKind.REPORT: 1,
        ResultKind.PICTURE: 1,
        ResultKind.KEY_IMAGES: 1,
        ResultKind.KEY_OBJECTS: 1,
    }


def test_an_archive_that_sends_everything_on_gets_each_result_once(archive, serve, address, write) -> None:
    orthanc, study = archive(address, lua=ROUTES_EVERYTHING), write()
    node = serve(address, orthanc)
    expected = len(study.files)

    def is_back(seen: StudyDetail) -> bool:
        return is_committed(seen) and len(seen.unused) == len(deliveries_of(seen))

    after = examined(node, study, orthanc.address, is_back)
    assert {one.disposition for one in after.unused} == {Disposition.RETURNED}
    assert {one.detail for one in after.unused} == {"Came back from ORTHANC as it was sent."}
    assert (after.summary.revision, len(after.reports)) == (1, 1)
    assert sum(arrival.accepted for arrival in after.arrivals) == expected
    assert {one.attempts for one in deliveries_of(after)} == {1}


def deliveries_of(study: StudyDetail) -> list[DeliveryDetail]:
    return [one for report in study.reports for result in report.results for one in result.deliveries]


def test_an_archive_that_does_not_know_the_node_leaves_it_at_delivered_and_says_why(
    archive, serve, address, write
) -> None:
    orthanc = archive()
    node = serve(address, orthanc)

    def is_refused(seen: StudyDetail) -> bool:
        reasons = {one.reason for one in deliveries_of(seen)}
        return seen.summary.state is StudyState.DELIVERED and reasons == {Reason.DESTINATION_REJECTED_ASSOCIATION}

    study = examined(node, write(), node.address, is_refused)
    assert {one.state for one in deliveries_of(study)} == {DeliveryState.UNCOMMITTED}
    assert all(orthanc.has(result.sop_instance_uid) for result in study.reports[0].results if result.deliveries)
