import re
from dataclasses import replace

import numpy as np
import pytest

from config.finding import LocationAnswer, Measurements
from config.reasons import Reason, Remark
from config.tracers import Tracer
from config.vocabulary import Laterality, vocabulary
from config.volume import Unit, Volume
from inference.caption import LEAST_CONFIDENCE, Facts, caption
from inference.captioning.captioner import GuidedCaptioner
from inference.captioning.tokens import CT_FINDINGS, Words
from inference.captioning.writer import Written
from inference.density import Density
from inference.stages import Captioned, Pair

SUV = Volume(np.ones((8, 8, 8), dtype=np.float32), np.diag([4.0, 4.0, 4.0, 1.0])[[2, 1, 0, 3]], Unit.SUVBW)
CT = Volume(np.full((8, 8, 8), 40.0, dtype=np.float32), SUV.affine, Unit.HOUNSFIELD)
WITH_CT = Pair(SUV, CT, CT)
VOXELS = np.array([[4, 4, 4]])
LEFT, RIGHT = vocabulary().leaf("left ilium"), vocabulary().leaf("right ilium")
MEASURED = Measurements(
    suv_max=9.44,
    suv_peak=7.0,
    suv_mean=5.0,
    mtv_ml=3.0,
    tlg=15.0,
    long_axis_mm=18.2,
    short_axis_mm=15.0,
    centroid_mm=(0.0, 0.0, 0.0),
    suv_max_index=(0, 0, 0),
    slices=(0, 3),
    voxel_count=40,
)


def at(location, confidence=0.9):
    return LocationAnswer(location, confidence, ((location, confidence),))


LESION = Facts(None, at(LEFT), MEASURED, Density(20.0, 60.0), Tracer.FDG, {"liver_mean": 2.0, "blood_pool_mean": 1.4})


def captioned(words, *facts, pair=WITH_CT, heard=None):
    """What the captioner says of these findings where the writer finds these words for each."""

    def writer(suv, ct, indices, answer):
        if heard is not None:
            heard.append((suv, ct, indices, answer))
        return Written(words, ())

    return GuidedCaptioner(writer)(facts, (VOXELS,) * len(facts), pair)


def test_words_are_the_writers_and_figures_those_measured():
    said = captioned(Words("left ilium", "soft tissue mass"), LESION)
    assert said == Captioned(
        ("Left ilium: 1.8 × 1.5 cm (on PET) soft tissue mass, intense FDG uptake (SUVmax 9.4).",),
    )


@pytest.mark.parametrize(
    ("finding", "phrase"),
    [
        ("osteolytic", "osteolytic lesion"),
        ("osteoblastic", "osteoblastic lesion"),
        ("mixed lytic-sclerotic", "mixed lytic-sclerotic lesion"),
        ("decreased bone density", "focus of decreased bone density"),
        ("no CT correlate", "focus, no CT correlate"),
    ],
)
def test_a_finding_that_is_no_noun_becomes_one(finding, phrase):
    (said,) = captioned(Words("left ilium", finding), LESION).sentences
    assert said == f"Left ilium: 1.8 × 1.5 cm (on PET) {phrase}, intense FDG uptake (SUVmax 9.4)."


@pytest.mark.parametrize(("long_axis_mm", "word"), [(29.9, "nodule"), (30.0, "mass")])
@pytest.mark.parametrize("written", ["nodule", "mass"])
def test_whether_it_is_a_nodule_or_a_mass_is_measured(written, long_axis_mm, word):
    lesion = replace(LESION, measurements=replace(MEASURED, long_axis_mm=long_axis_mm))
    (said,) = captioned(Words("left ilium", written), lesion).sentences
    assert f" {word}, " in said


@pytest.mark.parametrize("finding", sorted(set(CT_FINDINGS) - {"mass"}))
def test_every_finding_is_said_in_its_own_words_and_brings_no_figure(finding):
    (said,) = captioned(Words("left ilium", finding), LESION).sentences
    assert finding in said
    assert re.findall(r"\d+\.\d+", said) == ["1.8", "1.5", "9.4"]


def test_the_writer_sees_the_pair_the_voxels_and_the_location():
    heard = []
    captioned(Words("left ilium", "mass"), LESION, heard=heard)
    ((suv, ct, voxels, answer),) = heard
    assert (suv, ct, voxels, answer) == (SUV, CT, VOXELS, LESION.location)


def test_words_on_the_other_side_are_not_used_and_the_remark_quotes_them():
    said = captioned(Words("right ilium", "soft tissue mass"), LESION, replace(LESION, location=at(RIGHT)))
    assert said.sentences == (
        caption(LESION),
        "Right ilium: 1.8 × 1.5 cm (on PET) soft tissue mass, intense FDG uptake (SUVmax 9.4).",
    )
    found = "Finding 1 in left ilium: the model wrote “right ilium: soft tissue mass”."
    assert said.remarks == (Remark(Reason.CAPTION_CONTRADICTED, found),)


def test_words_for_another_site_are_not_used():
    said = captioned(Words("T7 vertebra", "osteolytic"), LESION)
    assert said.sentences == (caption(LESION),)
    assert [remark.reason for remark in said.remarks] == [Reason.CAPTION_CONTRADICTED]


def test_no_words_are_remarked():
    said = captioned(None, LESION)
    assert said.sentences == (caption(LESION),)
    found = "Finding 1 in left ilium: the model wrote no location and CT finding."
    assert said.remarks == (Remark(Reason.CAPTION_CONTRADICTED, found),)


def test_a_location_by_rules_guides_the_writer_as_well():
    lobe = vocabulary().coarse("right lower lobe", Laterality.RIGHT)
    (said,) = captioned(Words("right lower lobe", "consolidation"), replace(LESION, location=at(lobe))).sentences
    assert said.startswith("Right lower lobe: 1.8 × 1.5 cm (on PET) consolidation, ")


@pytest.mark.parametrize(
    "facts",
    [
        replace(LESION, organ="urinary bladder"),
        replace(LESION, location=at(LEFT, LEAST_CONFIDENCE - 0.01)),
        replace(LESION, density=None),
    ],
    ids=["physiologic", "hardly located", "not on the CT"],
)
def test_the_writer_is_not_asked_about(facts):
    heard = []
    assert captioned(Words("left ilium", "mass"), facts, heard=heard) == Captioned((caption(facts),))
    assert heard == []


def test_without_a_ct_the_grammar_captions():
    facts = replace(LESION, density=None)
    assert captioned(Words("left ilium", "mass"), facts, pair=Pair(SUV, None, None)) == Captioned((caption(facts),))
