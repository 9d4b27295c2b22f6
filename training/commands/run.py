"""Run: from cached patients to a bundle; one that was stopped and started again gives the same bundle."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from inference.bundles.specification import Bundle, Task, WordsSpecification
from inference.bundles.store import load_bundle
from training.cache import CachedPatient
from training.caption.export import export_caption
from training.caption.train import CaptionRecipe, train_caption
from training.commands.plan import BundleWords, Plan, WrongPlan
from training.data.problem import UnusableData
from training.location.export import export_location
from training.location.train import LocationRecipe, train_location
from training.recipe import shipped_recipe
from training.sample import LesionTruth
from training.segmentation.network import INTENDED_USE, specification
from training.segmentation.train import SegmentationRecipe, export_segmentation, train_segmentation

Patients = Sequence[CachedPatient]
Recipe = SegmentationRecipe | LocationRecipe | CaptionRecipe

_RECIPES: dict[str, type[Recipe]] = {
    "segmentation": SegmentationRecipe,
    "location": LocationRecipe,
    "caption": CaptionRecipe,
}


class UnlikeRun(ValueError):
    """The output folder holds a run with another recipe or other patients."""


def recipe_of(model: str, plan: Plan) -> Recipe:
    """The recipe that ships for a model, with the plan's changes; ``WrongPlan`` if one of them is wrong."""
    if plan.bundle.tracer is not None and model != "segmentation":
        raise WrongPlan(f"bundle.tracer: a bundle for {model} is for any tracer; leave it out.")
    try:
        return shipped_recipe(model, _RECIPES[model], plan.recipe)
    except ValueError as error:
        raise WrongPlan(str(error)) from error


def run(recipe: Recipe, training: Patients, validation: Patients, plan: Plan) -> Bundle:
    """Train, or go on training, in ``plan.out``; the bundle is its folder ``bundle``.

    Raises
    ------
    UnusableData
        If there is nothing to learn or to validate on.
    UnlikeRun
        If the folder holds another run.
    """
    for name, patients in (("training", training), ("validation", validation)):
        _check(recipe, patients, name)
    both = {_made_from(patient) for patient in training} & {_made_from(patient) for patient in validation}
    if both:
        raise UnusableData(f"{len(both)} patients are both in data and in validation, such as {min(both)[0]}.")
    _claim(plan.out, recipe, {"training": training, "validation": validation})
    return _replaced(plan.out / "bundle", _trained(recipe, training, validation, plan))


def _trained(recipe: Recipe, training: Patients, validation: Patients, plan: Plan) -> Callable[[Path], Bundle]:
    """Train; what is given writes the bundle into a new folder."""
    about = plan.bundle
    match recipe:
        case SegmentationRecipe():
            network = train_segmentation(recipe, training, validation, plan.out)
            said = specification(about.version, about.tracer, about.training_data, about.licence)
            return partial(export_segmentation, network, replace(said, name=about.name))
        case LocationRecipe():
            model, temperatures = train_location(recipe, training, validation, plan.out)
            words = _words(about, Task.LOCATION_RETRIEVAL)
            return partial(export_location, model, temperatures, recipe.wording, words)
        case CaptionRecipe():
            captioner = train_caption(recipe, training, validation, plan.out)
            return partial(
                export_caption,
                captioner,
                _words(about, Task.CAPTIONING),
                windows=recipe.guidance.windows,
                prompts=recipe.guidance.prompts,
            )


def _words(about: BundleWords, task: Task) -> WordsSpecification:
    return WordsSpecification(
        name=about.name,
        version=about.version,
        task=task,
        licence=about.licence,
        training_data=about.training_data,
        intended_use=INTENDED_USE,
    )


def _replaced(folder: Path, export: Callable[[Path], Bundle]) -> Bundle:
    """Export beside the bundle of an earlier call and take its place."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    export(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return load_bundle(folder)


def _check(recipe: Recipe, patients: Patients, name: str) -> None:
    if not patients:
        raise UnusableData(f"There is no usable {name} patient.")
    teaches, what = _TEACHES[type(recipe)]
    if not any(teaches(lesion) for patient in patients for lesion in patient.lesions):
        raise UnusableData(f"None of the {len(patients)} {name} patients has a lesion{what}.")


_TEACHES: dict[type[Recipe], tuple[Callable[[LesionTruth], bool], str]] = {
    SegmentationRecipe: (lambda lesion: True, ""),
    LocationRecipe: (lambda lesion: lesion.leaf is not None, " with a known location"),
    CaptionRecipe: (
        lambda lesion: lesion.leaf is not None and lesion.ct_finding is not None,
        " with a known location and CT finding",
    ),
}


def _claim(out: Path, recipe: Recipe, groups: Mapping[str, Patients]) -> None:
    """Note what the folder's run is made of; ``UnlikeRun`` if it has a checkpoint of something else."""
    plain = TypeAdapter(type(recipe)).dump_python(recipe, mode="json")
    said = {"recipe": plain, **{name: _summary(patients) for name, patients in groups.items()}}
    path = out / "run.json"
    if (out / "checkpoint.pt").exists():
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        changed = [key for key in said if before.get(key) != said[key]]
        if changed:
            raise UnlikeRun(
                f"{out} holds a run that differs in its {' and '.join(changed)}; see {path}. "
                "Name another folder, or remove this one to begin anew."
            )
    path.write_text(json.dumps(said, indent=1), encoding="utf-8")


def _made_from(patient: CachedPatient) -> tuple[str, str]:
    return patient.folder.name, patient.fingerprint


def _summary(patients: Patients) -> dict[str, Any]:
    digest = sha256()
    for patient in patients:
        digest.update(f"{_made_from(patient)} {patient.lesions}\n".encode())
    lesions = sum(len(patient.lesions) for patient in patients)
    return {"patients": len(patients), "lesions": lesions, "digest": digest.hexdigest()}
