"""The spool's disk: how much of it is free, and from when on that is too little."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import structlog

from config.reasons import Reason, Remark
from config.settings import Settings
from dicom_io.network.admission import Refusal

log = structlog.get_logger()

MIB = 1024 * 1024

CONGESTED = (2, 3, 1)
"""Rejected-transient, temporary congestion: result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Section 9.3.4)."""


@dataclass(frozen=True, slots=True)
class Watermarks:
    """What is to be said of the file system that holds a folder.

    Below the first mark somebody is warned, below the second associations are refused, below the last instances.
    """

    folder: Path
    warn_below_mb: int
    congested_below_mb: int
    refuse_below_mb: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the spool."""
        disk, spool = settings.disk, settings.spool
        return cls(spool.folder.absolute(), disk.warn_below_mb, disk.refuse_below_mb, spool.minimum_free_mb)

    def congestion(self) -> Refusal | None:
        """Why an association is to be rejected for the time being: rejected-transient, temporary congestion."""
        shortage = replace(self, refuse_below_mb=self.congested_below_mb).shortage()
        return Refusal(shortage, CONGESTED) if shortage is not None and shortage.reason is Reason.DISK_FULL else None

    def shortage(self) -> Remark | None:
        """DISK_FULL where instances are refused, DISK_LOW where they soon will be, None where there is room."""
        try:
            free_mb = self.free_bytes() // MIB
        except OSError as error:
            return Remark(Reason.DISK_FULL, f"{self.folder} can't be used: {error.strerror or error}.")
        for mark_mb, reason in ((self.refuse_below_mb, Reason.DISK_FULL), (self.warn_below_mb, Reason.DISK_LOW)):
            if free_mb < mark_mb:
                return Remark(reason, f"{free_mb} MiB are free, {mark_mb} should be.")
        return None

    def free_bytes(self) -> int:
        """What a user who is not root may still write. Raises ``OSError`` if that can't be found out."""
        return shutil.disk_usage(self.folder).free


class DiskWatch:
    """Tells the log when free space passes a mark, once each way."""

    def __init__(self, watermarks: Watermarks) -> None:
        self._watermarks = watermarks
        self._said: Reason | None = None

    def look(self) -> None:
        """Find out, and say so if it is news."""
        shortage = self._watermarks.shortage()
        reason = None if shortage is None else shortage.reason
        if reason is self._said:
            return
        self._said = reason
        if shortage is None:
            log.info("disk has room again")
        else:
            log.warning("disk short", reason=shortage.reason, detail=shortage.detail)
