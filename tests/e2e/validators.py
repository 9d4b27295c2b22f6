"""What third-party validators and readers say against result objects of every kind."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import dcmread

from config.result_kind import ResultKind
from tests.e2e.conftest import Bench

TEMPLATED = frozenset({ResultKind.REPORT, ResultKind.MEASUREMENTS, ResultKind.REGIONS})
DOCUMENTS = TEMPLATED | {ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT, ResultKind.KEY_OBJECTS}
SEGMENTATIONS = frozenset({ResultKind.SEGMENTATION, ResultKind.ORGAN_MAP, ResultKind.ORGAN_MASKS})
IMAGES = frozenset({ResultKind.PICTURE, ResultKind.KEY_IMAGES})

Command = tuple[str | Path, ...]


@dataclass(frozen=True, order=True)
class Complaint:
    """An error that a validator found in an object, or, if ``file`` is empty, in several together."""

    file: str
    validator: str
    error: str


@dataclass(frozen=True)
class Written:
    """A result object as a file."""

    kind: ResultKind
    path: Path


def complaints(bench: Bench, results: Sequence[Written], sources: Sequence[Path]) -> list[Complaint]:
    """Of every validator but PixelMed's; ``sources`` are the images that the results refer to."""
    checks = [partial(_of_one, bench, one) for one in results]
    files = [one.path for one in results]
    checks.append(partial(_of_all, bench, files, sources))
    with ThreadPoolExecutor(2) as pool:
        return sorted(complaint for found in pool.map(lambda check: check(), checks) for complaint in found)


def pixelmed_errors(bench: Bench, results: Sequence[Written]) -> Mapping[Path, list[str]]:
    """By PixelMed's rules for documents and templates; of all documents at once, since it starts slowly."""
    documents = [one.path for one in results if one.kind in DOCUMENTS]
    said = bench.run_program(sys.executable, Path(__file__).with_name("pixelmed.py"), *documents, timeout_s=900)
    assert said.exit_code == 0, said.output
    return {Path(path): errors for path, errors in json.loads(said.output.splitlines()[-1]).items()}


def _of_one(bench: Bench, result: Written) -> list[Complaint]:
    with TemporaryDirectory() as scratch:
        return [
            Complaint(result.path.name, name, error)
            for name, command in _commands(bench, result, Path(scratch))
            for error in _errors(bench, *command)
        ]


def _of_all(bench: Bench, files: Sequence[Path], sources: Sequence[Path]) -> list[Complaint]:
    """Of dcentvfy, what concerns the results: it calls the slices of some scanners inconsistent, too."""
    standard = bench.installation / "dv" / "hd"
    iods = _errors(bench, bench.program("validate_iods"), "-src", standard, "-e", "local", *files)
    entities = bench.run_program("dcentvfy", *files, *sources).lines("Error")
    ours = [line for line in entities if any(str(file) in line for file in files)]
    return [Complaint("", "dicom-validator", error) for error in iods] + [
        Complaint("", "dcentvfy", one) for one in ours
    ]


def _commands(bench: Bench, result: Written, scratch: Path) -> Iterator[tuple[str, Command]]:
    """What is run on an object of a kind: validators first, then programs that read or draw it."""
    if result.kind is not ResultKind.ORGAN_MAP:  # label maps are younger
        yield "dciodvfy 2022", ("/usr/bin/dciodvfy", "-new", result.path)
    yield "dciodvfy", (bench.program("dciodvfy"), "-new", result.path)
    if result.kind in DOCUMENTS:
        yield "dsrdump", ("dsrdump", "-Ec", result.path)
    if result.kind in TEMPLATED:
        metadata = ("--outputMetadata", scratch / "report.json")
        yield "tid1500reader", (bench.program("tid1500reader"), "--inputDICOM", result.path, *metadata)
    if result.kind in SEGMENTATIONS:
        volumes = ("--outputDirectory", scratch, "--outputType", "nrrd")
        yield "segimage2itkimage", (bench.program("segimage2itkimage"), "--inputDICOM", result.path, *volumes)
    if result.kind is ResultKind.OUTLINES and str(dcmread(result.path).PatientName).isascii():  # it knows no UTF-8
        yield "dcmpschk", ("dcmpschk", result.path)
    if result.kind in IMAGES:
        yield "dcm2pnm", ("dcm2pnm", result.path, scratch / "image.ppm")
    if result.kind is ResultKind.DOCUMENT:
        yield "dcm2pdf", ("dcm2pdf", result.path, scratch / "document.pdf")


def _errors(bench: Bench, *command: str | Path) -> list[str]:
    """The lines in which a program states errors; if there are none though it fails, all that it says."""
    ended = bench.run_program(*command)
    stated = [line for line in ended.output.splitlines() if line.startswith(("Error", "E:", "F:", "Tag"))]
    return stated or [ended.output] * (ended.exit_code != 0)
