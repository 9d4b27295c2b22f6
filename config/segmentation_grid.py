"""The grid of a segmentation: on which images its frames lie."""

from enum import StrEnum


class SegmentationGrid(StrEnum):
    PET = "pet"
    CT = "ct"
