"""Files and functions that a reader takes in at once: none grows past these lengths unseen."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE, FUNCTION, AT_THE_ROOT, BACKEND = 350, 60, 12, 100
BACKENDS = ("local", "dask", "submitit")


@pytest.fixture(scope="module")
def sources() -> list[Path]:
    """Python files of the checkout."""
    listed = ["git", "-C", str(ROOT), "ls-files", "*.py"]
    done = subprocess.run(listed, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"not a checkout: {done.stderr.strip()}")
    return [path for name in done.stdout.split() if (path := ROOT / name).is_file()]


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    about = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - about


def test_files_are_short(sources: list[Path]) -> None:
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in sources
    }
    assert {name: length for name, length in lengths.items() if length > FILE} == {}


def test_functions_are_short(sources: list[Path]) -> None:
    found = {}
    for path in sources:
        name = str(path.relative_to(ROOT))
        if name.startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = lines_of_code(node)
                if length > FUNCTION:
                    found[f"{name}:{node.name}"] = length
    assert found == {}


def test_a_backend_is_short() -> None:
    folder = ROOT / "bench" / "harness" / "executors"
    for name in BACKENDS:
        assert (folder / f"{name}.py").read_text(encoding="utf-8").count("\n") < BACKEND, name


def test_the_package_shows_a_newcomer_under_a_dozen_modules(sources: list[Path]) -> None:
    assert len([path for path in sources if path.parent == ROOT / "bench"]) < AT_THE_ROOT
