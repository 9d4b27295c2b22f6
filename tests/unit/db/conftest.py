"""A migrated database of each kind, and short ways to bring a study to where a test begins."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from config.finding import Finding, FindingKind, GradeScale, LocationAnswer, Measurements, UptakeGrade
from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from config.tracers import Tracer
from config.vocabulary import vocabulary
from db.intake import InstanceRecord, record_instance
from db.reports import ReportRecord, ResultRecord, TrackedFinding, Wanted, record_report
from db.session import Database
from db.states import Disposition, ReportOutcome
from db.upgrade import upgrade
from db.work import Claimed, claim_study, mark_complete, studies_receiving
from tests.postgresql import SERVER, postgresql_database

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def later() -> Callable[[float], datetime]:
    return lambda seconds: NOW + timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "uptake.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def server() -> str:
    if SERVER is None:
        pytest.skip("UPTAKE_TEST_POSTGRESQL_URL names no PostgreSQL server")
    return SERVER


@pytest.fixture(scope="session")
def migrated_postgresql(server: str) -> Iterator[str]:
    with postgresql_database(server) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "uptake.db")
        yield f"sqlite:///{tmp_path / 'uptake.db'}"
    else:
        template = request.getfixturevalue("migrated_postgresql")
        with postgresql_database(template, template=make_url(template).database) as url:
            yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'uptake.db'}"
    else:
        with postgresql_database(request.getfixturevalue("server")) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url)
    yield database
    database.close()


@pytest.fixture
def instance() -> Callable[..., InstanceRecord]:
    """Make the record of an instance: number ``n`` of study ``study``, anything else by name."""

    def make(study: str = "1.2.3", n: int = 1, **other: object) -> InstanceRecord:
        values: dict[str, object] = {
            "association_id": None,
            "study_uid": study,
            "series_uid": f"{study}.1",
            "sop_instance_uid": f"{study}.1.{n}",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.128",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "digest": f"{n:064x}",
            "path": f"{study}/{n}.dcm",
            "size_bytes": 33_000,
            "relevant": True,
            "modality": "PT",
            "series_description": "PET AC",
            "patient_id": "P1",
            "patient_name": "Yamada^Tarou=山田^太郎",
            "accession_number": "A1",
            "study_date": "20260304",
        }
        return InstanceRecord(**(values | other))  # type: ignore[arg-type]

    return make


@pytest.fixture
def arrive(database: Database, instance: Callable[..., InstanceRecord]) -> Callable[..., Disposition]:
    """An instance arrives, in a transaction of its own."""

    def arrives(study: str = "1.2.3", n: int = 1, at: datetime = NOW, **other: object) -> Disposition:
        with database.transaction() as session:
            return record_instance(session, instance(study, n, **other), at)

    return arrives


@pytest.fixture
def complete(database: Database, arrive: Callable[..., Disposition]) -> Callable[..., None]:
    """A study of one instance arrives and is found complete."""

    def completes(study: str = "1.2.3", at: datetime = NOW) -> None:
        arrive(study, at=at)
        with database.transaction() as session:
            seen = next(found for found in studies_receiving(session) if found.study_uid == study)
            assert mark_complete(session, seen, "1 of 1 slices", at)

    return completes


@pytest.fixture
def claimed(database: Database, complete: Callable[..., None]) -> Callable[..., Claimed]:
    """A study arrives, is complete, and is claimed by ``owner`` for 60 s."""

    def claims(study: str = "1.2.3", owner: str = "worker", at: datetime = NOW) -> Claimed:
        complete(study, at)
        with database.transaction() as session:
            claim = claim_study(session, owner, 60, at)
        assert claim is not None
        assert claim.study_uid == study
        return claim

    return claims


@pytest.fixture
def report() -> ReportRecord:
    return ReportRecord(
        outcome=ReportOutcome.LESIONS,
        pet_series_uid="1.2.3.1",
        ct_series_uid=None,
        tracer=Tracer.FDG,
        suv_factor=0.00042111,
        input_digest="a" * 64,
        settings_digest="b" * 64,
        software_version="0.1.0",
        remarks=(Remark(Reason.PET_WITHOUT_CT, "no CT series in 1.2.3"),),
        timings_s={"segmentation": 1.25},
        summary="One lesion, TMTV 12.5 ml.",
    )


@pytest.fixture
def findings() -> tuple[TrackedFinding, ...]:
    """A lesion (number 1) and physiologic uptake (number 2)."""
    locations = vocabulary().leaves
    measurements = Measurements(
        suv_max=14.25,
        suv_peak=11.5,
        suv_mean=7.75,
        mtv_ml=12.5,
        tlg=96.875,
        long_axis_mm=31.0,
        short_axis_mm=22.0,
        centroid_mm=(-61.5, -12.25, 803.0),
        suv_max_index=(151, 60, 71),
        slices=(147, 155),
        voxel_count=195,
    )

    def finding(number: int, kind: FindingKind, reason: str, grade: UptakeGrade | None = None) -> Finding:
        answer = LocationAnswer(locations[number], 0.75, ((locations[number], 0.75),))
        return Finding(number, kind, reason, 4.0, measurements, answer, f"Caption {number}.", grade)

    grade = UptakeGrade(GradeScale.DEAUVILLE, 5, "more than twice the liver")
    return (
        TrackedFinding(finding(1, FindingKind.LESION, "focal", grade), "2.25.1"),
        TrackedFinding(finding(2, FindingKind.PHYSIOLOGIC, "kidney"), "2.25.2"),
    )


@pytest.fixture
def results() -> Callable[..., tuple[ResultRecord, ...]]:
    """Make the result objects of a revision, in the order SEG, SR, picture, and then any other kinds."""

    def make(study: str = "1.2.3", revision: int = 1, *others: ResultKind) -> tuple[ResultRecord, ...]:
        kinds = (ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.PICTURE, *others)
        return tuple(
            ResultRecord(
                kind=kind,
                sop_class_uid=f"1.2.840.10008.5.1.4.1.1.{number}",
                sop_instance_uid=f"{study}.9{revision}.{9 - number}",
                path=f"results/{study}/{revision}/{kind}.dcm",
                digest=f"{number:064x}",
                size_bytes=10_000,
            )
            for number, kind in enumerate(kinds, 1)
        )

    return make


@pytest.fixture
def wanting() -> Callable[..., Wanted]:
    """Destinations that want so many kinds each; by default SEG, SR and picture."""

    def want(
        *destinations: str,
        kinds: tuple[ResultKind, ...] = (ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.PICTURE),
    ) -> Wanted:
        return dict.fromkeys(destinations, kinds)

    return want


@pytest.fixture
def encoded(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    findings: tuple[TrackedFinding, ...],
    results: Callable[..., tuple[ResultRecord, ...]],
    wanting: Callable[..., Wanted],
) -> Callable[..., Claimed]:
    """A study is analysed and SEG, SR and picture are due at ``destinations``; ``others`` are made and not wanted."""

    def encodes(
        study: str = "1.2.3",
        destinations: tuple[str, ...] = ("pacs",),
        at: datetime = NOW,
        others: tuple[ResultKind, ...] = (),
    ) -> Claimed:
        claim = claimed(study, at=at)
        made = results(study, 1, *others)
        with database.transaction() as session:
            record_report(session, claim, report, findings, made, wanting(*destinations), at)
        return claim

    return encodes
