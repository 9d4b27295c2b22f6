"""A whole evaluation without weights: the rules on two geometric patients, as NIfTI folders."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.nifti import write_mask, write_nifti
from training.data.problem import UnusableData
from training.data.sources import NiftiSource
from training.evaluation.judges import RULES, THRESHOLDING, Contenders
from training.evaluation.pictures import draw_pages
from training.evaluation.run import TILES, Evaluation, judge_all, shares_of
from training.sample import Samples


@pytest.fixture(scope="module")
def evaluation(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """One patient, and one with a CT that is none."""
    folder = tmp_path_factory.mktemp("nifti")
    for number in range(2):
        sample = samples[number]
        patient = folder / f"p{number}"
        patient.mkdir()
        write_nifti(sample.suv, patient / "SUV.nii.gz")
        write_nifti(sample.ct if number == 0 else sample.suv, patient / "CT.nii.gz")
        write_mask(sample.labels, sample.suv.affine, patient / "lesions.nii.gz")
        lesions = [{"label": each.label, "leaf": each.leaf, "ct_finding": each.ct_finding} for each in sample.lesions]
        (patient / "truth.json").write_text(json.dumps({"lesions": lesions}), encoding="utf-8")
    return Evaluation(NiftiSource("nifti", folder), Contenders(), tmp_path_factory.mktemp("out"))


def counted(calls: list[tuple[int, int]]) -> Callable[[int, int], None]:
    return lambda done, total: calls.append((done, total))


def test_patients_are_judged_once_and_what_can_not_be_read_is_named(evaluation: Evaluation) -> None:
    first, again = [], []
    judged = judge_all(evaluation, counted(first))
    assert [record.patient for record in judged.records] == ["p0"]
    assert list(judged.left_out) == ["p1"]
    assert judge_all(evaluation, counted(again)).records == judged.records
    assert (first, again) == ([(0, 2), (1, 2), (2, 2)], [(1, 2), (2, 2)])


def test_without_a_usable_patient_there_is_nothing_to_report(samples: Samples, tmp_path: Path) -> None:
    patient = tmp_path / "nifti" / "p"
    patient.mkdir(parents=True)
    write_nifti(samples[0].suv, patient / "SUV.nii.gz")
    evaluation = Evaluation(NiftiSource("nifti", tmp_path / "nifti"), Contenders(), tmp_path / "out")
    with pytest.raises(UnusableData, match=r"there is no CT\.nii\.gz"):
        judge_all(evaluation, counted([]))


def test_rules_answer_for_every_lesion(evaluation: Evaluation) -> None:
    record = judge_all(evaluation, counted([])).records[0]
    assert len(record.lesions) == 5
    assert len(record.locations[RULES].ranked) == 5
    counts = record.segmentations[THRESHOLDING].by_overlap
    assert counts.found + counts.missed == 5


def test_pages_are_1200_pixels_wide(evaluation: Evaluation) -> None:
    judged = judge_all(evaluation, counted([]))
    pages = draw_pages(judged.records, evaluation.out / TILES, evaluation.out)
    assert {page.name for page in pages} == {"location.png", "caption.png", "segmentation.png"}
    for page in pages:
        with Image.open(page) as picture:
            assert picture.width == 1200
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20


@pytest.mark.parametrize(
    ("processors", "workers", "shares"),
    [
        ([0, 1], 2, [[0], [1]]),
        ([0, 1, 2, 3, 4], 2, [[0, 2, 4], [1, 3]]),
        ([0, 1], 3, [[0], [1], [0]]),
    ],
)
def test_processors_are_shared_among_workers(processors: list[int], workers: int, shares: list[list[int]]) -> None:
    assert shares_of(processors, workers) == shares
