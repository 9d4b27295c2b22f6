"""The spool: where received instances and results lie. Paths are made of digests, never of what a header says."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from config.reasons import UptakeError
from config.settings import Settings
from db.states import AssociationOutcome
from dicom_io.durable import sync_path

_ENDED = {outcome: f"{outcome}.end" for outcome in AssociationOutcome}


@dataclass(frozen=True, slots=True)
class Spool:
    """One folder: ``incoming`` is the listener's journal, the others are where intake and analysis put things.

    Nodes of a cluster share it. What belongs to ``node`` alone then lies in ``own``, a folder within.
    """

    folder: Path
    node: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that the settings name."""
        return cls(settings.spool.folder.absolute(), settings.cluster.node if settings.cluster.enabled else None)

    def of_node(self, node: str | None) -> Self:
        """The same spool as another node of the cluster, or a node without a cluster, has it."""
        return replace(self, node=node)

    @property
    def own(self) -> Path:
        return self.folder if self.node is None else self.folder / "nodes" / self.node

    @property
    def incoming(self) -> Path:
        return self.own / "incoming"

    @property
    def answers(self) -> Path:
        """Where acknowledged answers to requests for commitment wait to be put on record."""
        return self.own / "commitments"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected"

    def create(self) -> None:
        """Make the folders, private to the service user."""
        shared = (self.rejected, self.folder / "studies", self.folder / "results")
        own = (self.own.parent, self.own) if self.node else ()
        for folder in (self.folder, *own, self.incoming, *shared):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def study_file(self, study_uid: str, digest: str) -> Path:
        return self.folder / "studies" / _name(study_uid) / f"{digest}.dcm"

    def result_folder(self, study_uid: str, revision: int) -> Path:
        return self.folder / "results" / _name(study_uid) / f"{revision:04d}"

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def journal(self) -> Iterator[Path]:
        """Acknowledged instances that intake has not taken yet, in the order in which they came."""
        for association in sorted(self.incoming.iterdir()):
            yield from sorted(association.glob("*.dcm"))

    def end_association(self, association_id: str, outcome: AssociationOutcome) -> bool:
        """Note in the journal that nothing more will come of an association; False if it brought nothing."""
        mark = self.incoming / association_id / _ENDED[outcome]
        if not mark.parent.is_dir():
            return False
        mark.touch()
        sync_path(mark.parent)
        return True

    def taken_associations(self) -> Iterator[tuple[str, AssociationOutcome]]:
        """Associations that have ended and of which intake has taken everything."""
        for folder in sorted(self.incoming.iterdir()):
            marks = [outcome for outcome, name in _ENDED.items() if (folder / name).exists()]
            if marks and next(folder.glob("*.dcm"), None) is None:
                yield folder.name, marks[0]

    def forget_association(self, association_id: str) -> None:
        """Remove the journal folder of an association whose end is on record."""
        folder = self.incoming / association_id
        for name in _ENDED.values():
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()

    def lose_open_associations(self) -> None:
        """Note the end of all that were open when the node last stopped."""
        for association_id in self.associations():
            self._lose(association_id)

    def associations(self) -> tuple[str, ...]:
        """The ids of those in the journal, in the order in which they were opened."""
        return tuple(sorted(folder.name for folder in self.incoming.iterdir())) if self.incoming.is_dir() else ()

    def is_empty(self) -> bool:
        """Whether nothing waits in the journal, and no answer."""
        return not self.associations() and next(self.answers.glob("*.json"), None) is None

    def adopt(self, left: "Spool") -> None:
        """Take over the journal and the answers of a node that does not write to them any more.

        Should it do so all the same, it finds the folder of the association gone, and its answer is a failure.
        """
        for association_id in left.associations():
            folder = (left.incoming / association_id).rename(self.incoming / association_id)
            for part in folder.glob("*.part"):
                part.unlink()
            self._lose(association_id)
        self.answers.mkdir(mode=0o700, exist_ok=True)
        for answer in left.answers.glob("*.json"):
            answer.rename(self.answers / answer.name)
        for folder in (self.incoming, self.answers, left.incoming):
            sync_path(folder)

    def adopt_from_before(self) -> None:
        """Take over what a node left that worked in the spool alone, before there was a cluster.

        Raises ``UptakeError`` if it still does.
        """
        alone = self.of_node(None)
        if alone.incoming.is_dir():
            with alone.locked():
                self.adopt(alone)
                alone.incoming.rmdir()

    def touch(self) -> None:
        """Raise ``OSError``, or wait, as long as nothing can be written to what belongs to this node."""
        os.utime(self.own)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the spool for one node; raises ``UptakeError`` if another one has it."""
        with (self.own / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UptakeError(f"Another node works in the spool {self.own.absolute()}; stop it first.") from None
            yield

    def _lose(self, association_id: str) -> None:
        if not any((self.incoming / association_id / name).exists() for name in _ENDED.values()):
            self.end_association(association_id, AssociationOutcome.LOST)


def link_durably(names: Iterable[tuple[Path, Path]]) -> None:
    """Give files second names that survive a power cut; nothing happens to a name that is there already."""
    folders = set()
    for file, name in names:
        name.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(file, name)
        folders |= {name.parent, name.parent.parent}
    for folder in folders:
        sync_path(folder)


def sync(folder: Path, files: Iterable[Path]) -> None:
    """Make files and their folder's path durable."""
    for path in (*files, folder, folder.parent, folder.parent.parent):
        sync_path(path)


def _name(study_uid: str) -> str:
    return hashlib.sha256(study_uid.encode()).hexdigest()[:32]
