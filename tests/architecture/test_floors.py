"""The house stands as drawn: floors, doors and manners, read from the source."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gradtape"
FLOORS = {
    "core": 0, "ops": 1, "autodiff": 2, "graph": 3, "train": 4, "data": 4, "distribute": 4, "interop": 4,
    "keras": 5, "api": 6, "compat": 7,
}  # fmt: skip
BASE_GUESTS = {"numpy", "ml_dtypes", "optree"}
DOORS = {
    "jax": {"graph/xp_jax*", "graph/compile", "distribute/*", "interop/jax"},
    "opt_einsum": {"ops/einsum"},
    "malt": {"graph/autograph*"},
    "keras": {"keras/*"},
    "keras_gradtape": {"keras/*"},
    "sympy": {"interop/sympy*"},
    "symengine": {"interop/sympy*"},
    "rich": {"train/*", "autodiff/*"},
    "safetensors": {"train/checkpoint*"},
    "threadpoolctl": {"graph/parallelism"},
}
FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted([*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").glob("*.py")])


def module_name(path: Path) -> str:
    """A file's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The room of a module, "" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> list[tuple[str, int]]:
    """The modules that a file imports, with the depth of the function around the import."""
    found: list[tuple[str, int]] = []

    def visit(node: ast.AST, depth: int) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, depth) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"relative import in {path}"
                found.append((child.module or "", depth))
                found.extend((f"{child.module}.{a.name}", depth) for a in child.names)
            inner = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            visit(child, depth + inner)

    visit(ast.parse(path.read_text()), 0)
    return found


MODULES = {module_name(p): p for p in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_from_lower_floors_or_its_own_room(path: Path) -> None:
    mine = room(module_name(path))
    if mine == "":
        return
    for name, depth in imports(path):
        if not name.startswith("gradtape"):
            continue
        assert depth == 0, f"{path} imports {name} inside a function"
        theirs = room(name)
        if theirs in FLOORS and theirs != mine:
            assert FLOORS[theirs] < FLOORS[mine], f"{mine} (floor {FLOORS[mine]}) imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_guests_come_through_their_doors(path: Path) -> None:
    here = str(path.relative_to(PACKAGE).with_suffix(""))
    for name, _ in imports(path):
        top = name.split(".")[0]
        if (
            not top
            or top in sys.stdlib_module_names
            or top in {"gradtape", "__future__"} | BASE_GUESTS
        ):
            continue
        doors = DOORS.get(top)
        assert doors is not None, f"{here} imports {top}, which is no guest of this house"
        assert any(Path(here).match(d) for d in doors), f"{here} is no door for {top}"


def test_there_is_no_circle() -> None:
    edges = {m: {n for n, _ in imports(p) if n in MODULES and n != m} for m, p in MODULES.items()}
    state: dict[str, int] = {}

    def visit(module: str, path: list[str]) -> None:
        if state.get(module) == 2:
            return
        assert state.get(module) != 1, " -> ".join([*path, module])
        state[module] = 1
        for other in edges[module]:
            visit(other, [*path, module])
        state[module] = 2

    for module in edges:
        visit(module, [])


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_manners(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 600, "a file has at most 600 lines"
    assert not re.search(r"^from \S+ import \*", text, re.M), "no star imports"
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not text.strip(), (
        "a file opens with a sentence that says what it holds"
    )
    assert path.stem != "utils"


def test_no_differentiation_of_jax_is_used() -> None:
    names = "grad|vjp|jvp|linearize|jacfwd|jacrev|hessian|value_and_grad|custom_vjp|custom_jvp|checkpoint"
    for path in FILES:
        assert not re.search(rf"\bjax\.({names})\b", path.read_text()), path
