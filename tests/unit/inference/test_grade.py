import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.finding import GradeScale
from config.indication import Indication
from config.tracers import Tracer
from inference.grade import deauville, is_excreted_by_liver, promise, uptake_grade, uptake_words

FDG = {"liver_mean": 2.0, "liver_sd": 0.3, "blood_pool_mean": 1.4}
PSMA = {"blood_pool_mean": 1.5, "liver_mean": 5.0, "parotid_mean": 9.0}
suvs = st.floats(0.1, 100.0)


@pytest.mark.parametrize(
    ("suv_max", "score", "words"),
    [
        (1.4, 2, "mild"),
        (1.41, 3, "slight"),
        (2.0, 3, "slight"),
        (2.01, 4, "moderate"),
        (4.0, 4, "moderate"),
        (4.01, 5, "intense"),
    ],
)
def test_deauville_compares_with_blood_pool_and_liver(suv_max, score, words):
    assert deauville(suv_max, FDG).score == score
    assert uptake_words(suv_max, FDG) == words


@pytest.mark.parametrize(
    ("suv_max", "why"),
    [
        (1.05, "SUVmax 1.1 is 0.75 times the blood pool (mean 1.40)."),
        (1.75, "SUVmax 1.8 is 1.25 times the blood pool (mean 1.40) and 0.88 times the liver (mean 2.00)."),
        (3.0, "SUVmax 3.0 is 1.50 times the liver (mean 2.00)."),
        (12.5, "SUVmax 12.5 is 6.25 times the liver (mean 2.00)."),
    ],
)
def test_the_comparisons_that_decide_are_told(suv_max, why):
    assert deauville(suv_max, FDG).why == why


@pytest.mark.parametrize(
    ("suv_max", "references", "score"),
    [
        (9.0, {}, None),
        (9.0, {"blood_pool_mean": 1.4}, None),
        (1.0, {"blood_pool_mean": 1.4}, 2),
        (1.5, {"liver_mean": 2.0}, None),
        (2.5, {"liver_mean": 2.0}, 4),
        (4.5, {"liver_mean": 2.0}, 5),
    ],
)
def test_without_a_reference_that_decides_there_is_no_grade(suv_max, references, score):
    found = deauville(suv_max, references)
    assert (None if found is None else found.score) == score
    assert bool(uptake_words(suv_max, references)) is (score is not None)


def test_a_liver_cooler_than_the_blood_pool_counts_for_both():
    references = {"liver_mean": 1.2, "blood_pool_mean": 1.6}
    assert [deauville(suv, references).score for suv in (1.1, 1.4, 1.7, 2.5)] == [2, 4, 4, 5]
    assert deauville(1.08, references).why == "SUVmax 1.1 is 0.90 times the liver (mean 1.20)."


def test_promise_counts_from_the_reference_on():
    assert [promise(suv, PSMA).score for suv in (1.4, 1.5, 4.9, 5.0, 8.9, 9.0)] == [0, 1, 1, 2, 2, 3]
    assert promise(6.0, PSMA).why == (
        "SUVmax 6.0 is 1.20 times the liver (mean 5.00) and 0.67 times the parotid gland (mean 9.00)."
    )


def test_promise_needs_the_references_that_decide():
    without_parotid = {"blood_pool_mean": 1.5, "liver_mean": 5.0}
    assert [getattr(promise(suv, without_parotid), "score", None) for suv in (1.4, 4.9, 6.0)] == [0, 1, None]
    assert promise(20.0, {}) is None


def test_promise_is_none_where_the_references_contradict_each_other():
    references = {**PSMA, "liver_mean": 12.0}
    assert [getattr(promise(suv, references), "score", None) for suv in (1.4, 6.0, 10.0, 12.0)] == [0, 1, None, 3]


@pytest.mark.parametrize("name", ["PSMA-1007", "18F-PSMA 1007", "[18F]PSMA1007", "PSMA-1007 F^18^"])
def test_the_spleen_replaces_the_liver_for_ligands_that_the_liver_excretes(name):
    assert is_excreted_by_liver(name)
    references = {**PSMA, "liver_mean": 14.0, "spleen_mean": 7.0}
    assert [promise(suv, references, name).score for suv in (6.0, 8.0, 10.0)] == [1, 2, 3]
    assert promise(8.0, {**PSMA, "liver_mean": 4.0}, name) is None  # the spleen was not measured


@pytest.mark.parametrize("name", ["", "PSMA-11", "DCFPyL", "Ga-68 PSMA-617"])
def test_other_ligands_are_compared_with_the_liver(name):
    assert not is_excreted_by_liver(name)


@pytest.mark.parametrize(
    ("tracer", "indication", "scale"),
    [
        (Tracer.FDG, Indication.LYMPHOMA, GradeScale.DEAUVILLE),
        (Tracer.FDG, Indication.OTHER, None),
        (Tracer.PSMA, Indication.OTHER, GradeScale.PROMISE),
        (Tracer.PSMA, Indication.LYMPHOMA, GradeScale.PROMISE),
        (Tracer.DOTATATE, Indication.LYMPHOMA, None),
        (Tracer.OTHER, Indication.LYMPHOMA, None),
    ],
)
def test_each_examination_has_its_scale(tracer, indication, scale):
    grade = uptake_grade(9.5, PSMA, tracer=tracer, indication=indication)
    assert getattr(grade, "scale", None) is scale


def test_grades_are_called_what_physicians_call_them():
    assert str(deauville(3.0, FDG)) == "Deauville 4"
    assert str(promise(9.0, PSMA)) == "miPSMA score 3"


@given(st.tuples(suvs, suvs).map(sorted), suvs, suvs)
def test_hotter_is_never_graded_lower(pair, liver, pool):
    cooler, hotter = (deauville(suv, {"liver_mean": liver, "blood_pool_mean": pool}) for suv in pair)
    assert 2 <= cooler.score <= hotter.score <= 5
