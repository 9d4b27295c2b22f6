"""Headers may hold anything: a quantification is sane or coded as refused, and nothing else happens."""

import io
import json
import math
from collections.abc import Callable
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from config.reasons import Refused
from dicom_io.suv.quantify import quantify

MakeSeries = Callable[..., list[Dataset]]

SERIES_KEYWORDS = (
    "Units",
    "SUVType",
    "DecayCorrection",
    "CorrectedImage",
    "SeriesType",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ActualFrameDuration",
    "FrameReferenceTime",
    "PatientWeight",
    "PatientSize",
    "PatientSex",
    "RescaleSlope",
    "RescaleIntercept",
    "TimezoneOffsetFromUTC",
    "DecayCorrectionDateTime",
    "Manufacturer",
)
INJECTION_KEYWORDS = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
    "Radiopharmaceutical",
)

NONSENSE = st.one_of(
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e308",
            "1e-308",
            "nan",
            "inf",
            "99999999",
            "00000000",
            "240000",
            "235959.999999",
            "+9999",
            "99991231235959+1400",
            "18000101000000-1200",
            "20240105100000",
            "BQML",
            "GML",
            "CNTS",
            "NONE",
            "ADMIN",
            "LBM",
            "1\\2",
            "\\",
            "ATTN",
            "PHILIPS",
            "GE MEDICAL SYSTEMS",
            "177Lu",
            "1",
            "6588",
            "60000",
            "100000",
            "000001",
        ]
    ),
    st.text(max_size=12),
    st.floats().map(repr),
    st.integers(-(10**12), 10**12).map(str),
)


def require_sane_or_refused(headers: list[Dataset]) -> None:
    try:
        quantification = quantify(headers)
    except Refused:
        return
    assert all(math.isfinite(factor) and factor > 0 for factor in quantification.factors)
    document = json.loads(json.dumps(quantification.as_dict(), allow_nan=False))
    assert document["factor"] == pytest.approx(quantification.factor)


def replace_value(dataset: Dataset, keyword: str, value: Any, vr: str = "LO") -> None:
    with pydicom.config.disable_value_validation():
        dataset[keyword] = DataElement(keyword, vr, value)


@settings(max_examples=300, deadline=None)
@given(
    series=st.dictionaries(st.sampled_from(SERIES_KEYWORDS), NONSENSE, max_size=6),
    injection=st.dictionaries(st.sampled_from(INJECTION_KEYWORDS), NONSENSE, max_size=4),
    both=st.booleans(),
)
def test_any_text_anywhere(
    series: dict[str, str], injection: dict[str, str], both: bool, make_series: MakeSeries
) -> None:
    headers = make_series(slices=[{}, {"AcquisitionTime": "100300"}])
    for header in headers[: 1 + both]:
        for keyword, value in series.items():
            replace_value(header, keyword, value)
        for keyword, value in injection.items():
            replace_value(header.RadiopharmaceuticalInformationSequence[0], keyword, value)
    require_sane_or_refused(headers)


@settings(max_examples=150, deadline=None)
@given(
    keyword=st.sampled_from((*SERIES_KEYWORDS, "RadiopharmaceuticalInformationSequence", "SOPInstanceUID", "Modality")),
    vr=st.sampled_from(["UN", "OB", "US", "FD", "SQ", "DS", "IS", "DT", "TM", "DA"]),
    value=st.binary(max_size=16),
)
def test_any_bytes_under_any_vr_read_from_a_file(keyword: str, vr: str, value: bytes, make_series: MakeSeries) -> None:
    (header,) = make_series()
    stream = io.BytesIO()
    if keyword in header:
        delattr(header, keyword)
    header.save_as(stream, implicit_vr=False, little_endian=True)
    tag = pydicom.tag.Tag(keyword)
    padded = value + b"\0" * (len(value) % 2)
    head = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + vr.encode()
    long_form = vr in ("UN", "OB", "SQ")
    length = b"\0\0" + len(padded).to_bytes(4, "little") if long_form else len(padded).to_bytes(2, "little")
    stream.write(head + length + padded)
    stream.seek(0)
    require_sane_or_refused([pydicom.dcmread(stream, force=True)])


@settings(max_examples=60, deadline=None)
@given(
    value=st.one_of(st.binary(max_size=12), st.text(max_size=12), st.floats().map(repr)),
    units=st.sampled_from(["CNTS", "BQML"]),
)
def test_any_private_value(value: bytes | str, units: str, make_series: MakeSeries) -> None:
    headers = make_series(Units=units, Manufacturer="Philips")
    for group, creator, offsets in (
        (0x7053, "Philips PET Private Group", (0x00, 0x09)),
        (0x0009, "GEMS_PETD_01", (0x0D,)),
        (0x0071, "SIEMENS MED PT", (0x22,)),
    ):
        block = headers[0].private_block(group, creator, create=True)
        for offset in offsets:
            block.add_new(offset, "UN" if isinstance(value, bytes) else "LO", value)
    require_sane_or_refused(headers)
