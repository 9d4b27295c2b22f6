"""One analysis: the instances of a study become findings and result objects."""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pydicom import Dataset

from config.profiles import Profile, kinds_of
from config.result_kind import ResultKind
from config.settings import Settings
from config.tracers import PROFILES
from dicom_io.digest import dataset_digest
from dicom_io.identity import Provenance, ResultReference
from dicom_io.indication import indication
from dicom_io.reading.evidence import missing_slices_remarks
from dicom_io.reading.identifiers import complete_series
from dicom_io.reading.series import Pair, choose_pair, group_series
from dicom_io.reading.volume import Acquisition, read_ct, read_pet
from dicom_io.results.encode import encode
from dicom_io.results.result import Result, ResultContext
from dicom_io.suv.quantification import Quantification
from dicom_io.suv.quantify import quantify, to_suv
from inference.options import Options
from node.compute import Compute
from node.follow_up import tracking_from_prior

Progress = Callable[[str], None]

GENERAL_KINDS = kinds_of(Profile.GENERAL)


@dataclass(frozen=True, slots=True)
class Revision:
    """Which analysis of a study this is, and what came before it.

    ``predecessor``: the documents that it replaces or follows. ``prior``: where the results of the patient's earlier
    examination lie.
    """

    number: int = 1
    predecessor: tuple[ResultReference, ...] = ()
    prior: Path | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is analysed of a study: the pair, and the digest of its instances."""

    pair: Pair
    digest: str

    def after(self, prior: Iterable[str]) -> "Inputs":
        """The inputs of an analysis that goes on from a prior report, of which the SOP Instance UIDs are given."""
        return replace(self, digest=_sha256([self.digest, *prior]))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one analysis gave.

    ``models``: for each task that a bundle did, the bundle's name, version and digest, and its engine. Where nothing is
    segmented there is no SEG among ``objects``.
    """

    context: ResultContext
    pair: Pair
    models: Mapping[str, Mapping[str, str]]
    objects: tuple[Result, ...]
    timings_s: Mapping[str, float]

    @property
    def sources(self) -> tuple[Dataset, ...]:
        """The headers of the images that the results were made of."""
        return (*self.pair.pet.headers, *(self.pair.ct.headers if self.pair.ct else ()))


def choose_inputs(headers: Sequence[Dataset], settings: Settings) -> Inputs:
    """The pair of a study, from the headers of its instances, whose content is read from ``header.filename``.

    Raises
    ------
    Refused
        If there is no pair that can be analysed.
    """
    complete_series(headers)
    pair = choose_pair(group_series(headers), pet_only=settings.analysis.pet_only)
    return Inputs(pair, _digest(pair))


def analyse_inputs(
    inputs: Inputs,
    settings: Settings,
    compute: Compute,
    *,
    kinds: Collection[ResultKind] = GENERAL_KINDS,
    revision: Revision = Revision(),
    progress: Progress = lambda stage: None,
) -> Outcome:
    """Analyse a pair: read it, quantify, find, and encode the results of the ``kinds`` wanted.

    Raises
    ------
    Refused
        With the coded reason, when the study can't be analysed honestly, or the bundle for its tracer can't be loaded.
    Unavailable
        If what computes can't be had at the moment.
    """
    clock = _Stopwatch(progress)
    pair = inputs.pair
    clock.start("read")
    ct = read_ct(pair.ct) if pair.ct else None
    pet = read_pet(pair.pet)
    clock.start("quantify")
    quantification = quantify(pet.headers, pair.mappings)
    suv = to_suv(pet, quantification)
    options = _options(settings, quantification, pet)
    tracer = options.profile.tracer
    clock.start("load models")
    identities = compute.identities(tracer)
    clock.stop()
    selection = (*pair.remarks, *missing_slices_remarks(pair.pet))
    remarks = (*selection, *pet.remarks, *(ct.remarks if ct else ()), *quantification.remarks)
    analysis = compute.analyse(suv, ct.volume if ct else None, options, progress, remarks=remarks)
    clock.start("encode")
    context = ResultContext(
        pet=pet,
        suv=suv,
        ct=ct,
        quantification=quantification,
        analysis=analysis,
        provenance=_provenance(inputs, settings, compute, revision),
        selection=selection,
    )
    if revision.prior is not None:
        context = replace(context, tracking=tracking_from_prior(context, revision.prior))
    objects = encode(
        context, kinds, grid=settings.results.segmentation_grid, most_frames=settings.results.maximum_frames
    )
    clock.stop()
    return Outcome(
        context=context,
        pair=pair,
        models=identities,
        objects=objects,
        timings_s={**clock.timings_s, **analysis.timings_s},
    )


def settings_digest(settings: Settings, compute: Compute) -> str:
    """SHA-256 of the settings that shape a result, and of the models that do."""
    shaping = settings.model_dump(mode="json", include={"analysis", "results"}) | {"models": compute.digest()}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def _options(settings: Settings, quantification: Quantification, pet: Acquisition) -> Options:
    return Options(
        profile=PROFILES[settings.analysis.tracer or quantification.tracer],
        threshold=settings.analysis.threshold,
        minimum_volume_ml=settings.analysis.minimum_volume_ml,
        sex=quantification.sex,
        indication=settings.analysis.indication or indication(pet.headers[0]),
        radiopharmaceutical=quantification.radiopharmaceutical,
    )


def _provenance(inputs: Inputs, settings: Settings, compute: Compute, revision: Revision) -> Provenance:
    return Provenance(
        version=version("uptake"),
        label=settings.results.label,
        manufacturer=settings.results.manufacturer,
        input_digest=inputs.digest,
        settings_digest=settings_digest(settings, compute),
        revision=revision.number,
        series_number=settings.results.series_number,
        predecessor=revision.predecessor,
        models_digest=compute.digest(),
    )


def _digest(pair: Pair) -> str:
    series = [pair.pet, *([pair.ct] if pair.ct else [])]
    headers = [*(header for one in series for header in one.headers), *pair.mappings]
    lines = sorted(f"{header.SOPInstanceUID} {dataset_digest(Path(header.filename))}" for header in headers)
    return _sha256(lines)


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Stopwatch:
    def __init__(self, progress: Progress) -> None:
        self.timings_s: dict[str, float] = {}
        self._progress = progress
        self._stage = ""
        self._since = 0.0

    def start(self, stage: str) -> None:
        self.stop()
        self._progress(stage)
        self._stage, self._since = stage, time.perf_counter()

    def stop(self) -> None:
        if self._stage:
            elapsed = time.perf_counter() - self._since
            self.timings_s[self._stage] = self.timings_s.get(self._stage, 0.0) + elapsed
            self._stage = ""
