"""Questions to an audit trail of a million events: ``python -m benchmarks.audit``.

In SQLite, and in the PostgreSQL that ``UPTAKE_TEST_POSTGRESQL_URL`` names, in a database of its own. Every question is
asked three times as the command asks it, the question's own event included; the slowest counts.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from benchmarks.bench import console, databases, table
from db.audit import AuditAction, AuditOutcome, record, verify_chain
from db.session import Database
from db.upgrade import upgrade
from node.cli import app

EVENTS = 1_000_000
EVENTS_OF_STUDY = 40
STUDY = "1.2.826.0.1.{}"


def questions() -> dict[str, list[str]]:
    study = STUDY.format(EVENTS // EVENTS_OF_STUDY // 2)
    return {
        "what happened to a study": ["--study", study],
        "what happened to a patient": ["--patient", "P77"],
        "who sent it": ["senders", study],
        "which model said what": ["findings", study],
        "what went where, committed when": ["deliveries", study],
        "what failed in the last week": ["failures", "--days", "7"],
        "all that failed, the newest 1000": ["--outcome", "failure"],
        "what a sender did, the newest 1000": ["--who", "SCANNER 3"],
        "reports of one day": ["--action", "report-recorded", "--since", f"{datetime.now(UTC):%Y-%m-%d}"],
        "the newest 1000 events": [],
        "an action that never was": ["--action", "report-quarantined"],
    }


def fill(database: Database) -> None:
    """A year of studies, a tenth of a percent of whose events are failures."""
    begin = datetime.now(UTC) - timedelta(days=365)
    for first in range(0, EVENTS, 20_000):
        with database.transaction() as session:
            for number in range(first, first + 20_000):
                happened(session, number, begin + timedelta(seconds=365 * 86_400 * number / EVENTS))


def happened(session, number: int, at: datetime) -> None:
    study, step = divmod(number, EVENTS_OF_STUDY)
    who, detail = f"SCANNER {study % 5}", {"revision": 1, "association": f"a{study}", "address": "192.0.2.7"}
    action, outcome, instance = AuditAction.FINDING_RECORDED, AuditOutcome.SUCCESS, None
    detail |= {"number": step, "location": "liver", "suv_max": 5.0, "mtv_ml": 1.0, "tracking_uid": "2.25.1"}
    detail["caption"] = "Focal uptake in segment IV of the liver, SUVmax 5.0, 1.0 ml."
    if step == 0:
        action, detail = AuditAction.INSTANCES_RECEIVED, detail | {"accepted": 600, "duplicates": 0, "conflicts": 0}
    elif step == 1:
        models = {"lesion segmentation": {"name": "fdg", "version": "1", "digest": "c" * 64}}
        said = {"outcome": "lesions", "remarks": [], "models": models, "software_version": "0.1.0"}
        action, detail = AuditAction.REPORT_RECORDED, detail | said
    elif step > 30:
        failed = number % 1000 == 999
        action = AuditAction.RESULT_NOT_SENT if failed else AuditAction.RESULT_SENT
        outcome = AuditOutcome.FAILURE if failed else AuditOutcome.SUCCESS
        instance, detail = f"2.25.{number}", detail | {"destination": "pacs", "of_revision": 1, "attempt": 1}
    uid, patient = STUDY.format(study), f"P{study % 20_000}"
    record(
        session,
        action,
        outcome,
        at,
        who=who,
        study_uid=uid,
        sop_instance_uid=instance,
        patient_id=patient,
        detail=detail,
    )


def measure(name: str, url: str) -> None:
    upgrade(url)
    database = Database.open(url)
    begun = time.perf_counter()
    fill(database)
    filled_s = time.perf_counter() - begun
    times = table(f"{name}: questions to {EVENTS:,} audit events", "question", "answers", "s", "s of CPU")
    os.environ["UPTAKE_DATABASE__URL"] = url
    for question, arguments in questions().items():
        answers, taken_s, cpu_s = ask(arguments)
        times.add_row(question, str(answers), f"{taken_s:.2f}", f"{cpu_s:.2f}")
    console.print(times)
    begun = time.perf_counter()
    with database.reading() as session:
        broken = verify_chain(session)
    console.print(
        f"written in {filled_s:.0f} s, verified in {time.perf_counter() - begun:.0f} s, first broken link: {broken}"
    )
    database.close()


def ask(arguments: list[str]) -> tuple[int, float, float]:
    """How many answers there are, and the slowest of three in seconds, of a clock and of this process."""
    taken_s, cpu_s = [], []
    for _ in range(3):
        clock, cpu = time.perf_counter(), time.process_time()
        result = CliRunner().invoke(app, ["audit", *arguments, "--csv"], catch_exceptions=False)
        taken_s.append(time.perf_counter() - clock)
        cpu_s.append(time.process_time() - cpu)
        if result.exit_code:
            raise SystemExit(result.output)
    return result.stdout.count("\n") - 1, max(taken_s), max(cpu_s)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        for kind, address in databases(Path(temporary)):
            measure(kind, address)
