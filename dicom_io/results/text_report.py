"""Text reports: the analysis in sentences under headings (PS3.16 TID 2000), for a PACS that knows nothing else."""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code
from pydicom.uid import BasicTextSRStorage, EnhancedSRStorage

from config.finding import Finding
from config.result_kind import ResultKind
from dicom_io.identity import ResultReference
from dicom_io.results import narrative
from dicom_io.results.content_items import Relation, container, image, text
from dicom_io.results.result import ResultContext
from dicom_io.results.structured_report import heading, structured_report

_TITLE = dictionary.LN.PETScanReport
_IN_ASCII = str.maketrans({"×": "x", "–": "-", "≥": ">=", "≤": "<=", "²": "2", "³": "3", "“": '"', "”": '"', "’": "'"})


def encode_enhanced_text(context: ResultContext) -> Dataset:
    """The analysis as an Enhanced SR."""
    return _encode(context, ResultKind.ENHANCED_TEXT, EnhancedSRStorage)


def encode_basic_text(context: ResultContext) -> Dataset:
    """The analysis as a Basic Text SR."""
    return _encode(context, ResultKind.BASIC_TEXT, BasicTextSRStorage)


def plain(words: str) -> str:
    """Our own words in ASCII, so that a character set is needed only where those of the study need one."""
    return words.translate(_IN_ASCII)


def _encode(context: ResultContext, kind: ResultKind, sop_class_uid: str) -> Dataset:
    """Procedure, findings with a line for each lesion, and impression; the same tree in both classes.

    A lesion's line is inferred from the slice of its SUVmax.
    """
    sections = [
        _section(dictionary.LN.CurrentProcedureDescriptions, dictionary.DCM.ProcedureDescription, _procedure(context)),
        _section(dictionary.LN.Findings, dictionary.DCM.Finding, _findings(context)),
        _section(dictionary.LN.Impressions, dictionary.DCM.Impression, _impressions(context)),
    ]
    return structured_report(
        context,
        kind,
        "AI lesion report",
        sop_class_uid=sop_class_uid,
        root=container(_TITLE, [*heading(context.provenance), *sections], None, "2000"),
        evidence=map(ResultReference.of, context.headers),
    )


def _procedure(context: ResultContext) -> list[tuple[str, list[Dataset]]]:
    told = [narrative.made_by(context.provenance), narrative.quantification(context), *narrative.methods(context)]
    return [(sentence, []) for sentence in told]


def _findings(context: ResultContext) -> list[tuple[str, list[Dataset]]]:
    analysis = context.analysis
    lesions = [(narrative.lesion_line(lesion), [_source(lesion, context)]) for lesion in analysis.lesions]
    physiologic = narrative.physiologic_uptake(analysis.findings)
    return [*(lesions or [("No lesion found.", [])]), *([(physiologic, [])] if physiologic else [])]


def _impressions(context: ResultContext) -> list[tuple[str, list[Dataset]]]:
    return [(words, []) for words in (context.analysis.summary, *narrative.remarks(context.remarks)) if words]


def _section(title: Code, name: Code, sentences: Iterable[tuple[str, list[Dataset]]]) -> Dataset:
    return container(title, [text(name, plain(words), children=inferred_from) for words, inferred_from in sentences])


def _source(lesion: Finding, context: ResultContext) -> Dataset:
    source = context.pet.sources[lesion.measurements.suv_max_index[0]]
    return image(None, source.sop_class_uid, source.sop_instance_uid, Relation.INFERRED_FROM, frame=source.frame)
