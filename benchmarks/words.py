"""Location and caption: milliseconds a finding by the models that come with the node, and by rules and grammar."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import TypeVar

import numpy as np

from benchmarks.bench import console, machine, study_folder, table
from config.settings import Settings
from dicom_io.reading.files import find_instances
from inference.anatomy.describe import describe
from inference.bundles.shipped import CAPTIONS, LOCATION, SHIPPED
from inference.bundles.store import load_bundle
from inference.captioning.writer import Writer
from inference.grid import on_grid_of
from inference.location.locate import locate
from inference.retrieval.body import make_body
from inference.retrieval.retriever import Retriever
from node.analysis import analyse_inputs, choose_inputs
from node.models import Models

ROUNDS = 5

Made = TypeVar("Made")
Place = TypeVar("Place")


def main() -> None:
    """Print what a finding costs, and what is done once a patient."""
    settings = Settings()
    with study_folder() as (name, folder):
        inputs = choose_inputs(find_instances(folder).headers, settings)
        context = analyse_inputs(inputs, settings, Models(settings)).context
    assert context.ct is not None
    suv, ct, labels = context.suv, context.ct.volume, context.analysis.labels
    places = [np.argwhere(labels == finding.number) for finding in context.analysis.findings]
    retrieve, write = Retriever(load_bundle(SHIPPED / LOCATION)), Writer(load_bundle(SHIPPED / CAPTIONS))
    body, body_s = _timed(lambda: make_body(suv, ct))
    ct_on_pet = on_grid_of(suv, ct)
    anatomy, anatomy_s = _timed(lambda: describe(suv, ct_on_pet))
    step_mm = suv.affine[:3, :3]
    answers = [retrieve(body, suv.points_mm(voxels), step_mm) for voxels in places]
    rows = table(f"{name}, {len(places)} findings, {machine()}", "what", "ms a finding", "once a patient")
    rows.add_row(
        "location by retrieval",
        _each(places, lambda voxels: retrieve(body, suv.points_mm(voxels), step_mm)),
        f"{body_s:.2f} s (body)",
    )
    rows.add_row(
        "location by rules",
        _each(places, lambda voxels: locate(voxels, suv, anatomy, ct_on_pet, None)),
        f"{anatomy_s:.2f} s (anatomy)",
    )
    located = [(voxels, answer) for voxels, answer in zip(places, answers, strict=True) if answer is not None]
    rows.add_row("words by the caption model", _each(located, lambda one: write(suv, ct, *one)), "–")
    console.print(rows)


def _each(places: Sequence[Place], call: Callable[[Place], object]) -> str:
    """Median over places and rounds."""
    return f"{1000.0 * median(_timed(partial(call, place))[1] for _ in range(ROUNDS) for place in places):.1f}"


def _timed(make: Callable[[], Made]) -> tuple[Made, float]:
    begin = time.perf_counter()
    return make(), time.perf_counter() - begin


if __name__ == "__main__":
    main()
