"""Recipes: what a run of training depends on besides its patients, read from TOML."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

Recipe = TypeVar("Recipe")


def read_recipe(path: Path, kind: type[Recipe]) -> Recipe:
    """The recipe in a file; what it leaves out has its default.

    Raises
    ------
    ValueError
        If the file has a key or a value that the recipe doesn't; says which.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return _validated(content, kind, str(path), base=path.absolute().parent)


def shipped_recipe(task: str, kind: type[Recipe], changes: Mapping[str, Any]) -> Recipe:
    """The recipe that ships for a task (``recipes/TASK.toml``) with some of it changed.

    Raises
    ------
    ValueError
        If ``changes`` has a key or a value that the recipe doesn't; says which.
    """
    shipped = tomllib.loads((files("training") / "recipes" / f"{task}.toml").read_text(encoding="utf-8"))
    return _validated(_changed(shipped, changes), kind, "recipe")


def _changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are changed key by key, everything else is replaced."""
    nested = {
        key: _changed(content[key], value)
        for key, value in changes.items()
        if isinstance(value, Mapping) and isinstance(content.get(key), Mapping)
    }
    return {**content, **changes, **nested}


def _validated(content: Mapping[str, Any], kind: type[Recipe], where: str, base: Path = Path()) -> Recipe:
    try:
        return TypeAdapter(kind).validate_python(content, context={"base": base})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ValueError(f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
