"""``uptake caption``: a sentence for each given lesion, figures measured, words by the caption model; for research."""

from typing import Annotated, Any

import typer
from rich.table import Table

from config.tracers import Tracer
from node.commands.lesion_options import Ct, Lesions, Pet, SexName
from node.commands.output import ConfigFile, Json, console, fail, print_json, refuse, settings_from, stages


def caption(
    pet: Pet,
    ct: Ct,
    lesions: Lesions,
    tracer: Annotated[Tracer, typer.Option("--tracer", help="That of the PET.")] = Tracer.FDG,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="By default models.captioning, or the one that is shipped.")
    ] = None,
    location_bundle: Annotated[
        str | None,
        typer.Option("--location-bundle", help="By default models.location_retrieval, or the one that is shipped."),
    ] = None,
    sex: SexName = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Put the lesions of a label map into words: a sentence each, with measured figures. For research."""
    from config.reasons import Refused
    from inference.bundles.shipped import CAPTIONS, LOCATION
    from inference.captioning.writer import Writer
    from inference.nifti import UnreadableNifti
    from inference.retrieval.retriever import Retriever
    from node.captioned_lesions import Patient, caption_document, caption_given
    from node.given_lesions import Files, read_given_lesions
    from node.models import named_bundle

    settings = settings_from(config)
    location_name = location_bundle or settings.models.location_retrieval or LOCATION
    caption_name = bundle or settings.models.captioning or CAPTIONS
    with stages("Captioning", quiet=as_json) as progress:
        try:
            progress("read")
            case = read_given_lesions(Files(pet, ct, lesions))
            progress("load models")
            retriever = Retriever(named_bundle(settings.models, location_name))
            writer = Writer(named_bundle(settings.models, caption_name))
            progress("look")
            captioned = caption_given(case, retriever, writer, Patient(tracer, sex))
            documents = [caption_document(each) for each in captioned]
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
        except UnreadableNifti as error:
            fail(str(error), code=2)
    if as_json:
        bundles = {"bundle": writer.bundle.identity, "location_bundle": retriever.bundle.identity}
        print_json({**bundles, "lesions": documents})
        return
    console.print(_captions(documents))


def _captions(lesions: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{len(lesions)} lesions", title_justify="left", show_edge=False)
    table.add_column("label", justify="right")
    table.add_column("caption", overflow="fold")
    table.add_column("words by", overflow="fold")
    for lesion in lesions:
        why = f": {lesion['why']}" if "why" in lesion else ""
        table.add_row(str(lesion["label"]), lesion["caption"], f"{lesion['source']}{why}")
    return table
