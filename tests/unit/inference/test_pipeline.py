import os
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from config.finding import FindingKind, LocationAnswer, Method
from config.indication import Indication
from config.reasons import Reason, Remark
from config.tracers import PROFILES, Tracer
from config.vocabulary import Laterality, vocabulary
from config.volume import Unit, Volume
from inference.anatomy.frame import PatientFrame
from inference.pipeline import Options, Stages, analyse
from inference.segmentation.segment import BasinSegmenter
from inference.stages import Captioned, Located, Stage
from inference.uptake.verdict import Organ, Verdict

FDG = Options(PROFILES[Tracer.FDG])
SHAPE, SPACING = (30, 40, 50), np.array([4.0, 4.0, 4.0])
REFERENCES = {"liver_mean": 2.0, "liver_sd": 0.2, "blood_pool_mean": 1.4}
NODE, CORTEX, CALYX, MASS = (8, 20, 10), (20, 20, 36), (20, 27, 36), (20, 12, 12)


def blob(centre, peak, sigma_mm):
    offsets = (np.indices(SHAPE) - np.reshape(centre, (3, 1, 1, 1))) * SPACING.reshape(3, 1, 1, 1)
    return peak * np.exp(-(offsets**2).sum(axis=0) / (2.0 * sigma_mm**2))


def volume(values, unit):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * SPACING
    return Volume(np.asarray(values, dtype=np.float32), affine, unit)


SUV = volume(1.0 + blob(NODE, 8, 7) + blob(MASS, 20, 9) + blob(CORTEX, 40, 7) + blob(CALYX, 30, 7), Unit.SUVBW)
CT = volume(np.full(SHAPE, 40.0), Unit.HOUNSFIELD)
LUNG = vocabulary().coarse("right lower lobe", Laterality.RIGHT)


KIDNEY = vocabulary().leaf("left kidney")


def describe(suv, ct):
    """An anatomy of which nothing is known but reference uptake."""
    frame = PatientFrame.around(suv)
    nothing, heights = np.zeros(frame.shape, dtype=bool), np.zeros(frame.shape[0])
    return SimpleNamespace(
        body=np.ones(suv.shape, dtype=bool),
        references=REFERENCES,
        frame=frame,
        **dict.fromkeys(("patient", "bone", "heart", "liver", "brain"), nothing),
        lungs=SimpleNamespace(right=nothing, left=nothing),
        spine=SimpleNamespace(seen=heights > 0, x=heights, y=heights),
        vertebral_levels=SimpleNamespace(level=lambda height: 0.0),
    )


def classify(labels, suv, anatomy, profile):
    """The hot side is the kidney; everything else is a lesion."""
    kidney = Verdict(FindingKind.PHYSIOLOGIC, "in the left kidney", Organ("left kidney", KIDNEY), 0.9)
    lesion = Verdict(FindingKind.LESION, "no organ explains it", None, 0.6)
    return {
        int(label): kidney if np.argwhere(labels == label)[:, 2].mean() > 25 else lesion
        for label in np.unique(labels[labels > 0])
    }


def locate(places, pair, anatomy, sex):
    return Located(tuple(LocationAnswer(LUNG, 0.7, ((LUNG, 0.7),)) for _ in places))


def stage(name, run):
    return Stage(Method(stage=name, name="of the test", version="0", parameters={}), run)


STAGES = Stages(
    describe=stage("anatomy", describe),
    classify=stage("classification", classify),
    locate=stage("location", locate),
)


def run(suv=SUV, ct=CT, options=FDG, stages=STAGES, **others):
    return analyse(suv, ct, options, stages=stages, **others)


def test_lesions_come_first_and_each_kind_by_its_maximum():
    found = run().findings
    assert [finding.number for finding in found] == [1, 2, 3]
    assert [finding.kind for finding in found] == [FindingKind.LESION, FindingKind.LESION, FindingKind.PHYSIOLOGIC]
    assert [round(finding.measurements.suv_max) for finding in found[:2]] == [21, 9]


def test_numbers_are_those_of_the_label_map():
    analysis = run()
    assert analysis.labels.dtype == np.uint16
    assert (analysis.labels[MASS], analysis.labels[NODE], analysis.labels[CORTEX]) == (1, 2, 3)
    for finding in analysis.findings:
        region = analysis.labels == finding.number
        assert finding.measurements.voxel_count == region.sum()
        assert region[finding.measurements.suv_max_index]
        assert finding.measurements.suv_max == SUV.values[region].max()
        assert SUV.values[region].min() >= finding.threshold_suv


def test_parts_of_an_organ_become_one_finding():
    analysis = run()
    assert analysis.labels[CORTEX] == analysis.labels[CALYX] == 3


def test_joined_parts_are_all_that_reaches_their_threshold():
    analysis = run()
    kidney, region = analysis.findings[2], analysis.labels == 3
    assert SUV.values[region].min() >= kidney.threshold_suv
    beside = ndimage.binary_dilation(region, np.ones((3, 3, 3))) & ~region
    assert SUV.values[beside].max() < kidney.threshold_suv


def test_totals_leave_physiologic_uptake_out():
    analysis = run()
    assert analysis.totals.lesion_count == 2
    assert analysis.totals.tmtv_ml == pytest.approx(sum(lesion.measurements.mtv_ml for lesion in analysis.lesions))
    distance = np.linalg.norm((np.array(NODE) - np.array(MASS)) * SPACING)
    assert analysis.totals.dmax_mm == pytest.approx(distance, abs=2.0)


def test_captions_carry_what_was_measured():
    first = run().findings[0]
    assert first.caption.startswith("Right lower lobe: ")
    assert " nodule, intense FDG uptake (SUVmax " in first.caption
    assert first.caption.endswith(f"(SUVmax {first.measurements.suv_max:.1f}).")


def test_physiologic_uptake_lies_in_the_organ_that_explains_it():
    kidney = run().findings[2]
    assert (kidney.location.location, kidney.location.confidence) == (KIDNEY, 0.9)
    assert kidney.location.top5 == ((KIDNEY, 0.9), (LUNG, pytest.approx(0.1)))
    assert kidney.caption.startswith("Left kidney: physiologic")


def test_the_locator_is_told_the_sex():
    heard = []

    def listening(places, pair, anatomy, sex):
        heard.append(sex)
        return locate(places, pair, anatomy, sex)

    run(options=replace(FDG, sex="F"), stages=replace(STAGES, locate=stage("location", listening)))
    assert heard == ["F"]


def test_locator_and_captioner_get_the_pair_and_all_findings_in_the_order_of_their_numbers():
    heard = []

    def locating(places, pair, anatomy, sex):
        heard.append((places, pair))
        return locate(places, pair, anatomy, sex)

    def captioning(facts, places, pair):
        heard.append((places, pair))
        return Captioned(tuple(f"{each.measurements.suv_max:.1f}" for each in facts))

    analysis = run(stages=replace(STAGES, locate=stage("location", locating), caption=stage("caption", captioning)))
    assert len(heard) == 2
    for places, pair in heard:
        assert (pair.suv, pair.ct, pair.ct_on_pet.shape) == (SUV, CT, SHAPE)
        for finding, voxels in zip(analysis.findings, places, strict=True):
            np.testing.assert_array_equal(voxels, np.argwhere(analysis.labels == finding.number))
    assert [finding.caption for finding in analysis.findings] == [
        f"{finding.measurements.suv_max:.1f}" for finding in analysis.findings
    ]


def test_what_locator_and_captioner_remark_is_in_the_analysis():
    said = [Remark(Reason.LOCATIONS_DISAGREE, "Finding 1."), Remark(Reason.CAPTION_CONTRADICTED, "Finding 2.")]

    def locating(places, pair, anatomy, sex):
        return replace(locate(places, pair, anatomy, sex), remarks=(said[0],))

    def captioning(facts, places, pair):
        return Captioned(("A sentence.",) * len(facts), (said[1],))

    stages = replace(STAGES, locate=stage("location", locating), caption=stage("caption", captioning))
    assert run(stages=stages).remarks == tuple(said)


def segmented_as(verdict):
    """The stages with a segmenter that has a verdict of its own on every candidate."""

    class Decided(BasinSegmenter):
        def __call__(self, suv, ct, anatomy, options):
            candidates = super().__call__(suv, ct, anatomy, options)
            return replace(candidates, verdicts=dict.fromkeys(candidates.thresholds, verdict))

    return replace(STAGES, segment=stage("segmentation", Decided()))


def test_a_segmenter_that_agrees_with_the_classifier_speaks_of_its_organ():
    verdict = Verdict(FindingKind.PHYSIOLOGIC, "by the network", None, 0.8)
    kidney = next(f for f in run(stages=segmented_as(verdict)).findings if f.location.location is KIDNEY)
    assert (kidney.reason, kidney.location.confidence) == ("by the network", 0.8)
    assert kidney.caption.startswith("Left kidney: physiologic FDG uptake (SUVmax ")


def test_physiologic_uptake_in_no_known_organ_is_named_after_its_location():
    verdict = Verdict(FindingKind.PHYSIOLOGIC, "by the network", None, 0.8)
    node = min(run(stages=segmented_as(verdict)).findings, key=lambda finding: finding.measurements.suv_max)
    assert (node.kind, node.reason) == (FindingKind.PHYSIOLOGIC, "by the network")
    assert (node.location.location, node.location.confidence) == (LUNG, 0.7)
    assert node.caption.startswith("Right lower lobe: physiologic FDG uptake (SUVmax ")


def test_a_segmenter_that_says_lesion_overrules_the_classifiers_organ():
    analysis = run(stages=segmented_as(Verdict(FindingKind.LESION, "by the network", None, 0.8)))
    assert {finding.kind for finding in analysis.findings} == {FindingKind.LESION}
    assert {finding.reason for finding in analysis.findings} == {"by the network"}
    assert {finding.location.location for finding in analysis.findings} == {LUNG}
    assert not any("physiologic" in finding.caption for finding in analysis.findings)


def test_without_a_ct_the_same_is_found():
    analysis = run(ct=None)
    assert analysis.remarks == ()
    assert len(analysis.findings) == 3


@pytest.mark.parametrize(("liver", "remarked"), [(1.29, True), (1.3, False), (3.0, False), (3.01, True)])
def test_an_unusual_liver_is_remarked_for_fdg(liver, remarked):
    def describe_liver(suv, ct):
        anatomy = describe(suv, ct)
        anatomy.references = {**REFERENCES, "liver_mean": liver}
        return anatomy

    stages = replace(STAGES, describe=stage("anatomy", describe_liver))
    reasons = [remark.reason for remark in run(stages=stages).remarks]
    assert (Reason.LIVER_REFERENCE_UNUSUAL in reasons) is remarked
    assert not run(stages=stages, options=Options(PROFILES[Tracer.PSMA])).remarks


def test_lesions_are_graded_where_there_is_a_scale_and_physiologic_uptake_is_not():
    graded = run(options=replace(FDG, indication=Indication.LYMPHOMA)).findings
    assert [str(finding.grade) for finding in graded] == ["Deauville 5", "Deauville 5", "None"]
    assert {finding.grade for finding in run().findings} == {None}


def test_the_summary_tells_what_was_found_and_what_was_remarked_before():
    remark = Remark(Reason.CT_COVERS_PARTLY, "80 %.")
    said = run(remarks=[remark]).summary
    assert said.startswith("FDG PET: 2 lesions (chest 2). Hottest lesion: right lower lobe, SUVmax ")
    assert said.endswith("To be read with care: The CT covers the PET only in part.")
    assert run(remarks=[remark]).remarks == ()


def test_nothing_found_is_a_result():
    analysis = run(suv=volume(np.ones(SHAPE), Unit.SUVBW))
    assert analysis.findings == ()
    assert not analysis.labels.any()
    assert analysis.totals.lesion_count == 0
    assert analysis.totals.suv_max is None


def test_every_stage_is_announced_timed_and_named():
    heard = []
    ticks = count()
    analysis = run(progress=heard.append, clock=lambda: float(next(ticks)))
    names = ["resampling", "anatomy", "segmentation", "classification", "measurement", "location", "caption"]
    assert heard == names
    assert analysis.timings_s == dict.fromkeys(names, 1.0)
    assert [method.stage for method in analysis.methods] == names


def test_methods_name_the_replaced_stage_and_the_chosen_rule():
    methods = {method.stage: method for method in run().methods}
    assert methods["anatomy"].name == "of the test"
    assert methods["segmentation"].parameters["threshold"] == "iterative"
    assert methods["segmentation"].parameters["minimum_volume_ml"] == "0.3"


def test_the_same_input_gives_the_same_analysis():
    first, second = run(clock=lambda: 0.0), run(clock=lambda: 0.0)
    assert first.findings == second.findings
    assert first.totals == second.totals
    np.testing.assert_array_equal(first.labels, second.labels)


@pytest.fixture(scope="module")
def real_pair():
    folder = os.environ.get("UPTAKE_TEST_STUDY")
    if not folder:
        pytest.skip("UPTAKE_TEST_STUDY names no study")
    pet = read(Path(folder), "PT_PET_AC_*")
    suv = Volume(pet.values * np.float32(0.00042111), pet.affine, Unit.SUVBW)
    return suv, read(Path(folder), "CT_CT_IMAGES_*")


def read(folder, pattern):
    slices = [pydicom.dcmread(path) for path in next(folder.glob(pattern)).glob("*.dcm")]
    slices.sort(key=lambda dataset: dataset.ImagePositionPatient[2])
    rows, columns = np.reshape(slices[0].ImageOrientationPatient, (2, 3)).astype(float)[::-1]
    affine = np.eye(4)
    affine[:3, 3] = slices[0].ImagePositionPatient
    affine[:3, 0] = (np.array(slices[-1].ImagePositionPatient, float) - affine[:3, 3]) / (len(slices) - 1)
    affine[:3, 1], affine[:3, 2] = rows * slices[0].PixelSpacing[0], columns * slices[0].PixelSpacing[1]
    values = [dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept for dataset in slices]
    return Volume(np.stack(values).astype(np.float32), affine, Unit.HOUNSFIELD)


@pytest.mark.real
def test_real_study_has_its_lung_mass_its_mediastinal_focus_and_its_kidneys(real_pair):
    analysis = analyse(*real_pair, FDG)
    assert analysis.remarks == ()
    mass = analysis.lesions[0]
    assert mass.measurements.suv_max == pytest.approx(42.2, abs=0.1)
    assert mass.location.location.laterality is Laterality.RIGHT
    assert mass.location.location.region == "chest"
    focus = next(lesion for lesion in analysis.lesions if round(lesion.measurements.suv_max, 1) == 13.4)
    assert focus.location.location.region == "chest"
    assert len(analysis.lesions) <= 6
    assert focus.measurements.mtv_ml == pytest.approx(11.0, abs=2.0)
    hottest = [finding for finding in analysis.findings if finding.measurements.suv_max > 35.0 and finding is not mass]
    assert len(hottest) == 2
    assert {finding.kind for finding in hottest} == {FindingKind.PHYSIOLOGIC}
    assert {finding.location.location.name for finding in hottest} == {"right kidney", "left kidney"}


def classify_parotids(labels, suv, anatomy, profile):
    """Everything on the right is a parotid gland, and so is what lies in front on the left; the rest is a lesion."""
    lesion = Verdict(FindingKind.LESION, "no organ explains it", None, 0.6)
    verdicts = {}
    for label in np.unique(labels[labels > 0]):
        _, row, column = np.argwhere(labels == label).mean(axis=0)
        side = "left" if column > 25 else "right" if row > 16 else None
        organ = side and Organ(f"{side} parotid gland", vocabulary().leaf(f"{side} parotid gland"))
        parotid = organ and Verdict(FindingKind.PHYSIOLOGIC, "in the parotid gland", organ, 0.9)
        verdicts[int(label)] = parotid or lesion
    return verdicts


def test_psma_scores_compare_with_the_parotid_glands_that_were_found():
    stages = replace(STAGES, classify=stage("classification", classify_parotids))
    analysis = run(options=Options(PROFILES[Tracer.PSMA]), stages=stages)
    glands = [each for each in analysis.findings if each.kind is FindingKind.PHYSIOLOGIC]
    inside = np.isin(analysis.labels, [each.number for each in glands])
    assert len(glands) >= 2
    assert analysis.references["parotid_mean"] == pytest.approx(float(SUV.values[inside].mean()), rel=1e-5)
    assert "spleen_mean" not in analysis.references
    (lesion,) = analysis.lesions
    assert lesion.grade.score == (3 if lesion.measurements.suv_max >= analysis.references["parotid_mean"] else 2)
    fdg = run(stages=stages)
    assert "parotid_mean" not in fdg.references
