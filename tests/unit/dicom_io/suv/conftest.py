"""PET headers as scanners write them: 70 kg, 350 MBq of F-18 FDG at 09:00:00, scan at 10:00:00, one slice a bed."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

MakeSeries = Callable[..., list[Dataset]]

INJECTION = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
    "Radiopharmaceutical",
)


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def pet_header(number: int, changes: dict[str, Any]) -> Dataset:
    header, given = Dataset(), Dataset()
    values: dict[str, Any] = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "SOPInstanceUID": f"1.2.3.{number}",
        "SeriesInstanceUID": "1.2.3",
        "Modality": "PT",
        "Manufacturer": "ACME",
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "NORM"],
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "SeriesDate": "20240105",
        "SeriesTime": "100000",
        "AcquisitionDate": "20240105",
        "AcquisitionTime": "100000",
        "ActualFrameDuration": "180000",
        "PatientWeight": "70",
        "PatientSize": "1.75",
        "PatientSex": "M",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
        "RadionuclideTotalDose": "350000000",
        "RadionuclideHalfLife": "6588",
        "RadiopharmaceuticalStartTime": "090000",
        "Radiopharmaceutical": "FDG",
    } | changes
    for keyword, value in values.items():
        if value is not None:
            setattr(given if keyword in INJECTION else header, keyword, value)
    given.RadionuclideCodeSequence = [code_item("77004003", "SCT", "^18^Fluorine")]
    header.RadiopharmaceuticalInformationSequence = [given]
    return header


@pytest.fixture(scope="session")
def make_series() -> MakeSeries:
    """Makes the headers of a series: ``changes`` for all (None leaves an element out), ``slices`` for each in turn."""

    def make(*, slices: Sequence[dict[str, Any]] = ({},), **changes: Any) -> list[Dataset]:
        return [pet_header(number, changes | own) for number, own in enumerate(slices, start=1)]

    return make
