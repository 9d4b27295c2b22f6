"""The rules that say which voxels around a peak of uptake belong to it."""

from enum import StrEnum


class ThresholdRule(StrEnum):
    """How the SUV threshold of a candidate is found; the value is what settings and result objects carry.

    ``ITERATIVE`` halves the contrast between a peak and its own background. ``LIVER_2SD`` is the liver's mean + 2 SD,
    ``PERCIST`` 1.5 × mean + 2 SD (Wahl 2009; the same set of voxels in SUVbw and in SUL). ``SUV_4`` is the customary
    rule for lymphoma, ``SUV_3`` for PSMA, ``PERCENT_41`` that of the EANM guideline (Boellaard 2015).
    """

    ITERATIVE = "iterative"
    PERCENT_41 = "41-percent"
    PERCENT_50 = "50-percent"
    SUV_2_5 = "suv-2.5"
    SUV_3 = "suv-3.0"
    SUV_4 = "suv-4.0"
    LIVER_2SD = "liver-2sd"
    PERCIST = "percist"


class Delineation(StrEnum):
    """Where the border of what a network has found lies.

    ``NETWORK``: where the network draws it. ``THRESHOLD``: where the threshold rule does; what the network has found is
    clipped to the threshold and grown up to it, so that every lesion is consistent with a threshold that is reported.
    """

    NETWORK = "network"
    THRESHOLD = "threshold"
