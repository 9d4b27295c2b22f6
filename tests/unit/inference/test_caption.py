import re
from dataclasses import replace

import pytest

from config.finding import LocationAnswer, Measurements
from config.indication import Indication
from config.tracers import Tracer
from config.vocabulary import Laterality, vocabulary
from inference.caption import Facts, caption
from inference.density import Density

REFERENCES = {"liver_mean": 2.0, "liver_sd": 0.3, "blood_pool_mean": 1.4}
SOLID = Density(mean_hu=20.0, highest_hu=60.0)


def facts(location, **changes):
    suv_max = changes.pop("suv_max", 9.44)
    size = changes.pop("size_mm", (18.2, 15.0))
    measurements = Measurements(
        suv_max=suv_max,
        suv_peak=7.0,
        suv_mean=5.0,
        mtv_ml=3.0,
        tlg=15.0,
        long_axis_mm=size[0],
        short_axis_mm=size[1],
        centroid_mm=(0.0, 0.0, 0.0),
        suv_max_index=(0, 0, 0),
        slices=(0, 3),
        voxel_count=40,
    )
    given = {
        "organ": None,
        "location": LocationAnswer(location, 0.7, ((location, 0.7),)),
        "measurements": measurements,
        "density": SOLID,
        "tracer": Tracer.FDG,
        "references": REFERENCES,
    }
    return Facts(**{**given, **changes})


LUNG = vocabulary().leaf("right upper lobe apical segment (S1)")
NODE = next(leaf for leaf in vocabulary() if leaf.tissue == "lymph node")
VERTEBRA = next(leaf for leaf in vocabulary() if leaf.tissue == "bone" and "lumbar" in leaf.coarse)
RIB = next(leaf for leaf in vocabulary() if leaf.tissue == "bone" and "rib" in leaf.coarse)


def test_a_lung_nodule():
    assert caption(facts(LUNG)) == (
        "Right upper lobe apical segment (S1): 1.8 × 1.5 cm (on PET) nodule, intense FDG uptake (SUVmax 9.4)."
    )


def test_from_three_centimetres_on_it_is_a_mass():
    assert ": 3.0 × 2.9 cm (on PET) mass, intense FDG uptake" in caption(facts(LUNG, size_mm=(30.0, 29.0)))
    assert " nodule, " in caption(facts(LUNG, size_mm=(29.9, 29.0)))


def test_nothing_solid_in_the_lung_is_no_finding_of_the_ct():
    assert " focus, intense FDG uptake (" in caption(facts(LUNG, density=Density(mean_hu=-780.0, highest_hu=-600.0)))


def test_without_a_ct_there_is_no_finding_of_the_ct():
    assert " focus, intense FDG uptake (" in caption(facts(LUNG, density=None))


def test_a_node_is_not_called_enlarged_by_its_uptake():
    said = caption(facts(NODE, size_mm=(40.0, 30.0)))
    assert ": 4.0 × 3.0 cm (on PET) focus, intense FDG uptake" in said
    assert "enlarged" not in said


@pytest.mark.parametrize(("mean_hu", "expected"), [(650.0, "osteoblastic focus"), (180.0, "focus"), (30.0, "focus")])
def test_bone_is_called_osteoblastic_only_where_no_healthy_marrow_is_so_dense(mean_hu, expected):
    assert f" cm (on PET) {expected}, intense FDG uptake" in caption(facts(VERTEBRA, density=Density(mean_hu, 900.0)))
    assert " focus, intense FDG uptake (" in caption(facts(RIB, density=Density(mean_hu, 900.0)))


def test_a_coarse_location_is_named_and_claims_no_more():
    lobe = vocabulary().coarse("right lower lobe", Laterality.RIGHT)
    assert caption(facts(lobe)).startswith("Right lower lobe: 1.8 × 1.5 cm (on PET) nodule, ")


def test_a_location_that_is_hardly_a_guess_is_not_named():
    guess = LocationAnswer(LUNG, 0.14, ((LUNG, 0.14),))
    assert caption(replace(facts(LUNG), location=guess)) == (
        "Location uncertain: 1.8 × 1.5 cm (on PET) focus, intense FDG uptake (SUVmax 9.4)."
    )


def test_physiologic_uptake_has_its_organ_and_neither_finding_nor_grade():
    wall = vocabulary().leaf("urinary bladder wall")
    assert caption(facts(wall, organ="urinary bladder", suv_max=51.09)) == (
        "Urinary bladder: physiologic FDG uptake (SUVmax 51.1)."
    )


def test_words_for_intensity_claim_nothing_that_was_not_compared():
    assert caption(facts(LUNG, references={})).endswith(": 1.8 × 1.5 cm (on PET) nodule, FDG uptake (SUVmax 9.4).")


def test_psma_captions_carry_the_score():
    references = {"blood_pool_mean": 1.5, "liver_mean": 5.0, "parotid_mean": 9.0}
    said = caption(facts(VERTEBRA, tracer=Tracer.PSMA, suv_max=18.5, references=references))
    assert said.endswith("intense PSMA uptake (SUVmax 18.5, miPSMA score 3).")


def test_captions_in_lymphoma_carry_the_deauville_score():
    assert caption(facts(NODE, indication=Indication.LYMPHOMA)).endswith("(SUVmax 9.4, Deauville 5).")
    assert caption(facts(NODE, indication=Indication.OTHER)).endswith("(SUVmax 9.4).")


def test_physiologic_uptake_is_not_graded():
    kidney = facts(NODE, organ="left kidney", indication=Indication.LYMPHOMA)
    assert kidney.grade is None
    assert "Deauville" not in caption(kidney)


def test_an_unknown_tracer_is_not_named():
    assert " nodule, intense uptake (" in caption(facts(LUNG, tracer=Tracer.OTHER))


def test_every_number_is_a_measured_one():
    said = caption(facts(RIB, suv_max=12.34, size_mm=(23.4, 11.6)))
    assert re.findall(r"\d+\.\d+", said) == ["2.3", "1.2", "12.3"]


@pytest.mark.parametrize("location", list(vocabulary()), ids=lambda location: location.id)
def test_every_location_makes_a_sentence(location):
    said = caption(facts(location))
    assert said.startswith(location.name[0].upper() + location.name[1:] + ": ")
    assert said.endswith(".")
    assert "  " not in said
