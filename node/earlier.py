"""Earlier reports, as an analysis refers to them: what it replaces, and what came before it of the same patient."""

from collections.abc import Iterable

from pydicom import dcmread

from config.result_kind import ResultKind
from db.earlier import EarlierResult, PriorReport
from dicom_io.identity import ResultReference
from node.spool import Spool

_DOCUMENTS = frozenset(
    {
        ResultKind.REPORT,
        ResultKind.MEASUREMENTS,
        ResultKind.REGIONS,
        ResultKind.ENHANCED_TEXT,
        ResultKind.BASIC_TEXT,
    }
)


def documents(results: Iterable[EarlierResult], spool: Spool) -> tuple[ResultReference, ...]:
    """The SR documents among earlier results that somebody has (PS3.3 C.17.2, Predecessor Documents)."""
    files = [spool.folder / result.path for result in results if result.sent and result.kind in _DOCUMENTS]
    return tuple(ResultReference.of(dcmread(file, stop_before_pixels=True)) for file in files if file.exists())


def latest_prior(priors: Iterable[PriorReport], spool: Spool) -> PriorReport | None:
    """The first of the reports whose results are all still in the spool."""
    return next((prior for prior in priors if all((spool.folder / one.path).exists() for one in prior.results)), None)
