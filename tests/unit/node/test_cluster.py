"""Members of a cluster that see each other through one database and one spool; time passes when it is told to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.reasons import Reason, UptakeError
from config.settings import Settings
from db.audit_actions import AuditAction
from db.nodes import nodes
from db.queries import audit_events
from db.session import Database
from db.states import AssociationOutcome, NodeState
from db.upgrade import upgrade
from node.cluster import BEAT_S, Lost, Member
from node.spool import Spool

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DEAD_AFTER_S = 20.0


@dataclass
class Cluster:
    folder: Path
    database: Database
    now_s: float = 0.0

    def member(self, name: str, destination: str = "pacs") -> Member:
        settings = Settings(
            database={"url": "postgresql://shared"},
            spool={"folder": self.folder},
            cluster={"enabled": True, "node": name, "dead_after_s": DEAD_AFTER_S},
            destinations=({"name": destination, "ae_title": "PACS", "host": "pacs", "port": 104},),
        )
        self.spool(name).create()
        member = Member(self.database, self.spool(name), settings, lambda: NOW, lambda: self.now_s)
        member.join()
        return member

    def spool(self, name: str | None) -> Spool:
        return Spool(self.folder, name)

    def passes(self, seconds: float, *living: Member) -> None:
        """Time passes, in which members take their steps."""
        for _ in range(round(seconds / BEAT_S)):
            self.now_s += BEAT_S
            for member in living:
                member.step()

    def states(self) -> dict[str, NodeState]:
        with self.database.reading() as session:
            return {one.name: one.state for one in nodes(session)}

    def lost(self) -> list[str]:
        with self.database.reading() as session:
            return [event.who for event in audit_events(session, action=AuditAction.NODE_LOST)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    upgrade(f"sqlite:///{tmp_path}/shared.db")
    database = Database.open(f"sqlite:///{tmp_path}/shared.db")
    yield Cluster(tmp_path / "spool", database)
    database.close()


def journal_file(spool: Spool, association: str, name: str = "000001.dcm") -> Path:
    file = spool.incoming / association / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(association.encode())
    return file


def test_nodes_that_live_find_each_other_up(cluster: Cluster) -> None:
    a, b = cluster.member("a"), cluster.member("b")
    cluster.passes(600, a, b)
    assert cluster.states() == {"a": NodeState.UP, "b": NodeState.UP}
    assert a.congestion() is None


def test_a_node_without_a_sign_of_life_is_found_lost_once_by_one_of_the_others(cluster: Cluster) -> None:
    cluster.member("a")
    b, c = cluster.member("b"), cluster.member("c")
    cluster.passes(DEAD_AFTER_S, b, c)
    assert cluster.states()["a"] is NodeState.UP
    cluster.passes(2 * BEAT_S, b, c)
    assert cluster.states()["a"] is NodeState.LOST
    cluster.passes(600, b, c)
    assert len(cluster.lost()) == 1


def test_what_lay_in_its_journal_is_taken_over_and_its_associations_have_ended(cluster: Cluster) -> None:
    cluster.member("a")
    b = cluster.member("b")
    journal_file(cluster.spool("a"), "a1")
    journal_file(cluster.spool("a"), "a2", "000001.part")
    cluster.spool("a").end_association("a1", AssociationOutcome.RELEASED)
    cluster.passes(DEAD_AFTER_S + 3 * BEAT_S, b)
    heir = cluster.spool("b")
    assert [file.read_bytes() for file in heir.journal()] == [b"a1"]
    next(heir.journal()).unlink()
    assert list(heir.taken_associations()) == [("a1", AssociationOutcome.RELEASED), ("a2", AssociationOutcome.LOST)]
    for association in ("a1", "a2"):
        heir.forget_association(association)
    assert heir.is_empty()
    assert cluster.spool("a").is_empty()


def test_an_answer_to_a_request_for_commitment_is_taken_over(cluster: Cluster) -> None:
    cluster.member("a")
    b = cluster.member("b")
    cluster.spool("a").answers.mkdir()
    (cluster.spool("a").answers / "1.json").write_text("{}")
    cluster.passes(DEAD_AFTER_S + 3 * BEAT_S, b)
    assert [file.name for file in cluster.spool("b").answers.iterdir()] == ["1.json"]


def test_what_comes_into_its_journal_after_it_was_found_lost_is_taken_over_too(cluster: Cluster) -> None:
    cluster.member("a")
    b = cluster.member("b")
    cluster.passes(DEAD_AFTER_S + 3 * BEAT_S, b)
    journal_file(cluster.spool("a"), "late")
    cluster.passes(BEAT_S, b)
    assert cluster.spool("b").associations() == ("late",)


def test_a_node_that_was_found_lost_ends_and_takes_over_from_nobody(cluster: Cluster) -> None:
    a, b = cluster.member("a"), cluster.member("b")
    cluster.passes(DEAD_AFTER_S + 2 * BEAT_S, b)
    journal_file(cluster.spool("b"), "b1")
    cluster.passes(600, a)
    with pytest.raises(Lost, match="took over its work"):
        a.check()
    assert cluster.states() == {"a": NodeState.LOST, "b": NodeState.UP}
    assert cluster.spool("b").associations() == ("b1",)


def test_a_node_that_cannot_say_that_it_lives_takes_no_associations_before_others_take_over(cluster: Cluster) -> None:
    a, b = cluster.member("a"), cluster.member("b")
    cluster.passes(10, a, b)
    while cluster.states()["a"] is NodeState.UP:
        refused = a.congestion()
        cluster.passes(BEAT_S, b)
    assert refused is not None
    assert (refused.remark.reason, refused.answer) == (Reason.NODE_LOST, (2, 3, 1))


def test_a_node_that_does_not_reach_the_spool_does_not_beat(cluster: Cluster) -> None:
    a, b = cluster.member("a"), cluster.member("b")
    cluster.spool("a").own.rename(cluster.folder / "gone")
    with pytest.raises(FileNotFoundError):
        a.step()
    cluster.passes(DEAD_AFTER_S + 2 * BEAT_S, b)
    assert cluster.states()["a"] is NodeState.LOST


def test_when_nobody_could_see_anybody_for_a_while_nobody_is_found_lost(cluster: Cluster) -> None:
    a, b = cluster.member("a"), cluster.member("b")
    cluster.passes(10, a, b)
    cluster.now_s += 3600.0
    for member in (a, b):
        member.step()
    assert cluster.states() == {"a": NodeState.UP, "b": NodeState.UP}
    assert a.congestion() is None


def test_a_node_that_starts_again_is_up_and_its_earlier_life_ends(cluster: Cluster) -> None:
    before, b = cluster.member("a"), cluster.member("b")
    cluster.passes(DEAD_AFTER_S + 2 * BEAT_S, b)
    again = cluster.member("a")
    cluster.passes(600, again, b)
    again.check()
    before.step()
    with pytest.raises(Lost):
        before.check()
    assert cluster.states() == {"a": NodeState.UP, "b": NodeState.UP}


def test_a_node_that_leaves_in_order_is_not_lost_and_leaves_its_journal(cluster: Cluster) -> None:
    b = cluster.member("b")
    with cluster.member("a").joined():
        assert cluster.states()["a"] is NodeState.UP
        journal_file(cluster.spool("a"), "a1")
    assert cluster.states()["a"] is NodeState.STOPPED
    cluster.passes(BEAT_S, b)
    assert cluster.spool("b").associations() == ("a1",)
    assert cluster.lost() == []


def test_what_a_node_left_that_was_alone_is_taken_over_when_it_becomes_one_of_several(cluster: Cluster) -> None:
    alone = cluster.spool(None)
    alone.create()
    journal_file(alone, "before")
    with alone.locked(), pytest.raises(UptakeError, match="Another node works in the spool"):
        cluster.member("a")
    cluster.member("a")
    assert cluster.spool("a").associations() == ("before",)
    assert not alone.incoming.exists()
