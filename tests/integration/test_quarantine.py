"""Nothing that does not conform is sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from typer.testing import CliRunner

from config.reasons import Reason
from db.audit_actions import AuditAction
from db.retry import retry
from db.states import StudyState
from dicom_io.results import encode
from dicom_io.results.picture import encode_picture
from dicom_io.results.result import ResultContext
from dicom_io.scanner.study import WrittenStudy
from node.cli import app
from node.delivery import Delivery


def picture_without_rows(context: ResultContext) -> Dataset:
    """What an encoder with a defect gives: Rows (0028,0010) is of Type 1."""
    picture = encode_picture(context)
    del picture.Rows
    return picture


@pytest.fixture
def study(node: Any, write: Callable[..., WrittenStudy], monkeypatch: pytest.MonkeyPatch) -> WrittenStudy:
    """Analysed by a node with a defect."""
    monkeypatch.setattr(encode, "encode_picture", picture_without_rows)
    written = write()
    node.receive(written.files)
    node.run()
    return written


def test_a_result_with_a_fault_is_kept_and_nothing_is_sent(
    node: Any, study: WrittenStudy, peer: Callable[..., Any]
) -> None:
    found = node.study(study.study_uid)
    (report,) = found.reports
    assert (found.summary.state, found.summary.reason) == (StudyState.FAILED, Reason.RESULT_NOT_CONFORMANT)
    assert report.quarantined
    assert report.results
    assert all((node.spool.folder / result.path).exists() for result in report.results)
    assert {str(result.kind) for result in report.results if result.faults} == {"picture"}
    assert any(fault.where.startswith("Rows") for result in report.results for fault in result.faults)
    assert AuditAction.REPORT_QUARANTINED in [entry.action for entry in node.audit()]
    pacs = peer().destination()
    assert not Delivery(pacs, node.database, node.spool, node.settings, lambda: node.now).step()


def test_a_person_sees_the_faults(node: Any, study: WrittenStudy, tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text(f'[spool]\nfolder = "{node.settings.spool.folder}"\n')
    shown = CliRunner().invoke(app, ["status", study.study_uid, "--config", str(tmp_path / "uptake.toml")])
    assert shown.exit_code == 0
    assert "result-not-conformant" in shown.stdout
    assert "quarantined" in shown.stdout
    assert "picture: Rows (0028,0010)" in shown.stdout


def test_what_is_mended_is_analysed_anew_and_sent(
    node: Any, study: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "encode_picture", encode_picture)
    with node.database.transaction() as session:
        retry(session, study.study_uid, "administrator", node.now)
    node.run()
    found = node.study(study.study_uid)
    assert (found.summary.state, found.summary.revision) == (StudyState.ENCODED, 2)
    assert [report.quarantined for report in found.reports] == [True, False]
    assert any(result.deliveries for result in found.reports[1].results)
