"""The document: the analysis as a printed report of A4 pages, in an Encapsulated PDF (PS3.3 A.45.1)."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

import highdicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.uid import EncapsulatedPDFStorage
from pydicom.valuerep import PersonName

from config.finding import Finding, GradeScale, Totals
from config.result_kind import ResultKind
from dicom_io.header_values import text, texts
from dicom_io.identity import ResultReference
from dicom_io.results import narrative
from dicom_io.results.content_items import coded
from dicom_io.results.picture import draw_picture
from dicom_io.results.references import instance_reference
from dicom_io.results.result import Origin, ResultContext, complete, construction
from dicom_io.results.structured_report import predecessors
from dicom_io.results.typesetting import families, typeset

TITLE = "PET findings by artificial intelligence"

_HAN = {
    "GB18030": "Noto Sans CJK SC",
    "GBK": "Noto Sans CJK SC",
    "ISO 2022 IR 58": "Noto Sans CJK SC",
    "ISO 2022 IR 149": "Noto Sans CJK KR",
}
"""Han characters as the readers of a character set know them; of all others as Japan does."""

_COLUMNS: Mapping[str, Callable[[Finding], str]] = {
    "": lambda lesion: str(lesion.number),
    "Location": lambda lesion: lesion.location.location.name,
    "Confidence": lambda lesion: f"{lesion.location.confidence:.0%}",
    "SUVmax": lambda lesion: f"{lesion.measurements.suv_max:.1f}",
    "SUVpeak": lambda lesion: f"{lesion.measurements.suv_peak:.1f}",
    "SUVmean": lambda lesion: f"{lesion.measurements.suv_mean:.1f}",
    "MTV ml": lambda lesion: f"{lesion.measurements.mtv_ml:.1f}",
    "TLG g": lambda lesion: f"{lesion.measurements.tlg:.1f}",
    "Size cm": lambda lesion: narrative.size(lesion.measurements),
    "Grade": lambda lesion: str(lesion.grade or "–"),
}

_SCALES = {
    GradeScale.DEAUVILLE: "Deauville score: 2 up to the blood pool, 3 up to the liver, 4 up to twice the liver, "
    "5 above; SUVmax is compared with the means.",
    GradeScale.PROMISE: "miPSMA score (PROMISE): 0 below the blood pool, 1 from it, 2 from the liver (or the spleen), "
    "3 from the parotid gland on; SUVmax is compared with the means.",
}


def encode_document(context: ResultContext) -> Dataset:
    """The printed report as an object, which bears the patient's name in its pixels, so to say."""
    sources = [ResultReference.of(header) for header in context.headers]
    return encapsulated(context, print_report(context), "AI lesion report", sources)


def encapsulated(origin: Origin, printed: bytes, description: str, sources: Iterable[ResultReference]) -> Dataset:
    """A PDF file as an object; ``description`` becomes the Series Description, without the label."""
    document = highdicom.SOPClass(
        **construction(origin, ResultKind.DOCUMENT, description),
        study_instance_uid=str(origin.headers[0].StudyInstanceUID),
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
    )
    document.ConversionType = "WSD"
    document.AcquisitionDateTime = f"{origin.moment:%Y%m%d%H%M%S}"
    document.BurnedInAnnotation = "YES"
    document.SourceInstanceSequence = [instance_reference(one.sop_class_uid, one.sop_instance_uid) for one in sources]
    document.DocumentTitle = TITLE
    document.ConceptNameCodeSequence = [coded(dictionary.LN.PETScanReport)]
    document.VerificationFlag = "UNVERIFIED"
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(printed)
    document.EncapsulatedDocument = printed + b"\0" * (len(printed) % 2)
    if earlier := predecessors(origin.provenance):
        document.PredecessorDocumentsSequence = earlier
    return complete(document, origin)


def print_report(context: ResultContext) -> bytes:
    """The report as PDF/A: whose it is, summary, picture, lesions, totals and references, and how it came about.

    Names print in the scripts that they are written in.
    """
    drawn = BytesIO()
    draw_picture(context).save(drawn, "PNG")
    return typeset("document.typ", _report(context), {"picture.png": drawn.getvalue()}, context.moment)


def print_without_findings(origin: Origin, summary: str) -> bytes:
    """A page as PDF/A that says whose study it is and, in place of findings, the summary."""
    return typeset("document.typ", _page(origin, summary), {}, origin.moment)


def printed_name(name: PersonName | str | None) -> str:
    """A person's name in all the scripts that it is written in, without carets (PS3.5 Section 6.2.1)."""
    groups = str(name or "").split("=")
    return "   ".join(" ".join(group.replace("^", " ").split()) for group in groups if group.strip("^ "))


def _report(context: ResultContext) -> Mapping[str, Any]:
    """What the template prints."""
    analysis = context.analysis
    graded = any(lesion.grade for lesion in analysis.lesions)
    columns = {name: write for name, write in _COLUMNS.items() if graded or name != "Grade"}
    weight_kg = context.quantification.weight_kg
    return {
        **_page(context, analysis.summary),
        "whose": [
            *_whose(context),
            ("Weight", f"{weight_kg:g} kg" if weight_kg else ""),
            ("Tracer", context.quantification.radiopharmaceutical),
        ],
        "alternative": "Maximum intensity projections of the PET with the lesions outlined and numbered.",
        "columns": list(columns),
        "lesions": [[write(lesion) for write in columns.values()] for lesion in analysis.lesions],
        "totals": [_totals(analysis.totals).get(name, "") for name in columns],
        "sections": [(name, lines) for name, lines in _sections(context).items() if lines],
    }


def _page(origin: Origin, summary: str) -> Mapping[str, Any]:
    """What the template prints of every study, and nothing found."""
    header, provenance = origin.headers[0], origin.provenance
    han = [_HAN[name] for name in texts(header, "SpecificCharacterSet") if name in _HAN]
    return {
        "title": TITLE,
        "label": provenance.label,
        "fonts": families(*han[:1]),
        "patient": printed_name(header.get("PatientName")),
        "whose": _whose(origin),
        "summary": summary,
        "alternative": "",
        "lesions": [],
        "sections": [],
        "footer": f"{text(header, 'PatientID')}  {narrative.made_by(provenance)} Revision {provenance.revision}.",
    }


def _totals(totals: Totals) -> Mapping[str, str]:
    """The last row of the table of lesions."""
    return {
        "Location": "all lesions",
        "SUVmax": "" if totals.suv_max is None else f"{totals.suv_max:.1f}",
        "MTV ml": f"{totals.tmtv_ml:.1f}",
        "TLG g": f"{totals.tlg:.1f}",
    }


def _whose(origin: Origin) -> list[tuple[str, str]]:
    """Patient and examination, to be read in rows of two."""
    header = origin.headers[0]
    return [
        ("Patient ID", text(header, "PatientID")),
        ("Examination", text(header, "StudyDescription")),
        ("Born", _date(text(header, "PatientBirthDate"))),
        ("Acquired", f"{origin.moment:%Y-%m-%d %H:%M}"),
        ("Sex", text(header, "PatientSex")),
        ("Accession number", text(header, "AccessionNumber")),
    ]


def _sections(context: ResultContext) -> Mapping[str, list[str]]:
    analysis = context.analysis
    scales = {lesion.grade.scale for lesion in analysis.lesions if lesion.grade}
    physiologic = narrative.physiologic_uptake(analysis.findings)
    return {
        "Reference uptake": [*narrative.references(analysis.references), *(_SCALES[scale] for scale in scales)],
        "Physiologic uptake": [physiologic] if physiologic else [],
        "Remarks": narrative.remarks(context.remarks),
        "How this was made": [
            narrative.made_by(context.provenance),
            narrative.quantification(context),
            *narrative.methods(context),
        ],
    }


def _date(written: str) -> str:
    """A date (PS3.5 DA) with hyphens; as it is if it is none."""
    return f"{written[:4]}-{written[4:6]}-{written[6:]}" if written.isdigit() and len(written) == 8 else written
