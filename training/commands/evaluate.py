"""``uptake evaluate``: what bundles and the rules beside them answer on patients, as tables and pictures."""

from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

REPORT, TABLES = "report.json", "report.md"


def evaluate(
    config: Annotated[Path, typer.Option("--config", help="Data, bundles and output (TOML): docs/training.md.")],
) -> None:
    """Evaluate bundles on a cohort or on own data; the same call goes on where it stopped."""
    from config.reasons import Refused
    from training.commands.output import fail
    from training.data.problem import UnusableData

    if find_spec("pycocoevalcap") is None:
        fail("Evaluation needs pycocoevalcap, which is not here: pip install 'uptake[train]'")
    try:
        _evaluate(config)
    except KeyboardInterrupt:
        fail("Stopped. The same call goes on from what is there.", code=130)
    except BrokenProcessPool:
        fail("A process died, as it does where memory is short; try fewer workers.")
    except (ValueError, OSError) as error:
        fail(str(error))
    except (UnusableData, Refused) as error:
        fail(str(error), code=2)


def _evaluate(config: Path) -> None:
    from pydantic import TypeAdapter

    from training.commands.comparison import read_comparison
    from training.commands.output import console, counting, done, warn
    from training.evaluation.pictures import draw_pages
    from training.evaluation.report import Report, make_report
    from training.evaluation.run import TILES, judge_all
    from training.evaluation.tables import as_markdown

    evaluation = read_comparison(config)
    with counting("patients") as advance:
        judged = judge_all(evaluation, advance)
    for patient, problem in judged.left_out.items():
        warn(f"{patient} is left out: {problem}")
    report = make_report(judged)
    tables = as_markdown(report)
    out = evaluation.out
    (out / REPORT).write_bytes(TypeAdapter(Report).dump_json(report, indent=1))
    (out / TABLES).write_text(tables, encoding="utf-8")
    pages = draw_pages(judged.records, out / TILES, out)
    console.print(tables, soft_wrap=True)
    done(f"Written to {out}: {', '.join([REPORT, TABLES, *(page.name for page in pages)])}")
