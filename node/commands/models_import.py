"""``uptake models import``: models of other frameworks as bundles."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from config.reasons import Refused
from config.tracers import Tracer
from inference.bundles.specification import FILES, Bundle, Task
from inference.importers.description import Description
from node.commands.output import Json, done, fail, print_json, refuse, stages

app = typer.Typer(help="Make a bundle of a model of another framework.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="The model's folder.", exists=True, file_okay=False)]
Out = Annotated[Path, typer.Option("--out", help="The bundle's folder, to be made; its name is what settings name.")]


def _labels_voxels(task: Task) -> Task:
    if task in FILES:
        raise typer.BadParameter(f"a model for {task} gives no label to a voxel; `uptake train` makes one.")
    return task


TaskName = Annotated[Task, typer.Option("--task", help="What the model is for.", callback=_labels_voxels)]
TracerName = Annotated[Tracer | None, typer.Option("--tracer", help="The tracer that it was trained on.")]
Name = Annotated[str | None, typer.Option("--name", help="By default the folder's name.")]
Version = Annotated[str | None, typer.Option("--version", help="As it is to be recorded with results.")]
Licence = Annotated[str | None, typer.Option("--licence", help="Of the weights.")]
TrainingData = Annotated[str | None, typer.Option("--training-data", help="What it was trained on, in words.")]
IntendedUse = Annotated[str | None, typer.Option("--intended-use", help="What its makers say that it is for.")]
Channels = Annotated[
    list[str] | None,
    typer.Option("--channel", help="PET or CT for each input, in their order; by default recognised by name."),
]
OrientationCode = Annotated[
    str | None,
    typer.Option(
        "--orientation",
        help="Where indices grow along (slice, row, column) of the training images: SPL as in DICOM, SAL as in NIfTI"
        " files made by dcm2niix or dicom2nifti. By default images are taken as they are stored.",
    ),
]
Mirroring = Annotated[
    bool, typer.Option("--mirroring", help="Average over mirrored windows, as nnU-Net does by default: 8 times slower.")
]


@app.command()
def nnunet(
    folder: Source,
    out: Out,
    task: TaskName = Task.LESION_SEGMENTATION,
    tracer: TracerName = None,
    name: Name = None,
    version: Version = None,
    licence: Licence = None,
    training_data: TrainingData = None,
    intended_use: IntendedUse = None,
    channel: Channels = None,
    orientation: OrientationCode = None,
    mirroring: Mirroring = False,
    fold: Annotated[list[str] | None, typer.Option("--fold", help="By default all that there are.")] = None,
    checkpoint: Annotated[str, typer.Option("--checkpoint", help="File name in each fold.")] = "checkpoint_final.pth",
    as_json: Json = False,
) -> None:
    """Import an nnU-Net v2 result folder: plans.json, dataset.json, fold_*/checkpoint_*.pth; folds are an ensemble."""
    from inference.importers.nnunet import Folds, import_nnunet

    description = Description(
        task=task,
        tracer=tracer,
        name=name or out.name,
        version=version,
        licence=licence,
        training_data=training_data,
        intended_use=intended_use,
        channels=tuple(channel) if channel else None,
        orientation=orientation,
        mirroring=mirroring,
    )
    folds = Folds(tuple(fold) if fold else None, checkpoint)
    _import(lambda: import_nnunet(folder, out, description, folds), out, as_json=as_json)


@app.command()
def monai(
    folder: Source,
    out: Out,
    task: TaskName = Task.LESION_SEGMENTATION,
    tracer: TracerName = None,
    name: Name = None,
    version: Version = None,
    licence: Licence = None,
    training_data: TrainingData = None,
    intended_use: IntendedUse = None,
    channel: Channels = None,
    orientation: OrientationCode = None,
    as_json: Json = False,
) -> None:
    """Import a MONAI bundle: configs/metadata.json with a TorchScript, ONNX or state dict and its network."""
    from inference.importers.monai import import_monai

    description = Description(
        task=task,
        tracer=tracer,
        name=name or out.name,
        version=version,
        licence=licence,
        training_data=training_data,
        intended_use=intended_use,
        channels=tuple(channel) if channel else None,
        orientation=orientation,
    )
    _import(lambda: import_monai(folder, out, description), out, as_json=as_json)


def _import(make: Callable[[], Bundle], out: Path, *, as_json: bool) -> None:
    if out.exists():
        fail(f"{out} exists already; name another folder or remove it.", code=2)
    with stages("Importing", quiet=as_json):
        try:
            bundle = make()
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
    if as_json:
        print_json({"folder": str(bundle.folder), **bundle.identity})
        return
    channels = " and ".join(channel.name for channel in bundle.channels)
    folds = len(bundle.network.graphs)
    done(
        f"{bundle.name} {bundle.version} in {bundle.folder}: reads {channels}; folds: {folds}\n  digest {bundle.digest}"
    )
