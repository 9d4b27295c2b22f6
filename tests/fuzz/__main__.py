"""Fuzz without end, or for so many executions: ``python -m tests.fuzz STEP [libFuzzer's options]``; `make fuzz`.

Coverage of dicom_io and pydicom guides it. What it finds goes below ``fuzz/``; a file that was handled wrongly belongs
into ``tests/fuzz/corpus``, where every test run looks at it.
"""

import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["dicom_io", "pydicom"]):
    from tests.fuzz.pathway import Pathway
    from tests.fuzz.seeds import CORPUS, write_seeds

from tests.fuzz.mutation import mutated

_LONGEST_BYTES = 65536


def main() -> None:
    step, options = sys.argv[1], sys.argv[2:]
    found = Path("fuzz", step)
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir="/dev/shm"))
    fuzzed = getattr(Pathway(scratch, write_seeds(scratch / "seeds")), step)

    def mutate(content: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        if random.randrange(3) == 0:
            return bytes(atheris.Mutate(content, longest))
        return mutated(content, random, lambda value: atheris.Mutate(value, len(value) + 16))[:longest]

    limits = [f"-max_len={_LONGEST_BYTES}", "-timeout=20", "-rss_limit_mb=3000", f"-artifact_prefix={found}/defect-"]
    atheris.Setup(
        [sys.argv[0], *limits, *options, str(found / "corpus"), str(CORPUS), str(scratch / "seeds")],
        fuzzed,
        custom_mutator=mutate,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
