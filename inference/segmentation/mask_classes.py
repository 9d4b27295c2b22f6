"""What the labels of a bundle are as findings."""

from config.finding import FindingKind
from inference.bundles.specification import Bundle
from inference.segmentation.network_segmenter import MaskClass

_PHYSIOLOGIC_WORDS = ("physiolog", "normal", "background uptake")


def mask_classes(bundle: Bundle) -> tuple[MaskClass, ...]:
    """What each value of the bundle's label map is as a finding: a lesion, unless its name says physiologic."""
    named = zip(bundle.labels.values, bundle.labels.names, strict=True)
    return tuple(MaskClass(value, label.name, _kind(label.name)) for value, label in named if value != 0)


def _kind(name: str) -> FindingKind:
    physiologic = any(word in name.lower() for word in _PHYSIOLOGIC_WORDS)
    return FindingKind.PHYSIOLOGIC if physiologic else FindingKind.LESION
