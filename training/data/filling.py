"""Filling: the patients of a source into the cache, several at a time; what is there whole is not made again."""

import functools
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from config.reasons import UptakeError
from training.cache import CachedPatient, fingerprint_in, is_cached, read_patient, write_patient
from training.data.sources import Source, open_source
from training.sample import Samples


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one patient: cached, or a ``problem``. Remarks say what was left out."""

    identifier: str
    problem: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """The patients at hand and those that are not, in the order of their identifiers."""

    patients: tuple[CachedPatient, ...]
    skipped: tuple[Outcome, ...]


def fill(
    source: Source, cache: Path, workers: int, tell: Callable[[Outcome], None], advance: Callable[[int, int], None]
) -> Filled:
    """Put every patient of a source into ``cache``.

    Parameters
    ----------
    workers
        Processes; 1 stays in this one.
    tell
        Is given each patient that is skipped or of which something was left out, when it is found.
    advance
        Is given how many patients are done, and of how many.

    Raises
    ------
    UnusableData
        If the source has no patients at all.
    BrokenProcessPool
        If a process dies, as it does where memory is short.
    """
    samples = open_source(source)
    if samples.remarks:
        tell(Outcome("data", remarks=samples.remarks))
    wanted = range(len(samples))
    missing = [number for number in wanted if not _is_whole(samples, number, cache)]
    done, skipped = len(samples) - len(missing), dict[str, Outcome]()
    advance(done, len(samples))
    for outcome in _outcomes(source, samples, missing, cache, workers):
        done += 1
        if outcome.problem:
            skipped[outcome.identifier] = outcome
        if outcome.problem or outcome.remarks:
            tell(outcome)
        advance(done, len(samples))
    names = sorted({samples.identifier(number) for number in wanted} - set(skipped))
    return Filled(tuple(read_patient(cache / name) for name in names), tuple(skipped[name] for name in sorted(skipped)))


def _outcomes(source: Source, samples: Samples, numbers: list[int], cache: Path, workers: int) -> Iterator[Outcome]:
    if workers <= 1 or len(numbers) <= 1:
        yield from (_make(samples, number, cache) for number in numbers)
        return
    pool = ProcessPoolExecutor(min(workers, len(numbers)), multiprocessing.get_context("spawn"))
    try:
        for future in as_completed([pool.submit(_make_in_worker, source, number, cache) for number in numbers]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _make(samples: Samples, number: int, cache: Path) -> Outcome:
    identifier = samples.identifier(number)
    folder = cache / identifier
    try:
        sample = samples[number]
        shutil.rmtree(folder, ignore_errors=True)
        write_patient(sample, cache, samples.fingerprint(number))
    except UptakeError as error:
        return Outcome(identifier, problem=str(error))
    return Outcome(identifier, remarks=sample.remarks)


def _is_whole(samples: Samples, number: int, cache: Path) -> bool:
    folder = cache / samples.identifier(number)
    return is_cached(folder) and fingerprint_in(folder) == samples.fingerprint(number)


def _make_in_worker(source: Source, number: int, cache: Path) -> Outcome:
    return _make(_opened(source), number, cache)


_opened = functools.cache(open_source)
"""A worker opens its source once."""
