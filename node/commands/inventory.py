"""The instances of one study under a path, as the commands take them."""

from collections import defaultdict
from pathlib import Path

from pydicom import Dataset

from dicom_io.reading.files import Inventory, find_instances
from node.commands.output import errors, fail


def study_headers(path: Path, study_uid: str | None = None, *, quiet: bool = False) -> tuple[list[Dataset], Inventory]:
    """Headers of the one study that lies under ``path``; says what was passed over.

    Ends the command if there is no DICOM, or more than one study and ``study_uid`` names none of them.
    """
    inventory = find_instances(path)
    by_study: dict[str, list[Dataset]] = defaultdict(list)
    for header in inventory.headers:
        by_study[str(header.StudyInstanceUID)].append(header)
    if not quiet:
        report_passed_over(inventory)
    if not by_study:
        fail(f"No DICOM instance was found in {path} ({len(inventory.passed_over)} files passed over).", code=2)
    if study_uid is None and len(by_study) > 1:
        listing = "\n".join(f"  {uid} ({len(headers)} instances)" for uid, headers in sorted(by_study.items()))
        fail(f"{path} holds {len(by_study)} studies; name one with --study:\n{listing}")
    wanted = study_uid or next(iter(by_study))
    if wanted not in by_study:
        fail(f"{path} does not hold the study {wanted}.", code=2)
    return by_study[wanted], inventory


def report_passed_over(inventory: Inventory) -> None:
    """One line a reason on standard error, with the first file as an example."""
    by_reason = defaultdict(list)
    for passed in inventory.passed_over:
        by_reason[passed.remark.reason].append(passed)
    for reason, files in by_reason.items():
        errors.print(
            f"passed over {len(files)} × {reason}, e.g. {files[0].path}: {files[0].remark.detail}",
            highlight=False,
            soft_wrap=True,
        )
