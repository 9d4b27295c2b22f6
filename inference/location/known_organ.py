"""The location of uptake whose organ is known: the organ itself, then what else the locator thinks of."""

from config.finding import LocationAnswer
from config.vocabulary import Location


def in_organ(organ: Location, confidence: float, answer: LocationAnswer) -> LocationAnswer:
    """The answer of a locator with a known organ put first.

    The others keep their order and their proportions, none above the organ and all together within what its
    ``confidence`` leaves.
    """
    others = [(entry, share) for entry, share in answer.top5 if entry.id != organ.id][:4]
    total = sum(share for _, share in others)
    scale = min(1.0, (1.0 - confidence) / total) if total else 0.0
    rest = tuple((entry, min(confidence, share * scale)) for entry, share in others)
    return LocationAnswer(organ, confidence, ((organ, confidence), *rest))
