"""Plan: the configuration file of ``uptake train``."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from config.tracers import Tracer
from training.data.sources import Place, Source
from training.recipe import STRICT

Words = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class BundleWords:
    """What the bundle is to say of itself; without a tracer it is for any."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Words
    version: Words
    licence: Words
    training_data: Words
    tracer: Tracer | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: its patients, its folder, its bundle, and what differs from the recipe that ships.

    Without ``validation`` every eighth patient of ``data`` is kept for it. ``out`` gets checkpoint, curves and the
    bundle; ``cache`` holds the patients on the networks' grids and can be shared by runs on the same data.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    data: Source
    out: Place
    cache: Place
    bundle: BundleWords
    validation: Source | None = None
    workers: Annotated[int, Field(ge=1)] = 1
    recipe: dict[str, Any] = field(default_factory=dict)


class WrongPlan(ValueError):
    """A configuration that can't be used; says every key that is wrong."""


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file; paths in it are relative to its folder.

    Raises
    ------
    WrongPlan
        If the file can't be read, has a key or a value that a plan doesn't, or names a folder that isn't there.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        plan = TypeAdapter(Plan).validate_python(content, context={"base": path.absolute().parent})
    except OSError as error:
        raise WrongPlan(f"{path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
        raise WrongPlan(f"{path} is wrong:\n" + "\n".join(lines)) from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise WrongPlan(f"{path} is not TOML: {error}.") from error
    if plan.validation == plan.data:
        raise WrongPlan(f"{path}: validation is the same as data; without it every eighth patient is kept back.")
    return plan
