"""``uptake train``: from patients to a bundle that the node runs."""

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.cache import CachedPatient
    from training.commands.plan import Plan
    from training.data.filling import Outcome
    from training.data.sources import Source

_NEEDED = ("torch", "monai", "matplotlib", "onnx", "onnxscript")


class Model(StrEnum):
    SEGMENTATION = "segmentation"
    LOCATION = "location"
    CAPTION = "caption"


def train(
    model: Annotated[Model, typer.Argument(help="What to train.")],
    config: Annotated[Path, typer.Option("--config", help="Data, output and recipe (TOML): docs/training.md.")],
) -> None:
    """Train a model on a cohort or on own data and write its bundle; the same call goes on where it stopped."""
    from concurrent.futures.process import BrokenProcessPool

    from training.commands.output import fail

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        fail(f"Training needs {', '.join(missing)}, not installed here: pip install 'uptake[train]'")
    from training.commands.plan import WrongPlan
    from training.commands.run import UnlikeRun
    from training.data.problem import UnusableData

    skipped: list[Outcome] = []
    try:
        _train(model, config, skipped)
    except (WrongPlan, UnlikeRun, ArithmeticError, OSError) as error:
        fail(str(error))
    except UnusableData as error:
        fail(str(error), code=2)
    except BrokenProcessPool:
        fail("A process that prepares patients died, as it does where memory is short; try fewer workers.")
    except KeyboardInterrupt:
        fail("Stopped. The same call goes on from what is there.", code=130)
    finally:
        _list(skipped)


def _train(model: Model, config: Path, skipped: "list[Outcome]") -> None:
    from training.commands.output import done
    from training.commands.plan import read_plan
    from training.commands.run import recipe_of, run
    from training.data.shares import keep_back

    plan = read_plan(config)
    recipe = recipe_of(model, plan)
    plan.out.mkdir(parents=True, exist_ok=True)
    patients = _patients(plan.data, "train", plan, skipped)
    if plan.validation is None:
        training, validation = keep_back(patients)
    else:
        training, validation = patients, _patients(plan.validation, "validation", plan, skipped)
    done(f"{len(training)} patients to learn from, {len(validation)} to validate on")
    bundle = run(recipe, training, validation, plan)
    done(f"{bundle.folder}: {bundle.name} {bundle.version}, {bundle.task}, digest {bundle.digest[:12]}")


def _patients(source: "Source", name: str, plan: "Plan", skipped: "list[Outcome]") -> "tuple[CachedPatient, ...]":
    """A source's patients in the cache; what is wrong with one is said when it is found."""
    from training.commands.output import counting, warn
    from training.data.filling import fill

    def tell(outcome: "Outcome") -> None:
        for remark in outcome.remarks:
            warn(f"{outcome.identifier}: {remark}")
        if outcome.problem:
            warn(f"{outcome.identifier} is skipped: {outcome.problem}")

    with counting(f"{name} patients") as advance:
        filled = fill(source, plan.cache / name, plan.workers, tell, advance)
    skipped.extend(filled.skipped)
    return filled.patients


def _list(skipped: "list[Outcome]") -> None:
    from training.commands.output import warn

    if skipped:
        warn(f"{len(skipped)} patients were skipped:")
        for outcome in skipped:
            warn(f"  {outcome.identifier}: {outcome.problem}")
