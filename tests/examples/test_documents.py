"""Every Python block of the README, CONTRIBUTING and the guides runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def program(page: Path) -> list[tuple[str, str | None]]:
    """The Python blocks of a page, each with the block of output that follows it, if one does."""
    blocks = BLOCK.findall(page.read_text())
    found = []
    for i, (language, text) in enumerate(blocks):
        if language == "python":
            after = blocks[i + 1] if i + 1 < len(blocks) else ("python", "")
            found.append((text, after[1] if after[0] == "" else None))
    return found


WITH_CODE = [p for p in PAGES if program(p)]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda p: p.name)
def test_the_code_of_a_page_runs_in_a_fresh_process(page: Path, tmp_path: Path) -> None:
    wanted = [output for _, output in program(page)]
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + "\n".join(
        f"{code}\nprint('-- end of block --')" for code, _ in program(page)
    )
    file = tmp_path / "page.py"  # a file: AutoGraph reads the source
    file.write_text(script)
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split("-- end of block --\n")
    for have, output in zip(printed, wanted, strict=False):
        if output is not None:
            assert have.strip() == output.strip()


def test_some_page_has_code() -> None:
    assert len(WITH_CODE) >= 2


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_digits_example_reaches_its_accuracy(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "examples"))
    import digits

    with contextlib.redirect_stdout(io.StringIO()):
        accuracy = digits.main(["--epochs", "10", "--plot", str(tmp_path / "digits.png")])
    assert accuracy > 0.95
    assert (tmp_path / "digits.png").stat().st_size > 10_000
