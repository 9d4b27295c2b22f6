"""Comparison: the configuration file of ``uptake evaluate``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from inference.bundles.shipped import SHIPPED
from training.data.sources import Folder, Place, Source
from training.evaluation.judges import Contenders, Named
from training.evaluation.run import Evaluation
from training.recipe import STRICT, read_recipe

Bundles = dict[str, str]
"""Bundles by the label that tables give them: the name of one that ships with the node, or a path with a slash."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the file says; either ``data`` or ``cache``, the folder of a cache, where only words can be judged."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    out: Place
    data: Source | None = None
    cache: Folder | None = None
    workers: Annotated[int, Field(ge=1)] = 1
    baseline: bool = True
    sanity: bool = True
    segmentation: Bundles = field(default_factory=dict)
    location: Bundles = field(default_factory=dict)
    caption: Bundles = field(default_factory=dict)


def read_comparison(path: Path) -> Evaluation:
    """What to evaluate, by a TOML file; paths in it are relative to its folder.

    Raises
    ------
    ValueError
        If the file can't be read, or asks for what makes no sense; says what is wrong.
    """
    try:
        asked = read_recipe(path, Comparison)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}.") from error
    data = asked.data or asked.cache
    if data is None or (asked.data and asked.cache):
        raise ValueError(f"{path}: either [data] or cache is needed, and not both.")
    if asked.caption and not asked.location:
        raise ValueError(f"{path}: captions are guided by a location bundle; [location] has none.")
    if asked.cache and asked.segmentation:
        raise ValueError(f"{path}: a cache holds no whole patients; [segmentation] needs [data].")
    base = path.absolute().parent
    contenders = Contenders(
        _placed(asked.segmentation, base),
        _placed(asked.location, base),
        _placed(asked.caption, base),
        baseline=asked.baseline,
        sanity=asked.sanity,
    )
    return Evaluation(data, contenders, asked.out, asked.workers)


def _placed(bundles: Bundles, base: Path) -> Named:
    """The folder of each bundle."""
    return tuple((label, base / name if "/" in name else SHIPPED / name) for label, name in bundles.items())
