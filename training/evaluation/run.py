"""Run: every patient judged once, side by side in processes; what is there is not judged again."""

import functools
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from config.reasons import UptakeError
from inference.bundles.store import load_bundle
from training.data.problem import UnusableData
from training.data.sources import Source
from training.evaluation.cases import Cases, open_cases
from training.evaluation.judges import Contenders, Judges
from training.evaluation.pictures import draw_tiles
from training.evaluation.record import PatientRecord, read_record, write_record

TILES = "tiles"
_RECORDS = "patients"


@dataclass(frozen=True)
class Evaluation:
    """What is judged on what. ``data``: a source of whole patients, or the folder of a cache."""

    data: Source | Path
    contenders: Contenders
    out: Path
    workers: int = 1

    def digest(self) -> str:
        """Of the bundles and of how they are asked; records of anything else don't count.

        Raises
        ------
        Refused
            If a bundle can't be loaded.
        """
        asked = asdict(self.contenders)
        for task in ("segmentation", "location", "caption"):
            asked[task] = {label: load_bundle(folder).digest for label, folder in asked[task]}
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Judged:
    """The records of the patients that could be judged, in their order, and what is wrong with the others."""

    records: tuple[PatientRecord, ...]
    left_out: dict[str, str]


def judge_all(evaluation: Evaluation, advance: Callable[[int, int], None]) -> Judged:
    """Judge the patients that have no record yet.

    Records are JSON files in ``out/patients``, pictures of some lesions lie in ``out/tiles``. ``advance`` is given how
    many patients are done, and of how many.

    Raises
    ------
    UnusableData
        If there are no patients, or none that can be judged.
    Refused
        If a bundle can't be loaded.
    BrokenProcessPool
        If a process dies, as it does where memory is short.
    """
    of = evaluation.digest()
    (evaluation.out / _RECORDS).mkdir(parents=True, exist_ok=True)
    cases = open_cases(evaluation.data)
    files = [_file(evaluation.out, cases.identifier(number)) for number in range(len(cases))]
    missing = [number for number, file in enumerate(files) if read_record(file, of) is None]
    done = len(files) - len(missing)
    advance(done, len(files))
    problems: dict[str, str] = {}
    for number, problem in _judged(evaluation, of, missing):
        if problem:
            problems[cases.identifier(number)] = problem
        done += 1
        advance(done, len(files))
    records = tuple(record for record in (read_record(file, of) for file in files) if record is not None)
    if not records:
        why = next(iter(problems.values()), "there are none")
        raise UnusableData(f"None of {len(files)} patients can be judged: {why}.")
    return Judged(records, problems)


def _judged(evaluation: Evaluation, of: str, numbers: list[int]) -> Iterator[tuple[int, str | None]]:
    """Each number when it is done, with what is wrong with the patient."""
    if evaluation.workers <= 1 or len(numbers) <= 1:
        yield from ((number, _judge(evaluation, of, number)) for number in numbers)
        return
    context = multiprocessing.get_context("spawn")
    shares = context.SimpleQueue()
    workers = min(evaluation.workers, len(numbers))
    for share in shares_of(sorted(os.sched_getaffinity(0)), workers):
        shares.put(share)
    pool = ProcessPoolExecutor(workers, context, initializer=_keep_to, initargs=(shares,))
    try:
        futures = {pool.submit(_judge, evaluation, of, number): number for number in numbers}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def shares_of(processors: list[int], workers: int) -> list[list[int]]:
    """Processors for each worker, as even as can be; shared where there are fewer than workers."""
    if workers >= len(processors):
        return [[processors[worker % len(processors)]] for worker in range(workers)]
    return [processors[worker::workers] for worker in range(workers)]


def _keep_to(shares: "multiprocessing.SimpleQueue[list[int]]") -> None:
    """Engines take the processors that a process may use, so that workers don't get in each other's way."""
    os.sched_setaffinity(0, shares.get())


def _judge(evaluation: Evaluation, of: str, number: int) -> str | None:
    cases, judges = _opened(evaluation, of)
    try:
        case = cases[number]
    except UptakeError as error:
        return str(error)
    judgement = judges(case)
    draw_tiles(case, judgement, evaluation.out / TILES / case.identifier)
    write_record(judgement.record, _file(evaluation.out, case.identifier))
    return None


def _file(out: Path, identifier: str) -> Path:
    return out / _RECORDS / f"{identifier}.json"


@functools.cache
def _opened(evaluation: Evaluation, of: str) -> tuple[Cases, Judges]:
    """A worker opens the data and loads the bundles once."""
    return open_cases(evaluation.data), Judges(evaluation.contenders, of)
