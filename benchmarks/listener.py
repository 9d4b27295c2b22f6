"""Instances a second that the listener makes durable, beside DCMTK's and pynetdicom's ``storescp`` in the same run.

DCMTK's ``storescu`` sends 512 × 512 CT instances over loopback with ``TCP_NODELAY=1``. Only the listener syncs each
file and folder before it answers; the others leave that to the operating system.
"""

import argparse
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
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.bench import console, machine, table

AE_TITLE = "UPTAKE"
BUDGET_PER_S = 100
STORESCU = "/usr/bin/storescu"
STORESCP = "/usr/bin/storescp"
WIRE_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def main() -> None:
    arguments = _arguments()
    if arguments.serve:
        _serve(arguments.serve, arguments.port)
        return
    missing = [tool for tool in (STORESCU, STORESCP) if not Path(tool).is_file()]
    if missing:
        sys.exit(f"DCMTK is needed for this comparison; not found: {', '.join(missing)}.")
    rates: dict[str, list[float]] = {name: [] for name in RECEIVERS}
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="listener-benchmark-") as temporary:
        source = Path(temporary) / "source"
        size_mb = _write_instances(source, arguments.instances)
        with console.status("") as status:
            for number in range(arguments.rounds):
                for name in RECEIVERS:
                    status.update(f"round {number + 1} of {arguments.rounds}: {name}")
                    rates[name].append(_measure(name, source, Path(temporary) / "received", arguments.instances))
    report = {
        "benchmark": "listener",
        "machine": machine(),
        "instances": arguments.instances,
        "instance_mb": round(size_mb, 3),
        "load_average": round(os.getloadavg()[0], 2),
        "instances_per_s": {name: [round(rate, 1) for rate in values] for name, values in rates.items()},
        "median_instances_per_s": {name: round(statistics.median(values), 1) for name, values in rates.items()},
    }
    _show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _ours(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.listener", "--serve", str(folder), "--port", str(port)]


def _dcmtk(port: int, folder: Path) -> list[str]:
    return [STORESCP, "-aet", AE_TITLE, "--max-pdu", "131072", "-od", str(folder), str(port)]


def _pynetdicom(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "pynetdicom", "storescp", "-q", "--max-pdu", "131072", "-od", str(folder), str(port)]


RECEIVERS = {
    "uptake listener (fsync)": _ours,
    "DCMTK storescp": _dcmtk,
    "pynetdicom storescp": _pynetdicom,
}


def _measure(name: str, source: Path, folder: Path, expected: int) -> float:
    with _running(name, folder) as port:
        started = time.perf_counter()
        subprocess.run(
            [STORESCU, "-q", "-aec", AE_TITLE, "--max-pdu", "131072", "127.0.0.1", str(port), "+sd", str(source)],
            check=True,
            env=WIRE_ENVIRONMENT,
        )
        seconds = time.perf_counter() - started
    received = sum(1 for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    if received != expected:
        sys.exit(f"{name} kept {received} of {expected} instances.")
    return expected / seconds


@contextmanager
def _running(name: str, folder: Path) -> Iterator[int]:
    folder.mkdir()
    port = _free_port()
    process = subprocess.Popen(RECEIVERS[name](port, folder), env=WIRE_ENVIRONMENT)
    try:
        _wait_until_listening(process, port)
        yield port
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


def _write_instances(folder: Path, count: int) -> float:
    """Write CT instances of noise, which no file system compresses; the size of one in MB."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(1, count + 1):
        instance = Dataset()
        instance.SOPClassUID = CTImageStorage
        instance.SOPInstanceUID = f"2.25.20.{number}"
        instance.StudyInstanceUID, instance.SeriesInstanceUID = "2.25.1", "2.25.2"
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
    title = f"{report['instances']} CT instances of {report['instance_mb']} MB by storescu, TCP_NODELAY=1"
    rows = table(title, "receiver", "instances/s, median", "rounds", "budget")
    for name, rates in report["instances_per_s"].items():
        budget = f"{BUDGET_PER_S} /s" if RECEIVERS[name] is _ours else ""
        rounds = "  ".join(f"{rate:.0f}" for rate in rates)
        rows.add_row(name, f"{report['median_instances_per_s'][name]:.0f}", rounds, budget)
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
