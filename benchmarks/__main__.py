"""Run every benchmark, one after the other: ``python -m benchmarks``."""

import subprocess
import sys

BENCHMARKS = (
    "analyze",
    "encoding",
    "engines",
    "words",
    "turnaround",
    "total_body",
    "listener",
    "intake",
    "audit",
    "scaling",
    "ray",
    "nnunet",
    "stages",
)


def main() -> int:
    """Exit code 0 only if every benchmark ran; what it measured is for people to judge."""
    failed = [name for name in BENCHMARKS if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    if failed:
        print(f"did not run: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    raise SystemExit(main())
