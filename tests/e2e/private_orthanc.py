"""An Orthanc of a test's own, with a Lua script, on ports of its own."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread

from config.settings import Destination
from dicom_io.network.sender import echo
from tests.e2e.conftest import free_port, wait_for

EXECUTABLE = shutil.which("Orthanc")


@dataclass(frozen=True)
class PrivateOrthanc:
    """``address`` is its DICOM peer."""

    address: Destination
    http_port: int

    def ask(self, method: str, path: str, body: Any) -> Any:
        """What its REST interface answers; text is sent as it is, anything else as JSON."""
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", content, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    def has(self, sop_instance_uid: str) -> bool:
        return bool(self.ask("POST", "/tools/lookup", sop_instance_uid))

    def introduce(self, node: Destination) -> None:
        """Let it know a node, by its AE title."""
        self.ask("PUT", f"/modalities/{node.ae_title}", [node.ae_title, node.host, node.port])

    def send(self, files: Sequence[Path], node: Destination) -> None:
        """Of what it has, these, on one association."""
        uids = [str(dcmread(file, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for file in files]
        found = [self.ask("POST", "/tools/lookup", uid)[0]["ID"] for uid in uids]
        sent = self.ask("POST", f"/modalities/{node.ae_title}/store", {"Resources": found, "Synchronous": True})
        assert sent["FailedInstancesCount"] == 0


@contextmanager
def running_orthanc(folder: Path, ae_title: str, lua: str = "") -> Iterator[PrivateOrthanc]:
    """Orthanc with all that it writes below a new ``folder``, until the end of the block."""
    folder.mkdir()
    address = Destination(name=ae_title.lower(), ae_title=ae_title, host="127.0.0.1", port=free_port())
    started = PrivateOrthanc(address, free_port())
    settings = {
        "StorageDirectory": f"{folder}/db",
        "IndexDirectory": f"{folder}/db",
        "Plugins": [],
        "LuaScripts": [f"{folder}/script.lua"],
        "HttpPort": started.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": ae_title,
        "DicomPort": address.port,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowStore": True,
        "OverwriteInstances": True,
        "StableAge": 2,
    }
    (folder / "script.lua").write_text(lua)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        command = [str(EXECUTABLE), "--verbose", str(folder / "orthanc.json")]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TCP_NODELAY": "1"})
    try:
        wait_for(lambda: echo(address, "BENCH").is_success, "Orthanc answers", 120)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=60)
