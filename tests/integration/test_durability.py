"""A name that is taken away, or a report that is recorded, stands for a file that survives a power cut."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db.states import StudyState
from dicom_io.scanner.study import WrittenStudy
from node import worker

Write = Callable[..., WrittenStudy]
Event = tuple[str, Path]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What is linked, made durable (fsync(2)) and removed, in its order."""
    seen: list[Event] = []
    fsync, link, unlink = os.fsync, os.link, Path.unlink

    def note_fsync(descriptor: int) -> None:
        seen.append(("durable", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def note_link(source: Path, name: Path) -> None:
        seen.append(("linked", name))
        link(source, name)

    def note_unlink(path: Path, missing_ok: bool = False) -> None:
        seen.append(("removed", path))
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "link", note_link)
    monkeypatch.setattr(Path, "unlink", note_unlink)
    return seen


def test_a_file_leaves_the_journal_when_its_other_name_is_durable(node, write: Write, events: list[Event]) -> None:
    node.receive(write().pet_files[:3])
    journal = list(node.spool.journal())
    events.clear()
    node.intake.step()
    kept = [path for what, path in events if what == "linked"]
    first_removal = min(events.index(("removed", file)) for file in journal)
    assert len(kept) == len(journal)
    for name in kept:
        linked = events.index(("linked", name))
        for folder in (name.parent, name.parent.parent):
            assert ("durable", folder) in events[linked:first_removal]


def test_a_report_is_recorded_when_its_files_and_their_names_are_durable(
    node, write: Write, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_report, durable = worker.record_report, []

    def note(*arguments: Any) -> Any:
        durable.extend(path for what, path in events if what == "durable")
        return record_report(*arguments)

    monkeypatch.setattr(worker, "record_report", note)
    study = write()
    node.receive(study.files)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED
    files = [node.spool.folder / result.path for result in node.study(study.study_uid).reports[0].results]
    assert files
    for file in files:
        assert {file, file.parent, file.parent.parent, file.parent.parent.parent} <= set(durable)
