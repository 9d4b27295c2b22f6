"""Writer: the trained captioner at run time; words for location and CT finding, checked against what is known."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from config.finding import LocationAnswer
from config.reasons import Reason, Refused
from config.vocabulary import Laterality, vocabulary
from config.volume import Volume
from inference.bundles.documents import read_document, require_task
from inference.bundles.specification import Bundle, Task
from inference.captioning.guidance import MOST_PROMPTS, ct_window, location_prompts
from inference.captioning.network_input import CHANNELS, network_input
from inference.captioning.patch import SIZE, HalfPatch, cut_patch
from inference.captioning.tokens import CT_FINDINGS, END, PROMPT_LENGTH, START, TokenTable, Words, token_table
from inference.engines.openvino_function import ANY, OpenVinoFunction

LONGEST_CAPTION = 128
"""Words that a model may say, at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What ``caption.json`` says: the words, how many a caption may have, and which of both guides the model knows."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    words: list[str]
    longest: int
    windows: bool
    prompts: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """What was decoded; ``words`` is None where it isn't a location and a CT finding that exist."""

    words: Words | None
    tokens: tuple[int, ...]


class Writer:
    """Words for lesions, on the CPU.

    Parameters
    ----------
    bundle
        Of task CAPTIONING, verified: what ``load_bundle`` gives.

    Raises
    ------
    Refused
        ``BUNDLE_MISPLACED`` for another task; ``BUNDLE_MALFORMED`` if its document does not hold what it must, or it
        was made for other words; ``BUNDLE_GRAPH``.
    """

    def __init__(self, bundle: Bundle) -> None:
        require_task(bundle, Task.CAPTIONING)
        self.bundle = bundle
        facts = _facts(bundle)
        self.table = TokenTable(facts.words)
        self._longest = facts.longest
        self.windows, self.prompts = facts.windows, facts.prompts
        self._memory = OpenVinoFunction(
            bundle.folder / "memory.onnx",
            [(1, len(CHANNELS), SIZE, SIZE, SIZE), (1, MOST_PROMPTS * PROMPT_LENGTH)],
            [(1, ANY, ANY), (1, ANY)],
        )
        memory, present = self._memory.shapes
        self._next = OpenVinoFunction(
            bundle.folder / "next_word.onnx", [(1, ANY), memory, present], [(1, len(self.table))]
        )

    def __call__(self, suv: Volume, ct: Volume, indices: NDArray[np.intp], answer: LocationAnswer) -> Written:
        """Words for the lesion with voxels (N, 3) on the grid of ``suv``, which lies where ``answer`` says."""
        return self.write(cut_patch(suv, ct, indices), answer)

    def write(self, patch: HalfPatch, answer: LocationAnswer) -> Written:
        """The same for what ``cut_patch`` gave."""
        seen = network_input(patch, ct_window(answer) if self.windows else None)
        prompts = self.table.prompts(location_prompts(answer) if self.prompts else (), MOST_PROMPTS)
        memory, present = self._memory(seen[None], prompts[None])
        tokens = [START]
        while len(tokens) < self._longest and tokens[-1] != END:
            (logits,) = self._next(np.asarray([tokens]), memory, present)
            tokens.append(int(logits.argmax()))
        words = self.table.words_of(tokens)
        known = words is not None and words.ct_finding in CT_FINDINGS
        return Written(words if known else None, tuple(tokens))


def agrees(words: Words, answer: LocationAnswer) -> bool:
    """Whether decoded words name the place that was found, or a part of it where only a coarse one was found."""
    place, part = answer.location, vocabulary().by_name.get(words.location)
    if place.is_leaf or part is None:
        return words.location == place.name
    return part.coarse == place.coarse and {part.laterality, place.laterality} != {Laterality.RIGHT, Laterality.LEFT}


def _facts(bundle: Bundle) -> Facts:
    path = bundle.folder / "caption.json"
    facts = read_document(path, Facts)
    if tuple(facts.words) != token_table().words:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} was made for other words than this node's captions have.")
    if not 2 <= facts.longest <= LONGEST_CAPTION:
        found = f"{path}: longest {facts.longest}, expected 2 to {LONGEST_CAPTION}."
        raise Refused(Reason.BUNDLE_MALFORMED, found)
    return facts
