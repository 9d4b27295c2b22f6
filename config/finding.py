"""Findings: what an analysis says about one study, in values that every package shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.organs import OrganMap
from config.reasons import Remark
from config.result_kind import ResultKind as ResultKind
from config.tracers import Tracer
from config.vocabulary import Location

LabelMap = NDArray[np.uint16]
"""Shape (slices, rows, columns) on the PET grid; a voxel's value is the number of its finding, 0 for none."""


class FindingKind(StrEnum):
    LESION = "lesion"
    PHYSIOLOGIC = "physiologic"


@dataclass(frozen=True, slots=True)
class Measurements:
    """Measurements of one finding on the PET grid.

    SUV in g/ml (SUVbw), volumes in ml, lengths in mm, ``tlg`` in g. ``suv_peak`` is the largest mean over the voxels
    whose centres lie within a sphere of 1 cm³ around a voxel of the finding (IBSI). ``centroid_mm`` is the geometric
    centroid in LPS. Indices count array (slice, row, column) from 0; ``slices`` are the first and last slice index.
    """

    suv_max: float
    suv_peak: float
    suv_mean: float
    mtv_ml: float
    tlg: float
    long_axis_mm: float
    short_axis_mm: float
    centroid_mm: tuple[float, float, float]
    suv_max_index: tuple[int, int, int]
    slices: tuple[int, int]
    voxel_count: int


@dataclass(frozen=True, slots=True)
class LocationAnswer:
    """Where a finding lies: the entry of the vocabulary, its confidence in [0, 1], and the ranked alternatives."""

    location: Location
    confidence: float
    top5: tuple[tuple[Location, float], ...]


class GradeScale(StrEnum):
    """Scales that grade uptake by what else takes the tracer up."""

    DEAUVILLE = "Deauville"  # 1 to 5, FDG in lymphoma
    PROMISE = "PROMISE"  # miPSMA score, 0 to 3, PSMA ligands


@dataclass(frozen=True, slots=True)
class UptakeGrade:
    """A grade of uptake; ``why`` says what it rests on, in words and numbers."""

    scale: GradeScale
    score: int
    why: str

    def __str__(self) -> str:
        """``Deauville 4`` or ``miPSMA score 2``, as reports have it."""
        return f"{'Deauville' if self.scale is GradeScale.DEAUVILLE else 'miPSMA score'} {self.score}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One candidate with its class, measurements, location and caption. ``reason`` says why it is of its kind.

    ``grade`` is None where no scale is meant for the examination, a reference that decides was not found, or the
    uptake is physiologic.
    """

    number: int
    kind: FindingKind
    reason: str
    threshold_suv: float
    measurements: Measurements
    location: LocationAnswer
    caption: str
    grade: UptakeGrade | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Whole-body totals over lesions: ``tmtv_ml`` ml, ``tlg`` g, ``dmax_mm`` largest centroid distance or None."""

    lesion_count: int
    tmtv_ml: float
    tlg: float
    suv_max: float | None
    dmax_mm: float | None


@dataclass(frozen=True, slots=True)
class Method:
    """How a stage worked: its name, version and parameters, for provenance in result objects."""

    stage: str
    name: str
    version: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the pipeline gives for one pair. ``findings`` are ordered: lesions first by SUVmax, then physiologic.

    ``summary`` is a paragraph of what was measured.
    """

    tracer: Tracer
    findings: tuple[Finding, ...]
    labels: LabelMap
    totals: Totals
    methods: tuple[Method, ...]
    remarks: tuple[Remark, ...]
    references: Mapping[str, float]
    timings_s: Mapping[str, float]
    summary: str = ""
    organs: OrganMap | None = None

    @property
    def lesions(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind is FindingKind.LESION)
