"""One patient as the models are shown it."""

from dataclasses import replace

import numpy as np

from training.cache import CachedPatient
from training.evaluation.case import cached_case, sample_case
from training.sample import Samples


def test_a_cached_patient_is_shown_as_the_whole_one(samples: Samples, patients: tuple[CachedPatient, ...]) -> None:
    whole, cached = sample_case(samples[0]), cached_case(patients[0])
    assert whole.identifier == cached.identifier
    assert np.array_equal(whole.body.fine, cached.body.fine)
    for one, other in zip(whole.lesions, cached.lesions, strict=True):
        assert one.truth == other.truth
        assert np.array_equal(one.voxels, other.voxels)
        assert np.array_equal(one.patch, other.patch)


def test_a_lesion_without_a_voxel_is_left_out(samples: Samples) -> None:
    sample = samples[0]
    without = replace(sample, labels=np.where(sample.labels == 2, 0, sample.labels))
    assert [lesion.truth.label for lesion in sample_case(without).lesions] == [1, 3, 4, 5]
