"""Every object of every profile, from no lesion to 300, of real and digital patients: no validator finds an error."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from config.finding import Analysis, Finding, FindingKind, LabelMap, LocationAnswer
from config.indication import Indication
from config.profiles import Profile, kinds_of, with_substitutes
from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from config.settings import AnalysisSettings, Settings
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from dicom_io.identity import Provenance
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import read_ct, read_pet
from dicom_io.results.encode import encode
from dicom_io.results.refusal import encode_refusals
from dicom_io.results.result import Result, ResultContext
from dicom_io.scanner.examination import PSMA_1007, SAMPLE_NAMES, Examination, PatientIdentity
from dicom_io.scanner.study import Storage, StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS
from dicom_io.suv.quantify import quantify, to_suv
from inference.measurement.measure import measure, totals
from inference.patient.patient import DigitalPatient, Grid
from node.analysis import analyse_inputs, choose_inputs
from node.models import Models
from node.result_files import write_objects
from tests.e2e.validators import Written, complaints, pixelmed_errors

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(900)]

EVERY_KIND = with_substitutes(
    {kind for profile in Profile for kind in kinds_of(profile, outlines=True, organ_map=True)}
)
"""All profiles' kinds at once: an object's bytes do not depend on what else is wanted."""

COUNTS = (0, 1, 3, 50, 300)
SCRIPTS = ("Japanese", "Greek", "Arabic")
CASES = (*(f"{count} lesions" for count in COUNTS), *SCRIPTS, "refusal", "real")

GRID = Grid.axial((100, 128, 128), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
BALL_VOXELS = 2
LATTICE = tuple(product(range(8, 96, 12), range(24, 108, 12), range(24, 108, 12)))

CT_GRID = Grid.axial((72, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((72, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))

PROVENANCE = Provenance("0", "RESEARCH", "uptake", "0" * 64, "0" * 64, 1, 9000)
TAKEN_FOR_PLANAR = 'Error: Template 1410 PlanarROIMeasurements/[Row 1] CONTAINER (125007,DCM,"Measurement Group")'

MOST_PARTS = 5
"""Of a kind with more objects, as many are validated, spread evenly."""


@dataclass(frozen=True)
class Case:
    """The results of one study, and those of its images that they are compared with."""

    results: tuple[Written, ...]
    sources: tuple[Path, ...] = ()

    @property
    def kinds(self) -> set[ResultKind]:
        return {one.kind for one in self.results}


@pytest.fixture(scope="module")
def cases(installed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("profiles")
    made = {f"{count} lesions": synthetic(folder / str(count), count) for count in COUNTS}
    made |= {script: digital(folder / script, script) for script in SCRIPTS}
    made["refusal"] = refused(folder / "refusal")
    if "UPTAKE_TEST_STUDY" in os.environ:
        made["real"] = real(folder / "real", Path(os.environ["UPTAKE_TEST_STUDY"]))
    return made


@pytest.fixture(scope="module")
def of_pixelmed(installed, cases: dict[str, Case]) -> Mapping[Path, list[str]]:
    return pixelmed_errors(installed, [one for case in cases.values() for one in case.results])


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.real] if name == "real" else []) for name in CASES])
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    if request.param not in cases:
        pytest.skip("UPTAKE_TEST_STUDY names no real PET/CT study")
    return cases[request.param]


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("name", [f"{count} lesions" for count in COUNTS[1:]])
def test_a_profile_is_complete(cases: dict[str, Case], name: str, profile: Profile) -> None:
    assert cases[name].kinds >= {*kinds_of(profile, outlines=True)}


def test_no_validator_complains(installed, case: Case) -> None:
    """But that a name is not the same, where it is, in other bytes: dcentvfy knows no character sets."""
    found = complaints(installed, case.results, case.sources)
    if len({character_set(path) for path in (*case.sources, *(one.path for one in case.results))}) > 1:
        found = [one for one in found if "Element=<PatientName>" not in one.error]
    assert found == []


def test_pixelmed_does_not_complain(of_pixelmed: Mapping[Path, list[str]], case: Case) -> None:
    """Or, of a report with one region, in two lines.

    Its rules then take every group for one of TID 1410, and miss a region in the volumetric group of that lesion. What
    would silence them is worse: a second region makes OHIF list the lesion twice, a frame of the segmentation would
    have to name one source image in place of the series.
    """
    said = {one.path.name: errors for one in case.results if (errors := of_pixelmed.get(one.path))}
    if regions(case) == 1:
        single = said.pop("sr.dcm")
        assert len(single) == 2
        assert all(
            line.startswith(TAKEN_FOR_PLANAR) and line.endswith("Missing conditional content item") for line in single
        )
    assert said == {}


# Studies and their results


def synthetic(folder: Path, count: int) -> Case:
    """So many equal balls, each at a place of its own in the vocabulary, in a body of water."""
    labels = balls(count)
    noise = np.random.default_rng(count).random(GRID.shape, dtype=np.float32)
    suv = Volume(np.where(labels > 0, 9.0, 0.6).astype(np.float32) + 0.1 * noise, GRID.affine, Unit.SUVBW)
    water = Volume(np.zeros(GRID.shape, np.float32), GRID.affine, Unit.HOUNSFIELD)
    identity = PatientIdentity("Many^Lesions", f"MANY-{count}", date(1960, 1, 1), "M", 75.0, 1.75)
    study = write_study(folder / "study", identity, water, suv, SIEMENS, plan=StudyPlan(seed=str(count)))
    context = counted(study, labels)
    return Case(written(encode(context, EVERY_KIND), folder), study.pet_files)


def counted(study: WrittenStudy, labels: LabelMap) -> ResultContext:
    """What an analysis that finds just these lesions would say."""
    pair = choose_pair(group_series(find_instances(study.folder).headers))
    assert pair.ct is not None
    pet = read_pet(pair.pet)
    quantification = quantify(pet.headers)
    suv = to_suv(pet, quantification)
    leaves = vocabulary().leaves
    findings = tuple(
        Finding(
            number=number,
            kind=FindingKind.LESION,
            reason="a ball",
            threshold_suv=4.0,
            measurements=measured,
            location=LocationAnswer(leaves[number], 0.9, ((leaves[number], 0.9), (leaves[number + 1], 0.05))),
            caption=f"{leaves[number].name}: focus, SUVmax {measured.suv_max:.1f}.",
        )
        for number, measured in measure(labels, suv).items()
    )
    analysis = Analysis(
        tracer=Tracer.FDG,
        findings=findings,
        labels=labels,
        totals=totals([finding.measurements for finding in findings]),
        methods=(),
        remarks=(),
        references={},
        timings_s={},
        summary=f"{len(findings)} lesions.",
    )
    return ResultContext(pet, suv, read_ct(pair.ct), quantification, analysis, PROVENANCE)


def balls(count: int) -> LabelMap:
    labels = np.zeros(GRID.shape, np.uint16)
    reach = slice(-BALL_VOXELS, BALL_VOXELS + 1)
    ball = sum(offset**2 for offset in np.mgrid[reach, reach, reach]) <= BALL_VOXELS**2 + 1
    for number, centre in enumerate(LATTICE[:count], start=1):
        labels[tuple(slice(one - BALL_VOXELS, one + BALL_VOXELS + 1) for one in centre)][ball] = number
    return labels


def digital(folder: Path, script: str) -> Case:
    """A patient whose name is of that script: with lymphoma, with PSMA, or in multi-frame images."""
    name, character_set = SAMPLE_NAMES[script]
    tracer = Tracer.PSMA if script == "Greek" else Tracer.FDG
    patient = DigitalPatient.default(seed=3, tracer=tracer)
    body = (patient.sex.value, patient.weight_kg, patient.height_m)
    study = write_study(
        folder / "study",
        PatientIdentity(name, script, date(1960, 2, 3), *body, character_set),
        patient.ct(CT_GRID),
        patient.suv(PET_GRID),
        SIEMENS,
        examination=Examination(PSMA_1007) if tracer is Tracer.PSMA else Examination(),
        plan=StudyPlan(seed=script, storage=Storage.ENHANCED if script == "Arabic" else Storage.CLASSIC),
    )
    indication = Indication.LYMPHOMA if script == "Japanese" else None
    settings = Settings(analysis=AnalysisSettings(indication=indication))
    return Case(written(analysed(study.folder, settings), folder), study.pet_files)


def real(folder: Path, archive: Path) -> Case:
    """From a copy, since the archive's instances lack SOP and Series Instance UID in their data sets."""
    study = folder / "study"
    study.mkdir(parents=True)
    for header in find_instances(archive).headers:
        instance = dcmread(header.filename)
        instance.SOPInstanceUID, instance.SeriesInstanceUID = header.SOPInstanceUID, header.SeriesInstanceUID
        instance.save_as(study / f"{header.SOPInstanceUID}.dcm")
    results = analysed(study, Settings())
    pet = choose_inputs(find_instances(study).headers, Settings()).pair.pet
    return Case(written(results, folder), tuple(Path(header.filename) for header in pet.headers))


def refused(folder: Path) -> Case:
    """That a PET could not be analysed."""
    identity = PatientIdentity("Patient^Digital", "REFUSED", date(1960, 2, 3), "F", 70.0, 1.7)
    study = write_study(folder / "study", identity, None, DigitalPatient.default(seed=3).suv(PET_GRID), SIEMENS)
    reasons = [Remark(Reason.NO_PATIENT_WEIGHT, "(0010,1030) is absent in 72 of 72 instances.")]
    refusals = encode_refusals(find_instances(study.folder).headers, reasons, PROVENANCE)
    return Case(written(refusals, folder), study.pet_files)


def analysed(study: Path, settings: Settings) -> Sequence[Result]:
    inputs = choose_inputs(find_instances(study).headers, settings)
    return analyse_inputs(inputs, settings, Models(settings), kinds=EVERY_KIND).objects


def written(results: Sequence[Result], folder: Path) -> tuple[Written, ...]:
    chosen = [one for kind in ResultKind for one in spread([each for each in results if each.kind is kind])]
    files = write_objects(chosen, folder / "results")
    return tuple(Written(one.kind, file) for one, file in zip(chosen, files, strict=True))


def spread(parts: Sequence[Result]) -> list[Result]:
    kept = np.unique(np.linspace(0, len(parts) - 1, min(len(parts), MOST_PARTS)).round().astype(int))
    return [parts[index] for index in kept]


def character_set(path: Path) -> str:
    return str(dcmread(path, specific_tags=["SpecificCharacterSet"]).get("SpecificCharacterSet"))


def regions(case: Case) -> int:
    """How many places on images the report names."""
    report = next(dcmread(one.path) for one in case.results if one.kind is ResultKind.REPORT)
    return sum(element.keyword == "ValueType" and element.value == "SCOORD" for element in report.iterall())
