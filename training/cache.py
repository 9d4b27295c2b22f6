"""Cache: every patient once on the grids of the networks, so that training never waits for patients.

A patient is a folder: ``fine.npy`` and ``context.npy`` (bodies, memory-mapped), ``lesions.npz`` (voxels of all lesions,
one after another), ``places.npz`` (voxels without a lesion whose leaf is known) and ``patches.npy`` (what the captioner
sees), all float16 or smaller; ``lesions.json`` last.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.finding import LabelMap
from config.volume import Volume
from inference.captioning.patch import HalfPatch, cut_patch
from inference.retrieval.body import Body, Voxels, lesion_voxels, make_body
from training.sample import LesionTruth, Sample

PLACES_A_LEAF = 64

_INDEX = "lesions.json"
_PLACES = "places.npz"
_FINGERPRINT = "fingerprint.txt"


@dataclass(frozen=True, eq=False)
class Places:
    """``voxels`` (N, 3) on the body's grid and the number of the leaf of each in the vocabulary, (N,), ascending."""

    voxels: Voxels
    leaves: NDArray[np.int16]

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.append(np.flatnonzero(np.diff(self.leaves, prepend=-1)), len(self.leaves))

    def draw(self, generator: np.random.Generator) -> tuple[NDArray[np.int16], int]:
        """A voxel and its leaf, drawn evenly over the leaves of this patient; there must be one."""
        number = generator.integers(len(self._starts) - 1)
        place = generator.integers(self._starts[number], self._starts[number + 1])
        return self.voxels[place], int(self.leaves[place])


@dataclass(frozen=True)
class CachedPatient:
    """A patient's folder; arrays are opened when asked for."""

    folder: Path
    lesions: tuple[LesionTruth, ...]

    @property
    def fingerprint(self) -> str:
        """Of what the patient was made from (``Samples.fingerprint``)."""
        return fingerprint_in(self.folder)

    @cached_property
    def body(self) -> Body:
        fine, context = (np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in ("fine", "context"))
        return Body(fine, context, np.load(self.folder / "affine.npy"))

    @cached_property
    def voxels(self) -> tuple[Voxels, ...]:
        """Voxels of each lesion on the body's grid."""
        with np.load(self.folder / "lesions.npz") as stored:
            return tuple(np.split(stored["voxels"], stored["ends"]))[: len(self.lesions)]

    @cached_property
    def places(self) -> Places | None:
        """Voxels of the body's grid whose leaf is known without a lesion; None where a data set does not tell."""
        if not (self.folder / _PLACES).is_file():
            return None
        with np.load(self.folder / _PLACES) as stored:
            return Places(stored["voxels"], stored["leaves"])

    def patch(self, lesion: int) -> HalfPatch:
        """What ``cut_patch`` gave for one lesion, with its margin."""
        patch: HalfPatch = np.load(self.folder / "patches.npy", mmap_mode="r")[lesion]
        return patch


def write_patient(sample: Sample, folder: Path, fingerprint: str = "") -> CachedPatient:
    """Put one patient into the cache, or take it from there if it is whole."""
    target = folder / sample.identifier
    if not is_cached(target):
        target.mkdir(parents=True, exist_ok=True)
        body = make_body(sample.suv, sample.ct, sample.valid)
        voxels, patches, lesions = [], [], []
        for truth, indices in _regions(sample):
            points = sample.suv.points_mm(indices)
            voxels.append(lesion_voxels(body, points, sample.suv.affine[:3, :3]))
            patches.append(cut_patch(sample.suv, sample.ct, indices, margin=True))
            lesions.append(truth)
        ends = np.cumsum([len(each) for each in voxels], dtype=np.int64)
        np.save(target / "fine.npy", body.fine)
        np.save(target / "context.npy", body.context)
        np.save(target / "affine.npy", body.affine)
        np.save(target / "patches.npy", np.asarray(patches, dtype=np.float16))
        np.savez(target / "lesions.npz", voxels=np.concatenate(voxels or [np.zeros((0, 3), np.int16)]), ends=ends)
        if sample.leaves is not None:
            places = _places(sample.leaves, sample.suv, body)
            np.savez(target / _PLACES, voxels=places.voxels, leaves=places.leaves)
        (target / _FINGERPRINT).write_text(fingerprint, encoding="utf-8")
        part = target / f"{_INDEX}.part"
        part.write_text(json.dumps([asdict(truth) for truth in lesions]), encoding="utf-8")
        part.replace(target / _INDEX)
    return read_patient(target)


def is_cached(folder: Path) -> bool:
    """Whether a patient's folder is whole."""
    return (folder / _INDEX).is_file()


def fingerprint_in(folder: Path) -> str:
    path = folder / _FINGERPRINT
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_patient(folder: Path) -> CachedPatient:
    entries = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return CachedPatient(folder, tuple(LesionTruth(**entry) for entry in entries))


def read_patients(folder: Path) -> tuple[CachedPatient, ...]:
    """All whole patients of a cache, in the order of their names."""
    return tuple(read_patient(path.parent) for path in sorted(folder.glob(f"*/{_INDEX}")))


@dataclass(frozen=True)
class Lesions:
    """The lesions of many patients that are of use, each as (patient, number in the patient), and their classes."""

    patients: Sequence[CachedPatient]
    places: tuple[tuple[int, int], ...]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def _by_class(self) -> tuple[NDArray[np.intp], ...]:
        return tuple(np.flatnonzero(self.classes == each) for each in np.unique(self.classes))

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.intp]:
        """Lesions at random: half of them evenly over the classes, half as they come."""
        rare = [generator.choice(self._by_class[each]) for each in generator.integers(len(self._by_class), size=count)]
        common = generator.integers(len(self), size=count)
        return np.where(generator.random(count) < 0.5, rare, common)


def _places(leaves: LabelMap, grid: Volume, body: Body) -> Places:
    """Up to ``PLACES_A_LEAF`` voxels of each leaf, evenly spread over it."""
    flat = leaves.reshape(-1)
    occupied = np.flatnonzero(flat)
    occupied = occupied[np.argsort(flat[occupied], kind="stable")]
    ends = np.flatnonzero(np.diff(flat[occupied], append=0))
    chosen = []
    for first, last in zip((0, *(ends[:-1] + 1)), ends, strict=True):
        chosen.append(np.unique(np.linspace(first, last, PLACES_A_LEAF).astype(int)))
    indices = occupied[np.concatenate(chosen or [np.zeros(0, dtype=int)])]
    points = grid.points_mm(np.stack(np.unravel_index(indices, leaves.shape), axis=-1))
    voxels = np.rint((points - body.affine[:3, 3]) @ np.linalg.inv(body.affine[:3, :3]).T).astype(np.int16)
    voxels = np.clip(voxels, 0, np.asarray(body.fine.shape[1:], dtype=np.int16) - 1)
    return Places(voxels, (flat[indices] - 1).astype(np.int16))


def _regions(sample: Sample) -> Iterator[tuple[LesionTruth, NDArray[np.intp]]]:
    """Lesions that the label map has, with their voxels."""
    flat = sample.labels.reshape(-1)
    occupied = np.flatnonzero(flat)
    for truth in sample.lesions:
        chosen = occupied[flat[occupied] == truth.label]
        if len(chosen):
            yield truth, np.stack(np.unravel_index(chosen, sample.labels.shape), axis=-1)
