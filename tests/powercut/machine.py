"""A machine whose power can be cut: User-Mode Linux, a Linux kernel that is an ordinary process of this machine.

Its root is this machine's file system (hostfs), with the rights of whoever runs it, and what it writes there is here at
once. Its disk is a file. Whoever kills it takes what its kernel held in memory, and leaves on the disk what it had
written there: a power cut. A disk that itself forgets what it has not been told to flush is not made here.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("linux.uml", "mkfs.ext4", "e2fsck", "debugfs", "ip")
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
BOOT = Path(__file__).with_name("boot.sh")
BOOTS_WITHIN_S = 30.0


def tool(name: str) -> str:
    """Where a program lies, also one that is meant for root; its bare name if it is not there."""
    return shutil.which(name, path=PATH) or name


def make_disk(image: Path, size_mb: int) -> None:
    """An empty ext4 file system in a sparse file, its root owned by whoever runs the machine."""
    owner = f"root_owner={os.getuid()}:{os.getgid()}"
    subprocess.run(
        [tool("mkfs.ext4"), "-q", "-F", "-E", owner, str(image), f"{size_mb}M"], check=True, capture_output=True
    )


def is_whole(image: Path) -> bool:
    """Whether nothing is wrong with the file system on a disk; nothing is repaired."""
    return subprocess.run([tool("e2fsck"), "-fn", str(image)], capture_output=True).returncode == 0


def copy_from_disk(image: Path, folder: Path) -> None:
    """All that lies on a disk, into a folder that is there; the machine must be off."""
    for name in _names(image):
        copy = f'rdump "/{name}" "{folder}"'
        subprocess.run([tool("debugfs"), "-R", copy, str(image)], check=True, capture_output=True)


@dataclass
class Machine:
    """Its disk is mounted at ``mounted`` while it is on. Its console is appended to a log."""

    disk: Path
    mounted: Path
    console: Path
    memory_mb: int = 2048
    process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str]) -> None:
        """Power on: the disk is mounted, its journal replayed, a command run; after that the machine is off."""
        kernel = [f"mem={self.memory_mb}M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "quiet"]
        terminals = ["con=null", "con0=null,fd:1"]
        init = [f"ubd0={self.disk}", f"init={BOOT}", "--", str(self.mounted), *command]
        with self.console.open("ab") as log:
            self.process = subprocess.Popen(
                [tool("linux.uml"), *kernel, *terminals, *init],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def cut(self) -> bool:
        """Power off, in the middle of whatever it does; whether it was on."""
        assert self.process is not None
        was_on = self.process.poll() is None
        if was_on:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return was_on

    def is_off(self) -> bool:
        """Whether its power is off, or was never on."""
        return self.process is None or self.process.poll() is not None


def why_not(folder: Path) -> str:
    """Why there can be no such machine here, found by trying in a new folder; empty if there can."""
    lacking = [name for name in TOOLS if shutil.which(name, path=PATH) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)} (Debian: user-mode-linux, e2fsprogs, iproute2)"
    machine = Machine(folder / "disk", folder / "mounted", folder / "console.log")
    machine.mounted.mkdir(parents=True)
    make_disk(machine.disk, 16)
    machine.start(["touch", str(machine.mounted / "alive")])
    deadline = time.monotonic() + BOOTS_WITHIN_S
    while not machine.is_off() and time.monotonic() < deadline:
        time.sleep(0.1)
    machine.cut()
    alive = "alive" in _names(machine.disk)
    return "" if alive else f"linux.uml does not boot here: {machine.console.read_text(errors='replace')[-500:]}"


def _names(image: Path) -> list[str]:
    """What lies in the root of a disk."""
    listed = subprocess.run([tool("debugfs"), "-R", "ls -p /", str(image)], check=True, capture_output=True, text=True)
    names = [line.split("/")[5] for line in listed.stdout.splitlines() if line.startswith("/")]
    return [name for name in names if name not in (".", "..", "lost+found")]
