"""The kinds of result objects."""

from enum import StrEnum


class ResultKind(StrEnum):
    """The kinds of result objects, in the order in which they are encoded and sent; a kind may have several objects."""

    SEGMENTATION = "SEG"
    ORGAN_MAP = "organ map"
    ORGAN_MASKS = "organ masks"  # for destinations that do not take label maps
    REPORT = "SR"  # measurements and regions in one
    MEASUREMENTS = "SR measurements"  # for 3D Slicer, which takes them apart from regions
    REGIONS = "SR regions"
    ENHANCED_TEXT = "SR text"
    BASIC_TEXT = "SR basic text"
    DOCUMENT = "PDF"
    PICTURE = "picture"
    KEY_IMAGES = "key images"
    OUTLINES = "GSPS"
    KEY_OBJECTS = "KOS"
