"""Retriever: the trained location model at run time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from config.finding import LocationAnswer
from config.reasons import Reason, Refused
from config.vocabulary import Location, vocabulary
from config.volume import FloatArray, Matrix
from inference.bundles.documents import read_document, read_vectors, require_task
from inference.bundles.specification import Bundle, Task
from inference.engines.openvino_function import ANY, OpenVinoFunction
from inference.retrieval.body import Body, lesion_voxels
from inference.retrieval.coarse_to_fine import ANSWERS, Temperatures, TextIndex, retrieve
from inference.retrieval.field_of_view import CHANNELS, SHAPE, look
from inference.retrieval.presence import is_in_body
from inference.retrieval.words import WordTable

LONGEST_TEXT = 1024
"""Words of free text that a model may read, at most."""

_OTHER_SEX = {"M": "F", "F": "M"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What ``retrieval.json`` says: the vocabulary it was made for, and how to read similarities and free text."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    leaves: list[str]
    coarse: list[str]
    temperatures: Temperatures
    text_length: int
    words: list[str]


class Retriever:
    """Locations of lesions by image-to-text retrieval, on the CPU.

    Parameters
    ----------
    bundle
        Of task LOCATION_RETRIEVAL, verified: what ``load_bundle`` gives.

    Raises
    ------
    Refused
        ``BUNDLE_MISPLACED`` for another task; ``BUNDLE_MALFORMED`` if its documents do not hold what they must, or it
        was made for another vocabulary; ``BUNDLE_GRAPH``.
    """

    def __init__(self, bundle: Bundle) -> None:
        require_task(bundle, Task.LOCATION_RETRIEVAL)
        self.bundle = bundle
        known = vocabulary()
        facts = _facts(bundle)
        texts = read_vectors(bundle.folder / "index.npy", len(known.leaves) + len(known.coarse_names))
        parents = np.asarray([known.coarse_names.index(leaf.coarse) for leaf in known])
        self.index = TextIndex(texts[: len(known.leaves)], texts[len(known.leaves) :], parents)
        self.temperatures = facts.temperatures
        self.table = WordTable(facts.words, facts.text_length)
        vector = (1, texts.shape[1])
        self._image = OpenVinoFunction(bundle.folder / "image.onnx", [(1, 2 * len(CHANNELS), *SHAPE)], [vector])
        self._text = OpenVinoFunction(bundle.folder / "text.onnx", [(ANY, facts.text_length)], [vector])

    def __call__(self, body: Body, points_mm: Matrix, step_mm: Matrix, sex: str | None = None) -> LocationAnswer | None:
        """Where a lesion lies; None if there is no body where it lies, on the CT.

        Parameters
        ----------
        points_mm, step_mm
            LPS centres (N, 3) of its voxels, N ≥ 1, and the edges (3, 3) of one of them.
        sex
            M or F leaves out what only the other sex has.
        """
        voxels = lesion_voxels(body, points_mm, step_mm)
        if not is_in_body(body, voxels):
            return None
        found = retrieve(self.embed(look(body, voxels)), self.index, self.temperatures, possible_leaves(sex))
        leaves = vocabulary().leaves
        top5 = tuple((leaves[leaf], probability) for leaf, probability in found.leaves[:ANSWERS])
        return LocationAnswer(top5[0][0], top5[0][1], top5)

    def embed(self, seen: FloatArray) -> FloatArray:
        """The vector (D,) of what ``look`` gives for one lesion."""
        (vectors,) = self._image(seen[None])
        vector: FloatArray = vectors[0]
        return vector

    def rank(self, text: str) -> tuple[tuple[Location, float], ...]:
        """The leaves nearest to free text, at most five, each with its cosine; none if no word of it is known."""
        if not self.table.knows(text):
            return ()
        cosines = self.index.leaves @ self._text(self.table.numbers([text]))[0][0]
        nearest = np.argsort(-cosines, kind="stable")[:ANSWERS]
        return tuple((vocabulary().leaves[leaf], float(cosines[leaf])) for leaf in nearest)


def possible_leaves(sex: str | None) -> NDArray[np.bool_]:
    """Which leaves a patient of a sex can have; all of them if it isn't M or F."""
    other = _OTHER_SEX.get(sex or "")
    return np.asarray([other is None or leaf.sex != other for leaf in vocabulary()])


def _facts(bundle: Bundle) -> Facts:
    path = bundle.folder / "retrieval.json"
    facts = read_document(path, Facts)
    known = vocabulary()
    if facts.leaves != [leaf.id for leaf in known] or facts.coarse != list(known.coarse_names):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} was made for other locations than this node's.")
    if not 1 <= facts.text_length <= LONGEST_TEXT:
        found = f"{path}: text_length {facts.text_length}, expected 1 to {LONGEST_TEXT}."
        raise Refused(Reason.BUNDLE_MALFORMED, found)
    return facts
