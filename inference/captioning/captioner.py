"""Guided captioner: a trained model's words for location and CT finding in the sentence of the grammar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from config.finding import LocationAnswer, Measurements
from config.reasons import Reason, Remark
from config.volume import Volume
from inference.caption import MASS_MM, Facts, caption, is_located, sentence
from inference.captioning.writer import Written, agrees
from inference.stages import Captioned, Pair, Voxels

_PHRASES = {
    "osteolytic": "osteolytic lesion",
    "osteoblastic": "osteoblastic lesion",
    "mixed lytic-sclerotic": "mixed lytic-sclerotic lesion",
    "decreased bone density": "focus of decreased bone density",
    "no CT correlate": "focus, no CT correlate",
}
"""CT findings that are no nouns, as a sentence has them after the size."""


class CaptionWriter(Protocol):
    """Finds words for the lesion with voxels (N, 3) on the grid of the PET, which lies where the answer says."""

    def __call__(self, suv: Volume, ct: Volume, indices: Voxels, answer: LocationAnswer) -> Written: ...


@dataclass(frozen=True)
class GuidedCaptioner:
    """Captions by the writer's words and the measured figures; by the grammar alone where no words can be had.

    That is physiologic uptake, a location that is a mere guess, and a lesion that no CT shows; and, with a remark,
    where the words are none or contradict the location. The location is named as it was found, so that words for a part
    of a coarse one claim no more.
    """

    writer: CaptionWriter

    def __call__(self, facts: Sequence[Facts], places: Sequence[Voxels], pair: Pair) -> Captioned:
        sentences: list[str] = []
        remarks: list[Remark] = []
        for number, (each, voxels) in enumerate(zip(facts, places, strict=True), start=1):
            if pair.ct is None or not _can_be_worded(each):
                sentences.append(caption(each))
                continue
            words = self.writer(pair.suv, pair.ct, voxels, each.location).words
            if words is not None and agrees(words, each.location):
                finding = sized(words.ct_finding, each.measurements)
                sentences.append(sentence(each, each.location.location.name, _PHRASES.get(finding, finding)))
                continue
            sentences.append(caption(each))
            said = "no location and CT finding" if words is None else f"“{words.location}: {words.ct_finding}”"
            found = f"Finding {number} in {each.location.location.name}: the model wrote {said}."
            remarks.append(Remark(Reason.CAPTION_CONTRADICTED, found))
        return Captioned(tuple(sentences), tuple(remarks))


def sized(ct_finding: str, measured: Measurements) -> str:
    """*Nodule* and *mass* are words of size, and so measured."""
    if ct_finding not in ("nodule", "mass"):
        return ct_finding
    return "mass" if measured.long_axis_mm >= MASS_MM else "nodule"


def _can_be_worded(facts: Facts) -> bool:
    return facts.organ is None and facts.density is not None and is_located(facts)
