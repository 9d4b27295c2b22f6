"""Models pinned: a running node works with the bundles that were verified when it started.

Whatever becomes of the folder of models while the node runs, its workers, also those that are started again, load from
the node's own copies. Another bundle takes effect with the next start, and only if it can be loaded.
"""

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from config.reasons import Reason, Refused
from config.settings import Settings
from inference.bundles.specification import Bundle
from inference.bundles.store import MANIFEST, load_bundle
from node.models import Models, named_bundle
from node.spool import Spool


def pin_models(settings: Settings) -> tuple[Settings, tuple[Bundle, ...]]:
    """Copy the bundles that the settings name into the spool; the settings that point there, and the bundles.

    Every bundle is loaded once, engine and all, in a process of its own: a graph that crashes its engine does not take
    the node down. No other node may work in that.

    Raises
    ------
    Refused
        With the name of a bundle that can't be loaded, and why; the copies of the last start are left as they were.
    """
    names = settings.models.bundles
    if not names:
        return settings, ()
    _check_loading(settings)
    folder = Spool.of(settings).own / "pinned"
    folder.mkdir(parents=True, exist_ok=True)
    bundles = tuple(_pin(named_bundle(settings.models, name), folder / name) for name in names)
    models = settings.models.model_copy(update={"folder": folder})
    return settings.model_copy(update={"models": models}), bundles


def _check_loading(settings: Settings) -> None:
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
            process.submit(_load_all, settings).result()
    except BrokenProcessPool as died:
        names = ", ".join(settings.models.bundles)
        raise Refused(Reason.BUNDLE_GRAPH, f"The process that loaded {names} died.") from died


def _load_all(settings: Settings) -> None:
    Models(settings).load_all()


def _pin(bundle: Bundle, target: Path) -> Bundle:
    """A verified copy of a bundle; what is there already is kept if it is the same."""
    try:
        kept = load_bundle(target)
    except Refused:
        pass
    else:
        if kept.digest == bundle.digest:
            return kept
    part = target.with_name(f"{target.name}.part")
    for stale in (part, target):
        if stale.exists():
            shutil.rmtree(stale)
    for name in (*bundle.digests, MANIFEST):
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.folder / name, part / name)
    verified = load_bundle(part)
    part.rename(target)
    return replace(verified, folder=target)
