"""Tables: a report as Markdown, with the columns of the papers."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from training.evaluation.caption_scores import METRICS
from training.evaluation.location_figures import LocationFigures
from training.evaluation.report import CaptionFigures, CaptionReport, LocationReport, Report, SegmentationReport

Cell = str | int | None


def as_markdown(report: Report) -> str:
    """The whole report; empty parts are left out."""
    parts = [f"{report.patients} patients, {report.lesions} lesions in {report.leaves} of 387 locations.\n"]
    if report.location:
        parts += ["## Location", _location_table(report.location)]
        for label, each in report.location.items():
            if each.by_region:
                parts += [f"### By region: {label}", _region_table(each.by_region)]
    if report.caption:
        parts += ["## Captions", _caption_table(report.caption)]
        parts += ["### As in the ablations of the captioning paper", ablation_table(report.caption)]
    if report.segmentation:
        parts += ["## Segmentation", _segmentation_table(report.segmentation)]
        for label, found in report.segmentation.items():
            if found.missed:
                parts += [f"### Over 1 ml and SUV 4, not found: {label}", _missed_table(found)]
    sanity = list(_sanity_rows(report))
    if sanity:
        parts += ["## Sanity", _table(["test", "as it is", "changed"], sanity)]
    if report.seconds:
        rows = [[part, f"{seconds:.2f}"] for part, seconds in report.seconds.items()]
        parts += ["## Once per patient", _table(["part", "seconds, median"], rows)]
    if report.left_out:
        parts += ["## Left out", _table(["patient", "why"], [[*pair] for pair in report.left_out.items()])]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def ablation_table(captions: Mapping[str, CaptionReport]) -> str:
    """B-1 to B-4, location and CT finding by word matching in per cent, one row for each contender."""
    heads = ["", "B-1", "B-2", "B-3", "B-4", "Loc.", "CT"]
    rows: list[list[Cell]] = []
    for label, each in captions.items():
        of = each.figures
        values = [*(of.scores[f"BLEU-{n}"] for n in range(1, 5)), of.location_words, of.ct_finding_words]
        rows.append([label, *map(_per_cent, values)])
    return _table(heads, rows)


_LOCATION_COLUMNS: tuple[tuple[str, Callable[[LocationFigures], Cell]], ...] = (
    ("lesions", lambda of: of.lesions),
    ("top 1, %", lambda of: _per_cent(of.top_1)),
    ("top 5, %", lambda of: _per_cent(of.top_5)),
    ("coarse, %", lambda of: _per_cent(of.coarse)),
    ("wrong side, %", lambda of: _per_cent(of.side_errors, 2)),
    ("vertebra one off, %", lambda of: _per_cent(of.vertebra_one_off)),
    ("rib one off, %", lambda of: _per_cent(of.rib_one_off)),
    ("not localised, %", lambda of: _per_cent(of.not_localised)),
    ("ECE", lambda of: _number(of.calibration_error, 3)),
)


def _location_table(locations: Mapping[str, LocationReport]) -> str:
    heads = ["", *(head for head, _ in _LOCATION_COLUMNS), "ms a lesion"]
    rows = [
        [label, *(cell(each.figures) for _, cell in _LOCATION_COLUMNS), _number(each.ms_per_lesion, 1)]
        for label, each in locations.items()
    ]
    return _table(heads, rows)


def _region_table(regions: Mapping[str, LocationFigures]) -> str:
    heads = ["region", *(head for head, _ in _LOCATION_COLUMNS[:5])]
    return _table(heads, [[name, *(cell(of) for _, cell in _LOCATION_COLUMNS[:5])] for name, of in regions.items()])


def _caption_table(captions: Mapping[str, CaptionReport]) -> str:
    heads = ["", "lesions", *METRICS, "location, %", "CT finding, %", "by field: location, %", "CT finding, %"]
    rows: list[list[Cell]] = []
    for label, each in captions.items():
        of = each.figures
        words = [_per_cent(share) for share in (of.location_words, of.ct_finding_words, of.location, of.ct_finding)]
        scores = [_number(of.scores[metric], 3) for metric in METRICS]
        contradicted = _per_cent(each.contradicted)
        rows.append([label, of.lesions, *scores, *words, contradicted, _number(each.ms_per_lesion, 1)])
    table = _table([*heads, "contradicts location, %", "ms a lesion"], rows)
    if any(each.figures.scores["METEOR"] is None for each in captions.values()):
        table += "\nMETEOR needs Java, which is not here.\n"
    return table


def _segmentation_table(segmentations: Mapping[str, SegmentationReport]) -> str:
    heads = ["", "patients", "Dice", "false positive, ml", "false negative, ml", "F1 by overlap", "found", "missed"]
    heads += ["false", "F1 by SUVmax", "over 1 ml and SUV 4 found", "seconds"]
    rows: list[list[Cell]] = []
    for label, of in segmentations.items():
        counts = of.by_overlap
        row: list[Cell] = [label, of.patients, _number(of.dice, 3), _number(of.false_positive_ml, 2)]
        row += [_number(of.false_negative_ml, 2), _number(counts.f1, 3), counts.found, counts.missed, counts.false]
        row += [_number(of.by_suv_max.f1, 3), f"{of.obvious - len(of.missed)} of {of.obvious}", _number(of.seconds, 1)]
        rows.append(row)
    return _table(heads, rows)


def _missed_table(of: SegmentationReport) -> str:
    heads = ["patient", "lesion", "location", "ml", "SUVmax", "what was said of it"]
    rows: list[list[Cell]] = [
        [each.patient, each.label, each.location, f"{each.volume_ml:.1f}", f"{each.suv_max:.1f}", each.said]
        for each in of.missed
    ]
    return _table(heads, rows)


def _sanity_rows(report: Report) -> Iterator[list[Cell]]:
    for label, place in report.location.items():
        if place.masked is not None:
            yield [f"{label}: lesion hidden, location right, %", *_both(place.figures.top_1, place.masked.top_1)]
        if place.flips is not None:
            yield [f"{label}: body mirrored, other side answered, %", *_both(place.figures.side_errors, place.flips)]
    for label, caption in report.caption.items():
        changes = (("lesion hidden", caption.masked), ("without an image", caption.text_only))
        for name, changed in changes:
            if changed is not None:
                yield from _caption_rows(f"{label}: {name}", caption.figures, changed)


def _caption_rows(title: str, plain: CaptionFigures, changed: CaptionFigures) -> Iterator[list[Cell]]:
    yield [f"{title}, location right, %", *_both(plain.location, changed.location)]
    yield [f"{title}, CT finding right, %", *_both(plain.ct_finding, changed.ct_finding)]


def _both(plain: float | None, changed: float | None) -> list[str]:
    return [_per_cent(plain), _per_cent(changed)]


def _per_cent(share: float | None, digits: int = 1) -> str:
    return _number(None if share is None else 100.0 * share, digits)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |\n" for line in lines)
