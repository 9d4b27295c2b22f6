"""Pictures: wins and failures of each task on one page, from tiles that are drawn while a patient is at hand."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from config.vocabulary import vocabulary
from training.evaluation.answered import answered_lesion, is_said_right, name_of
from training.evaluation.case import Case
from training.evaluation.judges import Judgement
from training.evaluation.record import PatientRecord
from training.evaluation.tile import GREEN, HEIGHT, RED, WIDTH, Colour, lesion_tile, patient_tile

COLUMNS = 3
_FAILURES, _WINS = 6, 3
_MOST_A_PATIENT = 2
_GAP = 12
_BLACK = (0, 0, 0)

Lines = list[tuple[str, Colour]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be shown: its tile, whether it is a win, and how telling it is."""

    tile: str
    is_win: bool
    weight: float
    lesion: int | None
    lines: Lines


def draw_tiles(case: Case, judgement: Judgement, folder: Path) -> None:
    """Tiles of the most telling failures and the best win of each task in one patient."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for candidates in _candidates(judgement.record):
        failures = [each for each in candidates if not each.is_win][:_MOST_A_PATIENT]
        wins = [each for each in candidates if each.is_win][:1]
        for chosen in failures + wins:
            if chosen.lesion is not None:
                tile = lesion_tile(case, chosen.lesion, chosen.lines)
            else:
                tile = patient_tile(case, next(iter(judgement.predicted.values())), chosen.lines)
            tile.save(folder / chosen.tile)


def draw_pages(records: Sequence[PatientRecord], tiles: Path, out: Path) -> tuple[Path, ...]:
    """A page for each task that was judged, 1200 pixels wide: failures above, wins below."""
    pages = []
    for task, candidates in zip(_TASKS, zip(*map(_candidates, records), strict=True), strict=True):
        found = [
            (each, tiles / record.patient / each.tile)
            for record, of_patient in zip(records, candidates, strict=True)
            for each in of_patient
            if (tiles / record.patient / each.tile).is_file()
        ]
        found.sort(key=lambda pair: -pair[0].weight)
        failures = [path for each, path in found if not each.is_win][:_FAILURES]
        wins = [path for each, path in found if each.is_win][:_WINS]
        if failures or wins:
            pages.append(out / f"{task}.png")
            _page({f"Failures{_KEYS[task]}": failures, f"Wins{_KEYS[task]}": wins}).save(pages[-1])
    return tuple(pages)


_TASKS = ("location", "caption", "segmentation")
_KEYS = {"location": "", "caption": "", "segmentation": " (green: truth, red: found)"}


def _candidates(record: PatientRecord) -> tuple[list[Candidate], ...]:
    """For each task what may be shown of a patient, first what was answered with most confidence, right or wrong."""
    parts = (_locations(record), _captions(record), _segmentations(record))
    return tuple(sorted(part, key=lambda each: -each.weight) for part in parts)


def _locations(record: PatientRecord) -> Iterator[Candidate]:
    for answers in list(record.locations.values())[:1]:
        for number, (lesion, ranked) in enumerate(zip(record.lesions, answers.ranked, strict=True)):
            answered = answered_lesion(lesion, ranked)
            if answered is None:
                continue
            said = "not localised" if answered.first is None else f"{answered.first.name} ({answered.confidence:.2f})"
            lines: Lines = [
                (f"{record.patient}, lesion {lesion.label}", _BLACK),
                (f"truth: {answered.truth.name}", _BLACK),
                (f"answer: {said}", GREEN if answered.is_right else RED),
            ]
            yield Candidate(f"location-{lesion.label}.png", answered.is_right, answered.confidence, number, lines)


def _captions(record: PatientRecord) -> Iterator[Candidate]:
    for answers in list(record.captions.values())[:1]:
        guides = record.locations[answers.guide].ranked
        for number, (lesion, said, ranked) in enumerate(zip(record.lesions, answers.said, guides, strict=True)):
            if lesion.leaf is None or lesion.ct_finding is None:
                continue
            right = is_said_right(lesion, said)
            confidence = ranked[0][1] if ranked else 0.0
            truth = f"{vocabulary().by_id[lesion.leaf].name}: {lesion.ct_finding}"
            guide = f"{name_of(ranked[0][0])} ({confidence:.2f})" if ranked else "not localised"
            lines: Lines = [
                (f"truth: {truth}", _BLACK),
                (f"caption: {'none' if said is None else ': '.join(said)}", GREEN if all(right) else RED),
                (f"guided by: {guide}", _BLACK),
            ]
            yield Candidate(f"caption-{lesion.label}.png", all(right), confidence, number, lines)


def _segmentations(record: PatientRecord) -> Iterator[Candidate]:
    for label, scores in list(record.segmentations.items())[:1]:
        if scores.dice is None or scores.false_negative_ml is None:
            continue
        counts = scores.by_overlap
        lines: Lines = [
            (f"{record.patient}, {label}", _BLACK),
            (f"Dice {scores.dice:.2f}; {counts.found} found, {counts.missed} missed, {counts.false} false", _BLACK),
            (f"false positive {scores.false_positive_ml:.1f}, negative {scores.false_negative_ml:.1f} ml", _BLACK),
        ]
        win = scores.dice >= _GOOD_DICE and not scores.missed
        yield Candidate("segmentation.png", win, scores.dice if win else 1.0 - scores.dice, None, lines)


_GOOD_DICE = 0.75


def _page(parts: dict[str, list[Path]]) -> Image.Image:
    rows = [(title, paths, -(-len(paths) // COLUMNS)) for title, paths in parts.items() if paths]
    height = sum(34 + count * (HEIGHT + _GAP) for _, _, count in rows)
    page = Image.new("RGB", (COLUMNS * WIDTH + (COLUMNS + 1) * _GAP, height), (255, 255, 255))
    draw, font, top = ImageDraw.Draw(page), ImageFont.load_default(size=20), 0
    for title, paths, count in rows:
        draw.text((_GAP, top + 6), title, font=font, fill=_BLACK)
        for number, path in enumerate(paths):
            place = (_GAP + number % COLUMNS * (WIDTH + _GAP), top + 34 + number // COLUMNS * (HEIGHT + _GAP))
            with Image.open(path) as tile:
                page.paste(tile, place)
        top += 34 + count * (HEIGHT + _GAP)
    return page
