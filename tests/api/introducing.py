"""Programs that differ from TensorFlow's by their import, and what they print there.

`python -m tests.api.introducing`, where TensorFlow is installed, writes their outputs anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted((Path(__file__).parent / "introduction").glob("*.py"))


def printed(program: Path) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if done.returncode:
        raise AssertionError(f"{program.name} fails:\n{done.stderr}")
    return done.stdout


def record() -> None:
    """Write down what TensorFlow says."""
    for program in PROGRAMS:
        text = re.sub(r"^(import|from) gradtape", r"\1 tensorflow", program.read_text(), flags=re.M)
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory, program.name)
            copy.write_text(text)
            program.with_suffix(".txt").write_text(printed(copy))


if __name__ == "__main__":
    record()
