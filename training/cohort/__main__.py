"""Write patients of the digital cohort: ``python -m training.cohort --anatomy DIR --out DIR``."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from training.cohort.atlas import load_atlases
from training.cohort.cohort import Cohort, Split
from training.cohort.dicom import write_dicom
from training.cohort.nifti import write_patient
from training.cohort.overview import draw_overview
from training.cohort.truth import truth_of


def main(
    anatomy: Annotated[Path, typer.Option(help="Folder of the voxelised anatomy.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; a folder for each patient.")],
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Whose patients.")] = "train",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the cohort.")] = 0,
    first: Annotated[int, typer.Option(min=0, help="Number of the first patient.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many patients.")] = 1,
    cache: Annotated[Path | None, typer.Option(help="Where the atlas is kept; by default beside the patients.")] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="Write the study as DICOM too, into dicom/.")] = False,
) -> None:
    """SUV, CT, measured voxels and lesions as NIfTI, the truth as JSON, and a picture. The first run takes minutes."""
    atlases = load_atlases(anatomy, cache or out / "atlas")
    cohort = Cohort(atlases, Split[split.upper()], first + count, seed)
    for number in range(first, first + count):
        patient = cohort.patient(number)
        folder = out / cohort.identifier(number)
        folder.mkdir(parents=True, exist_ok=True)
        write_patient(patient, folder)
        (folder / "truth.json").write_text(json.dumps(truth_of(patient), indent=1), encoding="utf-8")
        draw_overview(patient).save(folder / "overview.png")
        if dicom:
            write_dicom(patient, folder / "dicom", cohort.identifier(number))
        typer.echo(folder)


if __name__ == "__main__":
    typer.run(main)
