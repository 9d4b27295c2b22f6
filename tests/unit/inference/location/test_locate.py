"""Location: the right place on the right side, whichever way the arrays run, with honest probabilities."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.finding import LocationAnswer
from config.vocabulary import Laterality, vocabulary
from inference.anatomy.describe import describe
from inference.location.known_organ import in_organ
from inference.location.leaves import LEAVES
from inference.location.locate import locate
from inference.location.places import PLACES

PLACE_OF = {
    (-75.0, 10.0, 210.0): "right upper lobe",
    (75.0, -30.0, 190.0): "left upper lobe",
    (-75.0, 55.0, 60.0): "right lower lobe",
    (75.0, 55.0, 60.0): "left lower lobe",
    (-60.0, 45.0, -100.0): "right kidney",
    (60.0, 45.0, -100.0): "left kidney",
    (0.0, 62.0, -60.0): "lumbar vertebra",
    (0.0, 62.0, 110.0): "mid thoracic vertebra (T5-T8)",
    (-85.0, 45.0, -200.0): "right ilium",
    (85.0, 45.0, -200.0): "left ilium",
    (0.0, -30.0, -325.0): "urinary bladder wall",
    (-85.0, 0.0, -440.0): "right proximal femur",
    (-75.0, -10.0, -30.0): "right liver lobe",
    (32.0, -35.0, 90.0): "heart and pericardium",
    (0.0, 20.0, 165.0): "subcarinal node (station 7)",
}
TURNS = {
    "reversed slices": np.diag((-1.0, 1.0, 1.0)),
    "feet first": np.diag((-1.0, 1.0, -1.0)),
    "coronal": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


def answer(phantom, anatomy, centre, radius_mm=10.0):
    return locate(phantom.ball(centre, radius_mm), phantom.suv, anatomy, phantom.ct)


@pytest.mark.parametrize(("centre", "name"), PLACE_OF.items(), ids=PLACE_OF.values())
def test_places_get_their_names(centre, name, phantom, anatomy):
    assert answer(phantom, anatomy, centre).location.name == name


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS.keys())
def test_the_order_of_the_arrays_changes_no_answer(turn, make_phantom, phantom, anatomy):
    other = make_phantom(turn=turn)
    turned = other.describe()
    for centre in PLACE_OF:
        expected, given_answer = answer(phantom, anatomy, centre), answer(other, turned, centre)
        assert given_answer.location == expected.location
        assert given_answer.confidence == pytest.approx(expected.confidence, abs=0.02)


def test_an_oblique_acquisition_keeps_side_and_region(make_phantom):
    angle = np.deg2rad(12.0)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    oblique = make_phantom(turn=turn)
    anatomy = oblique.describe()
    for centre, name in PLACE_OF.items():
        if abs(centre[2]) > 250.0:
            continue
        side = name.split()[0]
        found = answer(oblique, anatomy, centre).location
        if side in ("right", "left"):
            assert found.laterality == side


def test_a_mirrored_patient_gets_mirrored_sides(make_phantom):
    patient = make_phantom()
    mirrored = make_phantom()
    for volume in (mirrored.suv, mirrored.ct):
        volume.values[:] = volume.values[:, :, ::-1]
        volume.affine[0, 3] = -(volume.affine[0, 3] + (volume.shape[2] - 1) * volume.affine[0, 2])
    opposite = {Laterality.RIGHT: Laterality.LEFT, Laterality.LEFT: Laterality.RIGHT}
    before, after = patient.describe(), mirrored.describe()
    for x, y, z in [(-60, 45, -100), (60, 45, -100), (-85, 45, -200), (85, 0, -440), (75, 10, 210), (-75, 55, 60)]:
        one, other = answer(patient, before, (x, y, z)).location, answer(mirrored, after, (-x, y, z)).location
        assert other.laterality is opposite[one.laterality]
        assert other.region == one.region


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=st.floats(-140.0, 140.0), y=st.floats(-60.0, 70.0), z=st.floats(-480.0, 290.0), radius=st.floats(6.0, 25.0))
def test_answers_are_ranked_distinct_and_never_on_the_wrong_side(x, y, z, radius, phantom, anatomy):
    found = answer(phantom, anatomy, (x, y, z), radius)
    probabilities = [probability for _, probability in found.top5]
    assert found.top5[0] == (found.location, found.confidence)
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1.0 + 1e-9
    assert len({entry.id for entry, _ in found.top5}) == len(found.top5) <= 5
    assert all(0.0 <= probability <= 1.0 for probability in probabilities)
    if abs(x) > 20.0 and found.location.laterality in (Laterality.RIGHT, Laterality.LEFT):
        assert found.location.laterality is (Laterality.LEFT if x > 0.0 else Laterality.RIGHT)


def test_near_the_midline_both_sides_are_named(phantom, anatomy):
    sides = {entry.laterality for entry, _ in answer(phantom, anatomy, (2.0, 5.0, 195.0), 7.0).top5}
    assert {Laterality.RIGHT, Laterality.LEFT} <= sides


def test_a_nodule_that_replaces_lung_is_in_the_lung(phantom):
    ill = phantom.with_ball((-80.0, 10.0, 200.0), 9.0, 45.0, 12.0)
    assert answer(ill, ill.describe(), (-80.0, 10.0, 200.0), 12.0).location.name == "right upper lobe"


def test_without_a_ct_confidence_is_low_and_the_side_is_kept(phantom):
    anatomy = describe(phantom.suv, None)
    for x in (-85.0, 85.0):
        found = locate(phantom.ball((x, 10.0, 0.0)), phantom.suv, anatomy, None)
        assert found.confidence <= 0.45
        if found.location.laterality in (Laterality.RIGHT, Laterality.LEFT):
            assert found.location.laterality is (Laterality.LEFT if x > 0.0 else Laterality.RIGHT)


@pytest.mark.parametrize(
    ("sex", "others"),
    [
        ("M", {"uterus", "ovary and adnexa", "vagina and vulva"}),
        ("F", {"prostate", "seminal vesicle", "testis, penis and scrotum"}),
    ],
)
def test_nothing_is_located_in_what_only_the_other_sex_has(sex, others, phantom, anatomy):
    named, without = set(), set()
    for x, y, z in [(0, 20, -362), (0, 0, -330), (30, 10, -320), (0, -20, -375), (10, 20, -345)]:
        voxels = phantom.ball((x, y, z), 8.0)
        found = locate(voxels, phantom.suv, anatomy, phantom.ct, sex)
        named |= {entry.coarse for entry, _ in found.top5}
        without |= {entry.coarse for entry, _ in locate(voxels, phantom.suv, anatomy, phantom.ct).top5}
    assert not named & others
    assert without & others


def test_a_known_organ_comes_first_and_leaves_the_rest_their_order():
    entries = vocabulary()
    spleen, stomach, kidney = (entries.leaf("spleen"), entries.coarse("stomach"), entries.leaf("left kidney"))
    answer = LocationAnswer(stomach, 0.6, ((stomach, 0.6), (kidney, 0.2), (spleen, 0.1)))
    found = in_organ(kidney, 0.7, answer)
    assert (found.location, found.confidence) == (kidney, 0.7)
    assert [entry for entry, _ in found.top5] == [kidney, stomach, spleen]
    assert sum(share for _, share in found.top5) == pytest.approx(1.0)
    assert found.top5[1][1] == pytest.approx(6 * found.top5[2][1])


def test_legs_alone_are_recognised(make_phantom):
    legs = make_phantom(bottom_mm=-500.0, top_mm=-390.0)
    found = answer(legs, legs.describe(), (85.0, 0.0, -440.0))
    assert (found.location.region, found.location.laterality) == ("lower limb", Laterality.LEFT)


def test_the_table_of_places_names_coarse_locations_only():
    names = set(vocabulary().coarse_names)
    assert {place.coarse for place in PLACES} == names - {"epitrochlear node"}
    for place in PLACES:
        assert place.level_mm[0] < place.level_mm[1]
        assert place.left_mm[0] < place.left_mm[1]
        assert not place.paired or place.left_mm[0] >= 0.0


@pytest.mark.parametrize("side", [Laterality.RIGHT, Laterality.LEFT])
def test_every_leaf_of_the_rules_is_one_of_its_coarse_location(side):
    for coarse, leaves in LEAVES.items():
        for leaf in leaves:
            name = leaf.name.format(side=side, initial=side[0].upper())
            assert vocabulary().leaf(name).coarse == coarse.format(side=side)
