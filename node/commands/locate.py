"""``uptake locate``: where given lesions lie, or what a text means, by the location model; for research."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from node.commands.lesion_options import CT, LESIONS, PET, SexName
from node.commands.output import ConfigFile, Json, console, fail, print_json, refuse, settings_from, stages


def locate(
    pet: Annotated[Path | None, PET] = None,
    ct: Annotated[Path | None, CT] = None,
    lesions: Annotated[Path | None, LESIONS] = None,
    query: Annotated[str | None, typer.Option("--query", help="Rank the locations for free text instead.")] = None,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="By default models.location_retrieval, or the one that is shipped.")
    ] = None,
    sex: SexName = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Say where the lesions of a label map lie: five locations each, with confidence. For research."""
    from config.reasons import Refused
    from inference.bundles.shipped import LOCATION
    from inference.nifti import UnreadableNifti
    from inference.retrieval.retriever import Retriever
    from node.given_lesions import Files, read_given_lesions
    from node.located_lesions import locate_given, location_document
    from node.models import named_bundle

    if query is not None and (pet or ct or lesions):
        fail("--query needs no images: leave out --pet, --ct and --lesions.", code=2)
    settings = settings_from(config)
    name = bundle or settings.models.location_retrieval or LOCATION
    with stages("Locating", quiet=as_json) as progress:
        try:
            if query is None:
                if pet is None or ct is None or lesions is None:
                    fail("--pet, --ct and --lesions are needed, or --query.", code=2)
                progress("read")
                case = read_given_lesions(Files(pet, ct, lesions))
            progress("load model")
            retriever = Retriever(named_bundle(settings.models, name))
            document: dict[str, Any] = {"bundle": retriever.bundle.identity}
            if query is not None:
                document |= _ranked(retriever, query)
            else:
                progress("look")
                document["lesions"] = [location_document(each) for each in locate_given(case, retriever, sex)]
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
        except UnreadableNifti as error:
            fail(str(error), code=2)
    if as_json:
        print_json(document)
    elif query is not None:
        _print_ranked(document)
    else:
        console.print(_locations(document["lesions"]))


def _ranked(retriever: Any, query: str) -> dict[str, Any]:
    from node.located_lesions import place_document

    ranked = [{**place_document(place), "similarity": round(cosine, 4)} for place, cosine in retriever.rank(query)]
    found: dict[str, Any] = {"query": query, "top5": ranked}
    return found if ranked else {**found, "not_localised": "The model knows none of these words."}


def _print_ranked(document: dict[str, Any]) -> None:
    if not document["top5"]:
        fail(document["not_localised"])
    table = Table(show_edge=False)
    table.add_column("location")
    table.add_column("part of")
    table.add_column("similarity", justify="right")
    for place in document["top5"]:
        table.add_row(place["name"], place["coarse"], f"{place['similarity']:.2f}")
    console.print(table)


def _locations(lesions: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{len(lesions)} lesions", title_justify="left", show_edge=False)
    table.add_column("label", justify="right")
    table.add_column("location", overflow="fold")
    table.add_column("confidence", justify="right")
    table.add_column("otherwise", overflow="fold")
    for lesion in lesions:
        if not lesion["top5"]:
            table.add_row(str(lesion["label"]), f"not localised: {lesion['not_localised']}", "", "", style="dim")
            continue
        first, *others = lesion["top5"]
        rest = ", ".join(
            f"{place['name']} {place['confidence']:.2f}" for place in others if place["confidence"] >= 0.01
        )
        table.add_row(str(lesion["label"]), first["name"], f"{first['confidence']:.2f}", rest)
    return table
