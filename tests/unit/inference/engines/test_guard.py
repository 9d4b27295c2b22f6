import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engines.guard import memory_errors, says_no_room

LIMIT = "from inference.engines.guard import limit_memory; limit_memory({megabytes})\n"


def outcome(script: str) -> str:
    """What a process prints that may not have more memory than it asks for."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    return done.stdout.strip() or done.stderr


def test_an_array_past_the_budget_is_a_memory_error() -> None:
    script = LIMIT.format(megabytes=600) + (
        "import numpy\n"
        "try:\n numpy.ones(2**28)\n"
        "except MemoryError:\n print('no room')\n"
        "print(numpy.ones(2**20).sum())\n"
    )
    assert outcome(script).split("\n") == ["no room", "1048576.0"]


def test_within_the_budget_nothing_changes() -> None:
    assert outcome(LIMIT.format(megabytes=600) + "import numpy; print(numpy.ones(2**24).sum())") == "16777216.0"


def test_a_lower_limit_stays() -> None:
    script = LIMIT.format(megabytes=100) + (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (100 * 2**20,) * 2)\n"
        "limit_memory(200)\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] // 2**20)\n"
    )
    assert outcome(script) == "100"


def test_an_engine_past_the_budget_is_a_memory_error(convolution: Callable[..., Path]) -> None:
    graph = convolution(1, 2, 256, 256, 256)
    script = (
        "import numpy\n"
        "from pathlib import Path\n"
        "from inference.engines.openvino import OpenVinoEngine\n"
        "from inference.engines.engine import WindowShape\n"
        "windows = numpy.zeros((1, 2, 256, 256, 256), numpy.float32)\n"
        + LIMIT.format(megabytes=500)
        + f"try:\n OpenVinoEngine(Path({str(graph)!r}), WindowShape(2, 3, (256, 256, 256)))(windows)\n"
        "except MemoryError:\n print('no room')\n"
    )
    assert outcome(script) == "no room"


@pytest.mark.parametrize(
    "message",
    [
        "Exception from src/inference/src/cpp/infer_request.cpp:246:\nstd::bad_alloc",
        "CUDA out of memory. Tried to allocate 20.00 MiB.",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_libraries_words_for_no_room_are_known(message: str) -> None:
    assert says_no_room(message)
    with pytest.raises(MemoryError), memory_errors():
        raise RuntimeError(message)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"), memory_errors():
        raise RuntimeError("shape mismatch")


def test_arrays_that_are_freed_go_back_to_the_system() -> None:
    """Twenty arrays of 4 MiB, of which only the last stays, after one of 8 MiB that raises glibc's own limit."""
    program = (
        "import numpy as np\n"
        "from inference.engines.guard import give_back_large_arrays\n"
        "def mib(): return int(open('/proc/self/statm').read().split()[1]) // 256\n"
        "give_back_large_arrays()\n"
        "first = np.ones(2**20)\n"
        "del first\n"
        "arrays = [np.ones(2**19) for _ in range(20)]\n"
        "before = mib()\n"
        "del arrays[:-1]\n"
        "print(before - mib())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 60
