"""The virtual environment of the frameworks we are compared with; none of them is a dependency.

``python -m benchmarks.peers`` makes it and prints its interpreter. We are in it as well, to import their models and to
run the tests that need them.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".bench-venv"
PACKAGES = (
    "dynamic-network-architectures==0.4.4",
    "matplotlib==3.11.2",
    "monai==1.6.1",
    "nnunetv2==2.8.1",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "onnxscript==0.7.2",
    "pycocoevalcap==1.2",
    "torch==2.13.0",
)
_OURS = FOLDER.parent
_MADE = FOLDER / "packages.txt"


def peer_python() -> Path:
    """The interpreter with the peers in it: that which ``UPTAKE_BENCH_PYTHON`` names, else of ``.bench-venv``."""
    named = os.environ.get("UPTAKE_BENCH_PYTHON")
    if named:
        return Path(named)
    python = FOLDER / "bin" / "python"
    wanted = "\n".join((*PACKAGES, (_OURS / "pyproject.toml").read_text(encoding="utf-8")))
    if not _MADE.is_file() or _MADE.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PACKAGES, "--editable", f"{_OURS}[dev]"], check=True, stdout=sys.stderr)
        _MADE.write_text(wanted, encoding="utf-8")
    return python


if __name__ == "__main__":
    print(peer_python())
