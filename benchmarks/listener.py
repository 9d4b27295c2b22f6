"""Instances a second that the listener makes durable, beside DCMTK's and pynetdicom's ``storescp`` and Orthanc.

All in one run, in turn, over one association and over two at the same time. DCMTK's ``storescu`` sends 512 × 512 CT
instances over loopback with ``TCP_NODELAY=1``. Only the listener syncs each file and folder before it answers; Orthanc
syncs each file, the others leave that to the operating system. The receiver's processor time tells what a machine that
does other work hides.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.bench import console, machine, table

AE_TITLE = "UPTAKE"
BUDGET_PER_S = {1: 300, 2: 450}
"""Associations at the same time, and the instances a second that are wanted of all of them together."""

STORESCU = "/usr/bin/storescu"
STORESCP = "/usr/bin/storescp"
ORTHANC = shutil.which("Orthanc")
WIRE_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def main() -> None:
    arguments = _arguments()
    if arguments.serve:
        _serve(arguments.serve, arguments.port)
        return
    missing = [tool for tool in (STORESCU, STORESCP) if not Path(tool).is_file()]
    if missing:
        sys.exit(f"DCMTK is needed for this comparison; not found: {', '.join(missing)}.")
    found: dict[tuple[str, int], list[_Measured]] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="listener-benchmark-") as temporary:
        sources = [Path(temporary) / f"source-{number}" for number in BUDGET_PER_S]
        for number, source in enumerate(sources, 1):
            size_mb = write_instances(source, arguments.instances, f"2.25.{number}")
        with console.status("") as status:
            for number in range(arguments.rounds):
                for name, associations in itertools.product(RECEIVERS, BUDGET_PER_S):
                    status.update(f"round {number + 1} of {arguments.rounds}: {name}, {associations}")
                    received = Path(temporary) / "received"
                    measured = _measure(name, sources[:associations], received, associations * arguments.instances)
                    found.setdefault((name, associations), []).append(measured)
    report = {
        "benchmark": "listener",
        "machine": machine(),
        "instances": arguments.instances,
        "instance_mb": round(size_mb, 3),
        "load_average": round(os.getloadavg()[0], 2),
        "receivers": [
            {
                "receiver": name,
                "associations": associations,
                "instances_per_s": [round(each.rate_per_s, 1) for each in rounds],
                "median_instances_per_s": round(statistics.median(each.rate_per_s for each in rounds), 1),
                "processor_ms_per_instance": round(statistics.median(each.processor_ms for each in rounds), 2),
            }
            for (name, associations), rounds in found.items()
        ],
    }
    _show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Measured:
    """``processor_ms``: of the receiver, for an instance."""

    rate_per_s: float
    processor_ms: float


def _ours(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.listener", "--serve", str(folder), "--port", str(port)]


def _dcmtk(port: int, folder: Path) -> list[str]:
    return [STORESCP, "-aet", AE_TITLE, "--max-pdu", "131072", "-od", str(folder), str(port)]


def _pynetdicom(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "pynetdicom", "storescp", "-q", "--max-pdu", "131072", "-od", str(folder), str(port)]


def _orthanc(port: int, folder: Path) -> list[str]:
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "MaximumPduLength": 131072,
        "Plugins": [],
    }
    path = folder.with_name("orthanc.json")
    path.write_text(json.dumps(settings), encoding="utf-8")
    return [str(ORTHANC), "--logfile=/dev/null", str(path)]


RECEIVERS = {
    "uptake listener (fsync)": _ours,
    "DCMTK storescp": _dcmtk,
    "pynetdicom storescp": _pynetdicom,
    **({"Orthanc": _orthanc} if ORTHANC else {}),
}


def _measure(name: str, sources: list[Path], folder: Path, expected: int) -> _Measured:
    with _running(name, folder) as (receiver, port):
        processor_s = sum(receiver.cpu_times()[:2])
        started = time.perf_counter()
        command = [STORESCU, "-q", "-aec", AE_TITLE, "--max-pdu", "131072", "127.0.0.1", str(port), "+sd"]
        senders = [subprocess.Popen([*command, str(source)], env=WIRE_ENVIRONMENT) for source in sources]
        if any(sender.wait() for sender in senders):
            sys.exit(f"Sending to {name} failed.")
        seconds = time.perf_counter() - started
        processor_s = sum(receiver.cpu_times()[:2]) - processor_s
    received = sum(1 for path in folder.rglob("*") if path.is_file() and _is_dicom(path))
    shutil.rmtree(folder)
    if received != expected:
        sys.exit(f"{name} kept {received} of {expected} instances.")
    return _Measured(expected / seconds, processor_s / expected * 1000)


def _is_dicom(path: Path) -> bool:
    """Whether it is a Part 10 file (PS3.10 Section 7.1): Orthanc keeps its index beside them."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


@contextmanager
def _running(name: str, folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    folder.mkdir()
    port = _free_port()
    process = subprocess.Popen(RECEIVERS[name](port, folder), env=WIRE_ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        _wait_until_listening(process, port)
        yield psutil.Process(process.pid), port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _serve(folder: Path, port: int) -> None:
    from config.reasons import Remark
    from config.settings import Listener as Settings
    from dicom_io.network.listener import AssociationInfo, Listener, Outcome

    class Unheard:
        def association_opened(self, association: AssociationInfo) -> None: ...

        def association_closed(self, association: AssociationInfo, outcome: Outcome, stored: int) -> None: ...

        def association_rejected(self, association: AssociationInfo, remark: Remark) -> None: ...

        def instance_refused(self, association: AssociationInfo, sop_instance_uid: str, remark: Remark) -> None: ...

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Listener(Settings(ae_title=AE_TITLE, port=port), folder, 64, Unheard()):
        while True:
            signal.pause()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("The receiver did not start.")


def write_instances(folder: Path, count: int, study_uid: str) -> float:
    """Write CT instances of noise, which no file system compresses; the size of one in MB."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(1, count + 1):
        instance = Dataset()
        instance.SOPClassUID = CTImageStorage
        instance.SOPInstanceUID = f"{study_uid}.1.{number}"
        instance.StudyInstanceUID, instance.SeriesInstanceUID = study_uid, f"{study_uid}.1"
        instance.PatientName, instance.PatientID, instance.Modality = "BENCHMARK", "BENCHMARK", "CT"
        instance.StudyDate = instance.StudyTime = instance.AccessionNumber = instance.StudyID = ""
        instance.InstanceNumber = number
        instance.ImagePositionPatient, instance.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
        instance.PixelSpacing, instance.SliceThickness = [1, 1], 1
        instance.Rows = instance.Columns = 512
        instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
        instance.BitsAllocated, instance.BitsStored, instance.HighBit, instance.PixelRepresentation = 16, 12, 11, 0
        instance.RescaleSlope, instance.RescaleIntercept = 1, -1024
        instance.PixelData = generator.integers(0, 4096, (512, 512), dtype=np.uint16).tobytes()
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        instance.save_as(folder / f"{number:05d}.dcm", enforce_file_format=True)
    return (folder / "00001.dcm").stat().st_size / 1e6


def _show(report: dict[str, Any]) -> None:
    title = f"{report['instances']} CT instances of {report['instance_mb']} MB an association, TCP_NODELAY=1"
    columns = ("receiver", "associations", "instances/s, median", "rounds", "processor ms an instance", "wanted")
    rows = table(title, *columns)
    for line in report["receivers"]:
        wanted = f"{BUDGET_PER_S[line['associations']]} /s" if RECEIVERS[line["receiver"]] is _ours else ""
        rows.add_row(
            line["receiver"],
            str(line["associations"]),
            f"{line['median_instances_per_s']:.0f}",
            "  ".join(f"{rate:.0f}" for rate in line["instances_per_s"]),
            f"{line['processor_ms_per_instance']:.2f}",
            wanted,
        )
    console.print(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
