"""Atlas: the reference body as the maps that patients are made of, one for each build."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from config.vocabulary import vocabulary
from config.volume import Matrix
from training.cohort import anatomy, composition, pelvis, reference
from training.cohort.anatomy import Mask, load_anatomy
from training.cohort.body import SIDES, Point
from training.cohort.organs import NUMBERS
from training.cohort.pelvis import Build
from training.cohort.regions import abdomen, chest, head, lungs, neck, pelvic, skeleton
from training.cohort.regions.region import Regions

LEAVES = tuple(leaf.name for leaf in vocabulary())
_FARTHEST_MM = 120
_ARRAYS = ("organs", "leaves", "depth_mm", "arm_depth_mm", "arms", "affine")
_RULES = ("anatomy", "body", "landmarks", "vessels", "reference", "pelvis", "composition", "organs", "atlas")


@dataclass(frozen=True, eq=False)
class Atlas:
    """One build of the reference body.

    Parameters
    ----------
    organs
        uint8, shape (slices, rows, columns): number of an organ (``organs.NUMBERS``), 0 outside the body's lean part.
    leaves
        uint16, same shape: 1 + index of a leaf in the vocabulary, 0 where no leaf claims the voxel.
    depth_mm, arm_depth_mm
        uint8, same shape: distance to the lean body without arms, and to the arms; 0 in them. A patient's fat and skin
        are as thick as he is fat.
    arms
        bool, same shape: where arms and hands are, and nothing else.
    affine
        Array index to LPS millimetres, as in ``Volume``.
    joints
        Shoulder and elbow of the right, then of the left arm, LPS.
    """

    build: Build
    organs: NDArray[np.uint8]
    leaves: NDArray[np.uint16]
    depth_mm: NDArray[np.uint8]
    arm_depth_mm: NDArray[np.uint8]
    arms: NDArray[np.bool_]
    affine: Matrix
    joints: tuple[tuple[Point, Point], tuple[Point, Point]]

    def region(self, name: str) -> NDArray[np.bool_]:
        """Where a leaf lies; empty if this build does not have it. ``ValueError`` if there is no such leaf."""
        return np.asarray(self.leaves == LEAVES.index(name) + 1)


def build_atlases(folder: Path) -> dict[Build, Atlas]:
    """Atlases of all builds from the anatomy in ``folder``; one or two minutes."""
    body = reference.make_reference(load_anatomy(folder))
    shared = {step: _voxels(step(body)) for step in STEPS if step not in OF_THE_BUILD}
    return {build: _build(body, build, shared) for build in Build}


def load_atlases(folder: Path, cache: Path) -> dict[Build, Atlas]:
    """The same, kept as .npz files in ``cache`` until anatomy or rules change."""
    digest = _digest(folder)
    files = {build: cache / f"atlas-{digest}-{build.name.lower()}.npz" for build in Build}
    if all(file.is_file() for file in files.values()):
        return {build: _read(file, build) for build, file in files.items()}
    atlases = build_atlases(folder)
    cache.mkdir(parents=True, exist_ok=True)
    for build, atlas in atlases.items():
        _write(files[build], atlas)
    return atlases


Step = Callable[..., Regions]

STEPS: tuple[Step, ...] = (
    skeleton.bones, head.skull, head.brain, abdomen.canal, pelvic.organs, abdomen.solid_organs, abdomen.hollow_organs,
    chest.heart_and_vessels, abdomen.great_vessel, lungs.airways, chest.oesophagus, head.mouth_and_throat,
    neck.larynx_and_thyroid, neck.neck_nodes, chest.mediastinal_nodes, lungs.nodes_of_the_lungs,
    chest.other_chest_nodes, abdomen.nodes, pelvic.nodes, chest.mediastinal_compartments, lungs.pleura,
    lungs.segments, abdomen.peritoneum, chest.breasts, neck.neck_soft_tissue, abdomen.wall, chest.chest_wall,
    pelvic.muscles, head.outer_head,
)  # fmt: skip
"""Where regions overlap the first counts, so bones and organs come before what lies beside them."""

OF_THE_BUILD: frozenset[Step] = frozenset(
    (pelvic.organs, abdomen.hollow_organs, pelvic.nodes, abdomen.peritoneum, chest.breasts, pelvic.muscles)
)
"""Regions that depend on the pelvis; the others are the same in all builds."""


def _build(body: reference.Reference, build: Build, shared: dict[Step, list[tuple[str, NDArray[np.intp]]]]) -> Atlas:
    organs_of_pelvis = pelvis.make_pelvis(body, build)
    organs = composition.compose(body, organs_of_pelvis)
    if build is Build.FEMALE:
        for _, _, sign in SIDES:
            organs[chest.breast_mask(body, build, sign)] = NUMBERS["breast"]
    solid = (organs > 0) | body.airway
    leaves = np.zeros(organs.size, dtype=np.uint16)
    for step in STEPS:
        for name, voxels in shared[step] if step in shared else _voxels(step(body, organs_of_pelvis)):
            leaves[voxels[leaves[voxels] == 0]] = LEAVES.index(name) + 1
    return Atlas(
        build,
        organs,
        leaves.reshape(organs.shape),
        _depth(body, solid & ~body.arms),
        _depth(body, solid & body.arms),
        body.arms,
        body.body.anatomy.affine,
        _joints(body),
    )


def _depth(body: reference.Reference, solid: Mask) -> NDArray[np.uint8]:
    distance = distance_transform_edt(~solid, sampling=body.body.spacing_mm)
    return np.asarray(np.minimum(distance, _FARTHEST_MM), dtype=np.uint8)


def _voxels(regions: Regions) -> list[tuple[str, NDArray[np.intp]]]:
    return [(name, np.flatnonzero(mask)) for name, mask in regions]


def _joints(body: reference.Reference) -> tuple[tuple[Point, Point], tuple[Point, Point]]:
    found = []
    for _, suffix, _ in SIDES:
        humerus = body.body.structure("Humerus" + suffix)
        (_, _, low), (_, _, high) = body.body.bounds(humerus)
        shoulder = body.body.centre(humerus & (body.body.z > high - 36.0))
        elbow = body.body.centre(humerus & (body.body.z < low + 24.0))
        found.append((shoulder, elbow))
    return found[0], found[1]


def _write(file: Path, atlas: Atlas) -> None:
    """Under another name first, as other processes may wait for the file."""
    partial = file.with_name(f"{os.getpid()}-{file.name}")
    np.savez_compressed(partial, joints=np.asarray(atlas.joints), **{name: getattr(atlas, name) for name in _ARRAYS})
    partial.replace(file)


def _read(file: Path, build: Build) -> Atlas:
    with np.load(file) as stored:
        right, left = (
            ((arm[0, 0], arm[0, 1], arm[0, 2]), (arm[1, 0], arm[1, 1], arm[1, 2])) for arm in stored["joints"]
        )
        return Atlas(build, **{name: stored[name] for name in _ARRAYS}, joints=(right, left))


def _digest(folder: Path) -> str:
    """Of the anatomy's files and of the rules themselves."""
    digest = sha256()
    here = Path(__file__).parent
    rules = [*(here / f"{name}.py" for name in _RULES), *sorted((here / "regions").glob("*.py"))]
    for file in (folder / anatomy.LABELS, folder / anatomy.NAMES, *rules):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
