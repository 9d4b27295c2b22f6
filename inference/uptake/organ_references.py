"""Organ references: organs that a PSMA ligand makes so hot that their own uptake shows where they are."""

from collections.abc import Iterable, Mapping, Sequence

from config.finding import FindingKind, Measurements
from inference.regions import Region

_ORGANS = {"parotid_mean": "parotid gland", "spleen_mean": "spleen"}


def organ_references(regions: Iterable[Region]) -> Mapping[str, float]:
    """Mean SUVbw of the parotid glands and of the spleen, each only if its uptake was found and explained by it.

    Over the voxels at or above the threshold of the uptake, of both sides together.
    """
    parts: dict[str, list[Measurements]] = {}
    for region in regions:
        organ = region.verdict.organ
        if organ is not None and region.verdict.kind is FindingKind.PHYSIOLOGIC:
            parts.setdefault(organ.words.removeprefix("left ").removeprefix("right "), []).append(region.measurements)
    return {name: _mean(parts[organ]) for name, organ in _ORGANS.items() if organ in parts}


def _mean(parts: Sequence[Measurements]) -> float:
    return sum(part.suv_mean * part.voxel_count for part in parts) / sum(part.voxel_count for part in parts)
