"""The check costs little beside the encoding."""

import time
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from config.finding import FindingKind
from config.result_kind import ResultKind
from config.vocabulary import vocabulary
from dicom_io.check import check
from dicom_io.results.encode import encode
from dicom_io.results.result import ResultContext

LESIONS = 50
MOST_SECONDS = 0.2


@pytest.fixture(scope="module")
def fifty(context: ResultContext) -> list[Dataset]:
    """SEG and SR of fifty lesions of three slices each."""
    labels = np.zeros_like(context.analysis.labels)
    template = next(finding for finding in context.analysis.findings if finding.kind is FindingKind.LESION)
    findings = []
    for number, location in enumerate(vocabulary().leaves[:LESIONS], start=1):
        slice_, row, column = 1 + number % 8, 2 * (number // 8), number % 8 * 5
        labels[slice_ : slice_ + 3, row : row + 2, column : column + 3] = number
        measurements = replace(
            template.measurements,
            suv_max_index=(slice_ + 1, row, column),
            centroid_mm=(float(column), float(row), float(slice_)),
        )
        answer = replace(template.location, location=location)
        findings.append(replace(template, number=number, measurements=measurements, location=answer))
    analysis = replace(context.analysis, findings=tuple(findings), labels=labels)
    made = encode(replace(context, analysis=analysis), (ResultKind.SEGMENTATION, ResultKind.REPORT))
    return [result.dataset for result in made]


def test_fifty_lesions_are_checked_in_a_fifth_of_a_second(fifty: list[Dataset]) -> None:
    assert len(fifty[0].SegmentSequence) == LESIONS
    for dataset in fifty:
        seconds = []
        for _ in range(4):
            begin = time.process_time()
            assert check(dataset) == ()
            seconds.append(time.process_time() - begin)
        assert min(seconds) < MOST_SECONDS, (dataset.Modality, seconds)
