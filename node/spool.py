"""The spool: where received instances and results lie. Paths are made of digests, never of what a header says."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.reasons import UptakeError
from db.states import AssociationOutcome
from dicom_io.durable import sync_path

_ENDED = {outcome: f"{outcome}.end" for outcome in AssociationOutcome}


@dataclass(frozen=True, slots=True)
class Spool:
    """One folder: ``incoming`` is the listener's journal, the others are where intake and analysis put things."""

    folder: Path

    @property
    def incoming(self) -> Path:
        return self.folder / "incoming"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected"

    def create(self) -> None:
        """Make the folders, private to the service user."""
        for folder in (self.folder, self.incoming, self.rejected, self.folder / "studies", self.folder / "results"):
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
        folder.rmdir()

    def lose_open_associations(self) -> None:
        """Note the end of all that were open when the node last stopped."""
        for folder in self.incoming.iterdir():
            if not any((folder / name).exists() for name in _ENDED.values()):
                self.end_association(folder.name, AssociationOutcome.LOST)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the spool for one node; raises ``UptakeError`` if another one has it."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UptakeError(f"Another node works in the spool {self.folder.absolute()}; stop it first.") from None
            yield


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
