import numpy as np
import pytest

from config.finding import LocationAnswer
from config.reasons import Reason, Remark
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from inference.retrieval.locator import CERTAIN, LEAST_CONFIDENCE, RetrievalLocator
from inference.stages import Located, Pair

AFFINE = np.array([[0.0, 0.0, 4.0, -50.0], [0.0, 4.0, 0.0, -60.0], [6.0, 0.0, 0.0, 100.0], [0.0, 0.0, 0.0, 1.0]])
SUV = Volume(np.ones((20, 24, 24), dtype=np.float32), AFFINE, Unit.SUVBW)
CT = Volume(np.full((20, 24, 24), 40.0, dtype=np.float32), AFFINE, Unit.HOUNSFIELD)
WITH_CT, WITHOUT_CT = Pair(SUV, CT, CT), Pair(SUV, None, None)
FIRST, SECOND = np.array([[1, 2, 3], [1, 2, 4]]), np.array([[9, 9, 9]])
LEFT, RIGHT = vocabulary().leaf("left kidney"), vocabulary().leaf("right kidney")
MIDLINE = vocabulary().leaf("T7 vertebra")


def answer(location, confidence):
    return LocationAnswer(location, confidence, ((location, confidence),))


RULED = answer(LEFT, 0.6)


def located(*retrieved, ruled=RULED, pair=WITH_CT, sex=None, heard=None, remarks=()):
    """What the locator says where retrieval gives these answers in turn, and the rules the same one for all."""
    waiting = iter(retrieved)

    def retriever(body, points_mm, step_mm, sex=None):
        if heard is not None:
            heard.append((body, points_mm, step_mm, sex))
        return next(waiting)

    def rules(places, pair, anatomy, sex):
        return Located((ruled,) * len(places), remarks)

    places = (FIRST, SECOND)[: len(retrieved)] if pair.ct else (FIRST, SECOND)
    return RetrievalLocator(retriever, rules)(places, pair, None, sex)


def reasons(found):
    return [remark.reason for remark in found.remarks]


def test_retrieval_locates_what_it_is_sure_enough_of():
    sure = answer(LEFT, LEAST_CONFIDENCE)
    assert located(sure, ruled=answer(MIDLINE, 0.9)) == Located((sure,))


def test_rules_locate_what_retrieval_is_not_sure_of_and_the_remark_names_it():
    sure, unsure, ruled = answer(LEFT, 0.9), answer(LEFT, LEAST_CONFIDENCE - 0.01), answer(MIDLINE, 0.2)
    found = located(sure, unsure, ruled=ruled)
    assert found.answers == (sure, ruled)
    assert found.remarks == (Remark(Reason.LOCATED_BY_RULES, "Findings by number: 2."),)


def test_rules_locate_what_retrieval_can_not_localise():
    ruled = answer(MIDLINE, 0.2)
    found = located(None, None, ruled=ruled)
    assert found.answers == (ruled, ruled)
    assert found.remarks == (Remark(Reason.LOCATED_BY_RULES, "Findings by number: 1, 2."),)


def test_without_a_ct_retrieval_is_not_asked():
    heard = []
    ruled = answer(MIDLINE, 0.2)
    found = located(pair=WITHOUT_CT, ruled=ruled, heard=heard)
    assert (found.answers, heard) == ((ruled, ruled), [])
    assert reasons(found) == [Reason.LOCATED_BY_RULES]


def test_rules_locate_what_retrieval_puts_into_a_region_that_does_not_touch_theirs():
    sinus, station = (
        answer(vocabulary().leaf("right maxillary sinus"), 0.9),
        answer(vocabulary().leaf("right pulmonary hilum"), 0.2),
    )
    found = located(sinus, ruled=station)
    assert found.answers == (station,)
    assert reasons(found) == [Reason.LOCATIONS_DISAGREE, Reason.LOCATED_BY_RULES]


def test_a_neighbouring_region_or_the_spine_is_no_contradiction():
    thyroid, vertebra = (answer(vocabulary().leaf(name), 0.9) for name in ("right thyroid lobe", "T7 vertebra"))
    found = located(thyroid, vertebra, ruled=answer(vocabulary().leaf("right pulmonary hilum"), 0.2))
    assert found == Located((thyroid, vertebra))


def test_without_findings_nothing_is_said():
    assert located() == Located(())


def test_retrieval_is_told_the_sex_and_where_the_voxels_lie_in_one_body_for_all():
    heard = []
    located(answer(LEFT, 0.9), answer(LEFT, 0.9), sex="F", heard=heard)
    (body, points, step, sex), (same, others, _, _) = heard
    assert body is same
    assert sex == "F"
    np.testing.assert_allclose(points, [[-38.0, -52.0, 106.0], [-34.0, -52.0, 106.0]])
    np.testing.assert_allclose(others, [[-14.0, -24.0, 154.0]])
    np.testing.assert_allclose(step, [[0.0, 0.0, 4.0], [0.0, 4.0, 0.0], [6.0, 0.0, 0.0]])


def test_opposite_sides_are_remarked_with_the_finding_and_both_answers_and_retrieval_stands():
    found = located(answer(LEFT, 0.9), answer(RIGHT, 0.97))
    assert [each.location for each in found.answers] == [LEFT, RIGHT]
    said = "Finding 2: right kidney (0.97) by retrieval, left kidney (0.60) by rules."
    assert found.remarks == (Remark(Reason.LOCATIONS_DISAGREE, said),)


@pytest.mark.parametrize(
    ("retrieved", "ruled"),
    [
        (answer(RIGHT, CERTAIN - 0.01), answer(LEFT, 0.9)),
        (answer(RIGHT, 0.9), answer(LEFT, CERTAIN - 0.01)),
        (answer(MIDLINE, 0.9), answer(LEFT, 0.9)),
        (answer(LEFT, 0.9), answer(LEFT, 0.9)),
    ],
    ids=["retrieval not certain", "rules not certain", "one of them midline", "the same side"],
)
def test_no_contradiction_without_two_certain_answers_on_opposite_sides(retrieved, ruled):
    assert located(retrieved, ruled=ruled) == Located((retrieved,))


def test_what_the_rules_remark_is_passed_on():
    remark = Remark(Reason.LIVER_REFERENCE_MISSING, "None.")
    assert located(answer(LEFT, 0.9), remarks=(remark,)).remarks == (remark,)
