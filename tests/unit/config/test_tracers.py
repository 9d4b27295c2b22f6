import pytest

from config.tracers import Tracer, recognise


@pytest.mark.parametrize(
    ("name", "code", "tracer"),
    [
        ("FDG -- fluorodeoxyglucose", "", Tracer.FDG),
        ("Fluorodeoxyglucose F^18^", "", Tracer.FDG),
        ("", "35321007", Tracer.FDG),
        ("[18F]PSMA-1007", "", Tracer.PSMA),
        ("18F-DCFPyL", "", Tracer.PSMA),
        ("68Ga DOTATATE", "", Tracer.DOTATATE),
        ("Axumin", "", Tracer.FLUCICLOVINE),
        ("Sodium fluoride", "", Tracer.OTHER),
        ("", "", Tracer.OTHER),
    ],
)
def test_a_tracer_is_recognised_by_name_or_code(name: str, code: str, tracer: Tracer) -> None:
    assert recognise(name, code) is tracer
