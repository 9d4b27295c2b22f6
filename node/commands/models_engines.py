"""``uptake models verify | build | bench``: whether bundles work on this machine, and how fast."""

import time
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from config.reasons import Refused
from inference.engines.selection import EngineKind, this_machine
from node.commands.output import (
    ConfigFile,
    Json,
    console,
    done,
    fail,
    print_json,
    refuse,
    settings_from,
    stages,
    warn,
    wrong,
)

Name = Annotated[str, typer.Argument(help="A name that `uptake models list` shows, or the path of a bundle.")]


def verify(
    name: Annotated[str | None, typer.Argument(help="One bundle; without it every one that `list` shows.")] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Also compare TensorRT with torch on the GPU; time both.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Verify bundles: digests, description, graphs, one window on this machine's engine; exit code 0 if all pass."""
    from node.model_checks import check_bundle
    from node.models import known_bundles

    settings = settings_from(config)
    names = [name] if name else list(known_bundles(settings.models))
    if not names:
        fail(f"There is no bundle under {settings.models.folder}.")
    with stages("Verifying", quiet=as_json) as progress:
        reports = [check_bundle(one, settings, gpu=gpu, progress=progress) for one in names]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print_report(report)
    if not all(report["verified"] for report in reports):
        raise typer.Exit(2)


def build(
    name: Name,
    engine: Annotated[EngineKind | None, typer.Option("--engine", help="By default what the settings say.")] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Build a bundle's engines and measure its precision ahead of time, so that the node's first start need not."""
    from node.models import engine_folder, load_models, named_bundle

    settings = settings_from(config)
    models = settings.models if engine is None else settings.models.model_copy(update={"engine": engine.value})
    begin = time.perf_counter()
    with stages("Building", quiet=as_json):
        try:
            loaded = load_models(named_bundle(models, name), models, engine_folder(settings))
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
    seconds = round(time.perf_counter() - begin, 2)
    engines, reason = loaded.engines, loaded.precision.reason
    remarks = [str(remark) for remark in engines[0].remarks]
    built = {"engine": engines[0].name, "precision": reason, "device": engines[0].device, "folds": len(engines)}
    if as_json:
        print_json({**built, "seconds": seconds, "remarks": remarks})
        return
    for remark in remarks:
        warn(remark)
    done(f"{built['engine']} on {built['device']} in {seconds} s; folds: {len(engines)}\n  precision: {reason}")


def bench(
    name: Name,
    engine: Annotated[
        list[EngineKind] | None, typer.Option("--engine", help="May be given several times; by default all that run.")
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Time one window of a bundle on each engine, in float32 and as the settings choose; compare with the first."""
    from node.model_checks import measure_engines
    from node.models import named_bundle

    settings = settings_from(config)
    kinds = engine or [kind for kind in EngineKind if not this_machine().lacks(kind)]
    with stages("Measuring", quiet=as_json):
        try:
            rows = measure_engines(named_bundle(settings.models, name), settings, kinds)
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
    if as_json:
        print_json(rows)
        return
    console.print(_comparison(rows))
    for row in rows:
        if row["chosen"]:
            console.print(f"{row['engine']}, by models.precision = auto: {row['chosen']}", soft_wrap=True)


def _print_report(report: dict[str, Any]) -> None:
    if "refused" in report:
        wrong(f"{report['name']}: {report['refused']} — {report['detail']}\n  {report['action']}")
        return
    say = done if report["verified"] else wrong
    say(f"{report['name']} {report['version']}: runs on {report['engine']}\n  precision: {report['precision']}")
    for remark in report["remarks"]:
        warn(remark)
    if "gpu" in report:
        console.print(_comparison(report["gpu"]))


def _comparison(rows: list[dict[str, Any]]) -> Table:
    table = Table(show_edge=False)
    for column in ("engine", "device", "ms per window", "largest difference, SD", "same label", "agrees"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row["engine"],
            row["device"],
            f"{row['seconds_per_window'] * 1000.0:.1f}",
            f"{row['largest_difference']:.2g}",
            f"{row['same_label']:.5f}",
            Text("yes", "green") if row["agrees"] else Text("no", "bold red"),
        )
    return table
