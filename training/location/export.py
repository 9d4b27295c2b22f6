"""Export of location retrieval: a bundle of ``image.onnx``, ``text.onnx``, ``index.npy`` and ``retrieval.json``."""

import json
from pathlib import Path

import numpy as np
import torch

from config.vocabulary import vocabulary
from inference.bundles.specification import Bundle, WordsSpecification
from inference.bundles.store import load_bundle, write_bundle
from inference.importers.folders import new_folder
from inference.retrieval.coarse_to_fine import Temperatures
from inference.retrieval.field_of_view import CHANNELS, SHAPE
from training.export import export_onnx
from training.location.descriptions import Wording
from training.location.model import LocationModel


def export_location(
    model: LocationModel,
    temperatures: Temperatures,
    wording: Wording,
    specification: WordsSpecification,
    out: Path,
) -> Bundle:
    """The model as the bundle that ``Retriever`` reads.

    ``index.npy``: float32, unit vectors of the 387 leaves and then of the 124 coarse names. ``retrieval.json``: their
    ids and names, the temperatures, and the words of ``text.onnx``, which encodes free text: number 2 onward in
    their order, 1 for any other, 0 after the last, ``text_length`` in all.
    """
    with new_folder(out) as part:
        seen = torch.rand((2, 2 * len(CHANNELS), *SHAPE), generator=torch.Generator().manual_seed(0))
        export_onnx(model.image, {"seen": seen}, ("vector",), part / "image.onnx", {"seen": {0: "lesions"}})
        numbers = torch.from_numpy(model.table.numbers(["right upper lobe", "T3 vertebra"]))
        export_onnx(model.text, {"words": numbers}, ("vector",), part / "text.onnx", {"words": {0: "texts"}})
        index = model.index(wording)
        np.save(part / "index.npy", np.concatenate([index.leaves, index.coarse]).astype(np.float32))
        facts = {
            "leaves": [leaf.id for leaf in vocabulary()],
            "coarse": list(vocabulary().coarse_names),
            "temperatures": {"coarse": temperatures.coarse, "leaf": temperatures.leaf},
            "text_length": model.table.length,
            "words": list(model.table.words),
        }
        (part / "retrieval.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        write_bundle(specification, part)
    return load_bundle(out)
