from pathlib import Path

import pytest

from config.reasons import UptakeError
from db.states import AssociationOutcome
from node.spool import Spool, link_durably


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool")
    made.create()
    return made


def journal_file(spool: Spool, association: str, sequence: int) -> Path:
    file = spool.incoming / association / f"{sequence:06d}.dcm"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    return file


def test_folders_are_private_to_the_service_user(spool: Spool) -> None:
    assert {oct(folder.stat().st_mode & 0o777) for folder in spool.folder.iterdir()} == {"0o700"}


def test_the_journal_is_in_order_of_arrival(spool: Spool) -> None:
    later, earlier = journal_file(spool, "a2", 1), [journal_file(spool, "a1", n) for n in (1, 2, 10)]
    assert list(spool.journal()) == [*earlier, later]


def test_a_half_written_file_is_not_in_the_journal(spool: Spool) -> None:
    journal_file(spool, "a1", 1).rename(spool.incoming / "a1" / "000001.part")
    assert list(spool.journal()) == []


def test_the_end_of_an_association_is_taken_after_its_last_instance(spool: Spool) -> None:
    file = journal_file(spool, "a1", 1)
    spool.end_association("a1", AssociationOutcome.ABORTED)
    assert list(spool.taken_associations()) == []
    file.unlink()
    assert list(spool.taken_associations()) == [("a1", AssociationOutcome.ABORTED)]
    spool.forget_association("a1")
    assert list(spool.incoming.iterdir()) == []


def test_an_open_association_is_not_taken(spool: Spool) -> None:
    journal_file(spool, "a1", 1).unlink()
    assert list(spool.taken_associations()) == []


def test_what_was_open_when_the_node_stopped_is_lost(spool: Spool) -> None:
    journal_file(spool, "a1", 1).unlink()
    journal_file(spool, "a2", 1).unlink()
    spool.end_association("a2", AssociationOutcome.RELEASED)
    spool.lose_open_associations()
    ends = list(spool.taken_associations())
    assert ends == [("a1", AssociationOutcome.LOST), ("a2", AssociationOutcome.RELEASED)]


def test_paths_do_not_contain_what_a_header_says(spool: Spool) -> None:
    hostile = "../../etc/passwd"
    assert spool.study_file(hostile, "ab" * 32).resolve().is_relative_to(spool.folder.resolve())
    assert spool.result_folder(hostile, 1).resolve().is_relative_to(spool.folder.resolve())


def test_two_nodes_cannot_share_a_spool(spool: Spool) -> None:
    with spool.locked(), pytest.raises(UptakeError, match="Another node"), spool.locked():
        pass


def test_a_linked_file_is_the_same_file(spool: Spool) -> None:
    source = journal_file(spool, "a1", 1)
    target = spool.study_file("1.2.3", "0" * 64)
    link_durably([(source, target)])
    assert source.samefile(target)


def test_linking_twice_keeps_the_first(spool: Spool) -> None:
    target = spool.study_file("1.2.3", "0" * 64)
    link_durably([(journal_file(spool, "a1", 1), target)])
    inode = target.stat().st_ino
    link_durably([(journal_file(spool, "a1", 2), target)])
    assert target.stat().st_ino == inode
