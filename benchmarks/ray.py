"""Analysis on a Ray cluster: ``python -m benchmarks.ray [--json FILE]``.

The cluster has a head with the node's workers and two nodes with the actors, all on this machine, each with an object
store of its own, so that volumes are copied from one to another. First, what the way there and back costs of volumes of
a whole body, alone and beside the analysis itself. Second, studies in an hour by 1 to 4 workers with a network of fixed
cost: claimed, read, quantified, encoded, written and recorded as in a node, in SQLite, or in the PostgreSQL that
``UPTAKE_TEST_POSTGRESQL_URL`` names.
"""

import argparse
import json
import multiprocessing
import os
import pickle
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

# Read when Ray is imported: nothing listens beyond loopback.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from pydantic import SecretStr
from ray.cluster_utils import Cluster

from benchmarks.bench import console, databases, machine, table
from benchmarks.intake import acknowledge
from benchmarks.ray_workers import ANSWER, NETWORK_S, Echo, work
from benchmarks.whole_body import ct_grid, pet_grid
from config.settings import Compute, Logging, Settings
from config.settings import Database as DatabaseSettings
from config.settings import Spool as SpoolSettings
from config.tracers import PROFILES, Tracer
from config.volume import Volume
from db.audit_actions import AuditAction
from db.queries import audit_events
from db.session import Database
from db.upgrade import upgrade
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import StudyPlan, write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.options import Options
from inference.patient.patient import DigitalPatient, Grid
from node.completeness import Completeness
from node.compute import Compute as ComputeProtocol
from node.intake import Intake
from node.log import configure
from node.models import Models
from node.names import utc_now
from node.ray_analyst import Analyst
from node.ray_cluster import RayCluster
from node.spool import Spool

PET_COLUMNS, CT_COLUMNS = 200, 512
GRID = Grid.axial((48, 64, 64), (9.0, 8.1, 8.1), (0.0, 0.0, 40.0))
"""Of the studies of the second part: small, since one machine reads and encodes for all workers."""

OPTIONS = Options(PROFILES[Tracer.FDG])
STORE_BYTES = 2**30
ROUND_TRIPS, ANALYSES = 9, 3
STUDIES = 12
WORKERS = (1, 2, 4)


@dataclass(frozen=True)
class Throughput:
    """So many workers, the seconds from the last one's first report to the last of all, and their processor time."""

    engine: str
    workers: int
    seconds: float
    cpu_s: float

    @property
    def per_hour(self) -> float:
        return (STUDIES - self.workers) / self.seconds * 3600.0


def main() -> None:
    """Print both parts; write them where ``--json`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    chosen = parser.parse_args()
    configure(Logging(level="warning"))
    with TemporaryDirectory() as folder, running_cluster() as address:
        measured = {"machine": machine(), "overhead": overhead(Path(folder), address)}
        measured["throughput"] = throughput(Path(folder), address)
    if chosen.json:
        chosen.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


@contextmanager
def running_cluster() -> Iterator[str]:
    """The address of a cluster of a head without room for actors and two nodes with room for two each."""
    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=2, object_store_memory=STORE_BYTES)
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def overhead(folder: Path, address: str) -> dict[str, float]:
    """Seconds of an analysis of a whole body here and on the cluster, and of the way there and back alone."""
    patient = DigitalPatient.default(seed=1)
    suv, ct = patient.suv(pet_grid(PET_COLUMNS)), patient.ct(ct_grid(CT_COLUMNS))
    settings = settings_of(folder, address)
    here = Models(settings)
    (folder / ANSWER).write_bytes(pickle.dumps(here.analyse(suv, ct, OPTIONS)))
    trips = times(RayCluster(settings, {}, Echo), suv, ct, ROUND_TRIPS)
    there = RayCluster(settings, {}, Analyst)
    there.ready()
    pairs = [(times(here, suv, ct, 1), times(there, suv, ct, 1)) for _ in range(ANALYSES)]
    ray.shutdown()
    found = {
        "volumes_mb": (suv.values.nbytes + ct.values.nbytes) / 1e6,
        "round_trip_s": statistics.median(trips),
        "longest_round_trip_s": max(trips),
        "analysis_here_s": min(one for (one,), _ in pairs),
        "analysis_there_s": min(one for _, (one,) in pairs),
    }
    rows = table(f"PET {PET_COLUMNS}² and CT {CT_COLUMNS}² × 336, {found['volumes_mb']:.0f} MB", "what", "seconds")
    rows.add_row(f"there and back, median of {ROUND_TRIPS}", f"{found['round_trip_s']:.2f}")
    rows.add_row("there and back, longest", f"{found['longest_round_trip_s']:.2f}")
    rows.add_row(f"analysis without weights in this process, least of {ANALYSES}", f"{found['analysis_here_s']:.2f}")
    rows.add_row(f"analysis without weights on the cluster, least of {ANALYSES}", f"{found['analysis_there_s']:.2f}")
    console.print(rows)
    return found


def times(compute: ComputeProtocol, suv: Volume, ct: Volume, rounds: int) -> list[float]:
    compute.ready()
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        compute.analyse(suv, ct, OPTIONS)
        seconds.append(time.perf_counter() - begin)
    return seconds


def throughput(folder: Path, address: str) -> list[dict[str, float | str]]:
    """Studies by one worker that computes itself, and by ever more that have it computed."""
    patient = DigitalPatient.default(seed=3)
    suv, ct = patient.suv(GRID), patient.ct(GRID)
    answer = pickle.dumps(Models(Settings()).analyse(suv, ct, OPTIONS))
    studies = [write_small(folder / f"study{number}", number, patient, suv, ct) for number in range(STUDIES)]
    engines = [("local", "", 1), *(("ray", address, workers) for workers in WORKERS)]
    runs = [
        Throughput(engine, workers, *run(folder / f"{engine}{workers}", of_cluster, workers, studies, answer))
        for engine, of_cluster, workers in engines
    ]
    first = runs[1].per_hour
    title = f"{STUDIES} studies with a network of {NETWORK_S:.0f} s, {database_kind()}"
    rows = table(
        title,
        "engine",
        "workers",
        "first round to last report, s",
        "studies/h",
        "CPU s of the node for each",
        "efficiency",
    )
    for one in runs:
        efficiency = f"{one.per_hour / first / one.workers:.0%}" if one.engine == "ray" else ""
        rows.add_row(
            one.engine,
            str(one.workers),
            f"{one.seconds:.1f}",
            f"{one.per_hour:.0f}",
            f"{one.cpu_s / STUDIES:.2f}",
            efficiency,
        )
    console.print(rows)
    return [{**vars(one), "studies_per_hour": one.per_hour} for one in runs]


def run(folder: Path, address: str, workers: int, studies: list[Path], answer: bytes) -> tuple[float, float]:
    """Seconds as in `Throughput`, by the audit trail, and processor time of the workers."""
    with database_url(folder) as url:
        settings = settings_of(folder / "spool", address, url, workers)
        upgrade(url)
        database = Database.open(url)
        receive(database, settings, studies)
        (settings.spool.folder / ANSWER).write_bytes(answer)
        spawn = multiprocessing.get_context("spawn")
        start, cpu_s = spawn.Barrier(workers), spawn.Value("d", 0.0)
        processes = [spawn.Process(target=work, args=(settings, number + 1, start, cpu_s)) for number in range(workers)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        with database.reading() as session:
            recorded = sorted(event.at for event in audit_events(session, action=AuditAction.REPORT_RECORDED))
        database.close()
    if len(recorded) != STUDIES:
        raise SystemExit(f"{len(recorded)} reports were recorded, of {STUDIES}.")
    return (recorded[-1] - recorded[workers - 1]).total_seconds(), cpu_s.value


def settings_of(folder: Path, address: str, url: str = "", workers: int = 1) -> Settings:
    compute = Compute(engine="ray", address=address, workers=workers) if address else Compute()
    return Settings(
        spool=SpoolSettings(folder=folder),
        database=DatabaseSettings(url=SecretStr(url)),
        logging=Logging(level="warning"),
        compute=compute,
    )


@contextmanager
def database_url(folder: Path) -> Iterator[str]:
    """Of an empty database."""
    folder.mkdir()
    for kind, url in databases(folder):
        if kind == database_kind():
            yield url


def database_kind() -> str:
    return "PostgreSQL" if "UPTAKE_TEST_POSTGRESQL_URL" in os.environ else "SQLite"


def write_small(folder: Path, number: int, patient: DigitalPatient, suv: Volume, ct: Volume) -> Path:
    identity = PatientIdentity(
        name="Bench^Digital Patient",
        patient_id=f"BENCH-{number}",
        birth_date=date(1960, 1, 1),
        sex=patient.sex.value,
        weight_kg=patient.weight_kg,
        size_m=patient.height_m,
    )
    return write_study(folder, identity, ct, suv, SIEMENS, plan=StudyPlan(seed=f"bench {number}")).folder


def receive(database: Database, settings: Settings, studies: list[Path]) -> None:
    """As a listener would: into the journal, each study on an association of its own; then until all are complete."""
    spool = Spool(settings.spool.folder)
    spool.create()
    for number, study in enumerate(studies):
        acknowledge(spool, f"association-{number:04d}", sorted(study.rglob("*.dcm")))
    steps = (
        Intake(database, spool, "bench", utc_now).step,
        Completeness(database, spool, settings, utc_now, {}).step,
    )
    while any(step() for step in steps):
        pass


if __name__ == "__main__":
    main()
