"""What runs on the machine while it has power: a node whose spool is the machine's disk, a modality and a PACS.

These two stand for other machines: what they write lies on hostfs and survives.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dicom_io.digest import dataset_digest
from dicom_io.network.sender import SendOutcome, send
from node.rehearsal import PACS_AE_TITLE, Rehearsal, rehearse
from tests.soak.rehearsed import SETTINGS, wait_until_delivered

DELIVERED_WITHIN_S = 300.0


class Modality:
    """Sends instances until they are acknowledged, and then never again; notes each with the digest of what it sent."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self.acknowledged = acknowledged(notes)

    def send(self, rehearsal: Rehearsal, files: Sequence[Path]) -> None:
        while waiting := [file for file in files if dataset_digest(file) not in self.acknowledged]:
            send(rehearsal.node, waiting, PACS_AE_TITLE, self._note)
            time.sleep(0.2)

    def _note(self, outcome: SendOutcome) -> None:
        if outcome.reason is None:
            digest = dataset_digest(outcome.path)
            with self._notes.open("ab", buffering=0) as notes:
                notes.write(f"{digest} {outcome.sop_instance_uid}\n".encode())
            self.acknowledged[digest] = str(outcome.sop_instance_uid)


def acknowledged(notes: Path) -> dict[str, str]:
    """The SOP Instance UIDs of what was acknowledged, by the digest of what was sent."""
    return dict(line.split() for line in notes.read_text().splitlines()) if notes.exists() else {}


def main(folder: Path, port_base: int) -> None:
    """Send the studies that ``folder`` names, as far as they are not sent yet, and wait until all are delivered."""
    studies: dict[str, list[str]] = json.loads((folder / "studies.json").read_text(encoding="utf-8"))
    modality = Modality(folder / "acknowledged")
    with rehearse(folder, port_base, SETTINGS) as rehearsal:
        for files in studies.values():
            modality.send(rehearsal, [Path(file) for file in files])
        wait_until_delivered(rehearsal, studies, DELIVERED_WITHIN_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
