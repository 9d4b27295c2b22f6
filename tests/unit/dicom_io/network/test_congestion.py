"""A listener that takes no association for the time being."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.reasons import Reason, Remark
from config.settings import Listener as Settings
from dicom_io.network.admission import Refusal
from dicom_io.network.listener import Listener
from tests.unit.dicom_io.network.conftest import Recorder

FULL = Refusal(Remark(Reason.DISK_FULL, "5 MiB are free, 20 should be."), (2, 3, 1))


def test_while_there_is_congestion_associations_are_rejected_as_transient_and_reported(
    spool: Path, recorder: Recorder, associate: Callable[..., Any]
) -> None:
    congestion: list[Refusal] = [FULL]
    settings = Settings().model_copy(update={"port": 0})
    with Listener(settings, spool, 0, recorder, congestion=lambda: congestion[0] if congestion else None) as listener:
        rejected = associate(listener.port)
        assert rejected.is_rejected
        answer = rejected.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == (2, 3, 1)
        ((_, remark),) = recorder.of("rejected")
        assert remark == FULL.remark
        congestion.clear()
        assert associate(listener.port).is_established


def test_who_is_not_let_in_is_told_so_whatever_the_congestion(
    spool: Path, recorder: Recorder, associate: Callable[..., Any]
) -> None:
    settings = Settings().model_copy(update={"port": 0})
    with Listener(settings, spool, 0, recorder, congestion=lambda: FULL) as listener:
        rejected = associate(listener.port, called_ae="ANOTHER")
        assert rejected.acceptor.primitive.result == 1
        ((_, remark),) = recorder.of("rejected")
        assert remark.reason is Reason.CALLED_AE_UNKNOWN
