"""``uptake segment``: a network on NIfTI files, for research; the same code as the node."""

import time
from pathlib import Path
from typing import Annotated

import typer

from node.commands.output import ConfigFile, Json, console, done, fail, print_json, refuse, settings_from, stages, warn


def segment(
    pet: Annotated[Path, typer.Option("--pet", help="SUVbw, NIfTI.", exists=True, dir_okay=False)],
    bundle: Annotated[str, typer.Option("--bundle", help="A folder under models.folder, or the path of a bundle.")],
    out: Annotated[Path, typer.Option("--out", help="The mask, NIfTI (.nii or .nii.gz), on the grid of the PET.")],
    ct: Annotated[Path | None, typer.Option("--ct", help="CT in HU, NIfTI.", exists=True, dir_okay=False)] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Segment a PET/CT given as NIfTI with a bundle's network; write its label map. For research."""
    from config.reasons import Reason, Refused, Remark
    from config.volume import Unit
    from inference.grid import on_grid_of
    from inference.network.segment import segment_volume
    from inference.nifti import UnreadableNifti, read_nifti, write_mask
    from inference.segmentation.mask_classes import mask_classes
    from node.models import engine_cache, load_models, named_bundle

    if not out.name.endswith((".nii", ".nii.gz")):
        fail("--out must end in .nii or .nii.gz.")
    if not out.absolute().parent.is_dir():
        fail(f"The folder of {out} does not exist.")
    settings = settings_from(config)
    begin = time.perf_counter()
    with stages("Segmenting", quiet=as_json) as progress:
        try:
            progress("verify bundle")
            verified = named_bundle(settings.models, bundle)
            if ct is None and any(channel.name == "CT" for channel in verified.channels):
                refuse(Remark(Reason.BUNDLE_CHANNELS, f"{verified.name} reads a CT; give --ct."), as_json=as_json)
            progress("load engines")
            loaded = load_models(verified, settings.models, engine_cache(settings))
            progress("read")
            volumes = {"PET": read_nifti(pet, Unit.SUVBW)}
            if ct is not None:
                progress("resample CT")
                volumes["CT"] = on_grid_of(volumes["PET"], read_nifti(ct, Unit.HOUNSFIELD))
            labels = segment_volume(volumes, verified, loaded.engines, progress)
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
        except UnreadableNifti as error:
            fail(str(error), code=2)
        write_mask(labels, volumes["PET"].affine, out)
    voxels = {one.name: int((labels == one.value).sum()) for one in mask_classes(verified)}
    engine, remarks = loaded.engines[0], [str(remark) for remark in loaded.remarks]
    if as_json:
        print_json(
            {
                "mask": str(out),
                "bundle": verified.identity,
                "engine": engine.name,
                "device": engine.device,
                "volumes_ml": {name: round(n * volumes["PET"].voxel_volume_ml, 3) for name, n in voxels.items()},
                "remarks": remarks,
                "seconds": round(time.perf_counter() - begin, 2),
            }
        )
        return
    for remark in remarks:
        warn(remark)
    for name, count in voxels.items():
        console.print(f"{name}: {count * volumes['PET'].voxel_volume_ml:.1f} ml")
    done(f"Written to {out} by {verified.name} {verified.version}, {engine.name}")
