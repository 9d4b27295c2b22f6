"""A real PET/CT study (TCIA ACRIN-NSCLC-FDG-PET) through ``uptake analyze``, where one is at hand."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from node.cli import app

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif("UPTAKE_TEST_STUDY" not in os.environ, reason="UPTAKE_TEST_STUDY names no real PET/CT study"),
]

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "findings.schema.json").read_text(encoding="utf-8"))
OBJECTS = ("seg.dcm", "sr.dcm", "picture.dcm")


def analyze(out: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["analyze", os.environ["UPTAKE_TEST_STUDY"], "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def document(out: Path) -> dict[str, Any]:
    return analyze(out)


def findings(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [finding for finding in document["lesions"] if finding["kind"] == kind]


def hottest_near(document: dict[str, Any], suv_max: float) -> dict[str, Any]:
    """The finding whose SUVmax is that which a person reads off the images."""
    (found,) = [finding for finding in document["lesions"] if abs(finding["suv_max"] - suv_max) < 0.1]
    return found


def test_findings_follow_their_schema(document: dict[str, Any]) -> None:
    jsonschema.validate(document, SCHEMA)


def test_the_attenuation_corrected_pet_is_chosen_and_not_the_other(document: dict[str, Any]) -> None:
    assert document["pet_series_instance_uid"].endswith("782656317561081015")
    assert document["ct_series_instance_uid"] is not None


def test_the_suv_factor_is_the_vendors_own(document: dict[str, Any]) -> None:
    assert document["suv"]["factor"] == pytest.approx(0.00042111, abs=5e-9)
    assert document["suv"]["vendor_factor"] == pytest.approx(document["suv"]["factor"], rel=1e-4)


def test_the_right_lung_mass_is_a_lesion_of_the_right_chest(document: dict[str, Any]) -> None:
    mass = hottest_near(document, 42.2)
    location = mass["location"]
    assert (mass["kind"], location["laterality"]) == ("lesion", "right")
    assert location["coarse"] in {"pulmonary hilum", "hilar station 10 node", "right upper lobe", "right middle lobe"}


def test_the_mediastinal_focus_is_a_lesion_of_the_mediastinum(document: dict[str, Any]) -> None:
    focus = hottest_near(document, 13.4)
    assert focus["kind"] == "lesion"
    assert focus["location"]["coarse"].startswith("mediastinal")


def test_both_kidneys_are_physiologic(document: dict[str, Any]) -> None:
    kidneys = {finding["location"]["name"]: finding["suv_max"] for finding in findings(document, "physiologic")}
    assert kidneys["right kidney"] == pytest.approx(51.1, abs=0.1)
    assert kidneys["left kidney"] == pytest.approx(38.0, abs=0.1)


def test_twice_gives_the_same_bytes(out: Path, document: dict[str, Any], tmp_path: Path) -> None:
    again = analyze(tmp_path)
    for name in OBJECTS:
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()
    assert {**again, "timings_s": {}} == {**document, "timings_s": {}}
