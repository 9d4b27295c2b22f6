from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra train)")
pytest.importorskip("monai", reason="monai is not installed (extra train)")

from inference.captioning.patch import LESION, MARGIN, SIZE
from training.cache import CachedPatient, read_patients, write_patient
from training.location.batches import located_lesions, random_view, training_batch
from training.location.entries import entries
from training.sample import Samples
from training.segmentation.batches import segmentation_batch


def test_what_is_read_is_what_was_written(tmp_path: Path, samples: Samples) -> None:
    written = write_patient(samples[0], tmp_path)
    (read,) = read_patients(tmp_path)
    assert read.lesions == samples[0].lesions
    assert np.array_equal(read.body.fine, written.body.fine)
    assert all(np.array_equal(a, b) for a, b in zip(read.voxels, written.voxels, strict=True))


def test_a_patient_that_was_not_finished_is_made_again(tmp_path: Path, samples: Samples) -> None:
    written = write_patient(samples[0], tmp_path)
    (written.folder / "lesions.json").unlink()
    assert read_patients(tmp_path) == ()
    assert write_patient(samples[0], tmp_path).lesions == samples[0].lesions


def test_a_patient_without_lesions_has_none(tmp_path: Path, samples: Samples) -> None:
    healthy = replace(samples[0], identifier="healthy", labels=np.zeros_like(samples[0].labels), lesions=())
    written = write_patient(healthy, tmp_path)
    assert written.voxels == ()
    images, labels = segmentation_batch([written], 2, np.random.default_rng(0))
    assert images.shape[0] == 2
    assert not labels.any()


def test_voxels_of_a_lesion_lie_where_the_uptake_is(patients: tuple[CachedPatient, ...]) -> None:
    for voxels in patients[0].voxels:
        assert patients[0].body.fine[0][tuple(voxels.T)].mean() > 3.0


def test_the_middle_of_a_patch_is_lesion(patients: tuple[CachedPatient, ...]) -> None:
    middle = MARGIN + SIZE // 2
    assert patients[0].patch(2).shape == (3, *(SIZE + 2 * MARGIN,) * 3)
    assert patients[0].patch(2)[LESION, middle, middle, middle] == 1.0


def test_lesions_are_drawn_evenly_over_classes_by_half(patients: tuple[CachedPatient, ...]) -> None:
    lesions = located_lesions(patients)
    drawn = lesions.classes[lesions.draw(2000, np.random.default_rng(0))]
    shares = np.unique(drawn, return_counts=True)[1] / 2000
    assert len(shares) == 5
    assert np.abs(shares - 0.2).max() < 0.04


def test_a_batch_is_the_same_for_the_same_seed(patients: tuple[CachedPatient, ...]) -> None:
    lesions = located_lesions(patients)
    first, second = (training_batch(lesions, 3, np.random.default_rng(5)) for _ in range(2))
    assert first[0].equal(second[0])
    assert first[1].equal(second[1])


def test_places_lie_in_the_leaf_that_they_name(tmp_path: Path, samples: Samples) -> None:
    leaves = np.zeros_like(samples[0].labels)
    leaves[10:20], leaves[40:42] = 3, 387
    places = write_patient(replace(samples[0], leaves=leaves), tmp_path).places
    assert places is not None
    assert dict(zip(*np.unique(places.leaves, return_counts=True), strict=True)) == {2: 64, 386: 64}
    heights_mm = places.voxels[:, 0] * 4.0 + read_patients(tmp_path)[0].body.affine[2, 3]
    assert ((heights_mm >= 48) & (heights_mm <= 97))[places.leaves == 2].all()
    assert ((heights_mm >= 198) & (heights_mm <= 207))[places.leaves == 386].all()


def test_a_data_set_without_leaves_has_no_places(patients: tuple[CachedPatient, ...]) -> None:
    assert patients[0].places is None


def test_places_are_drawn_evenly_over_leaves(tmp_path: Path, samples: Samples) -> None:
    leaves = np.ones_like(samples[0].labels)
    leaves[0, 0, 0] = 2
    places = write_patient(replace(samples[0], leaves=leaves), tmp_path).places
    generator = np.random.default_rng(0)
    assert places is not None
    drawn = [places.draw(generator)[1] for _ in range(400)]
    assert 0.4 < np.mean(drawn) < 0.6


def test_lesions_are_learned_from_elsewhere_in_a_body_whose_leaves_are_known(tmp_path: Path, samples: Samples) -> None:
    leaves = np.zeros_like(samples[0].labels)
    leaves[30:50, 10:30, 10:46] = 1 + 200
    patient = write_patient(replace(samples[0], leaves=leaves), tmp_path)
    assert entries().mirrored[200] in (-1, 200)
    _, drawn = training_batch(located_lesions([patient]), 200, np.random.default_rng(0))
    assert 0.3 < (drawn == 200).float().mean() < 0.5


def test_a_random_view_never_cuts_the_lesion_away() -> None:
    voxels = np.asarray([[2, 30, 30], [60, 40, 40]], dtype=np.int16)
    generator = np.random.default_rng(0)
    for _ in range(300):
        view = random_view(voxels, (90, 60, 60), generator, may_mirror=True)
        for (first, last), low, high in zip(view.cut, voxels.min(axis=0), voxels.max(axis=0), strict=True):
            assert first <= max(1.0, low)
            assert last > high
