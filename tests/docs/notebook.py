"""Write an example as a notebook: ``python -m tests.docs.notebook``.

A cell begins at every ``# %%``, whose words become the text above it. Outputs are left out, so that
the notebook changes only when its script does.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPT = EXAMPLES / "read_record.py"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(script: Path) -> str:
    """The notebook of a script, as JSON."""
    source = script.read_text(encoding="utf-8")
    head, *parts = source.split("# %% ")
    cells = [_cell("markdown", 0, f"# {ast.get_docstring(ast.parse(head))}")]
    for part in parts:
        words, _, code = part.partition("\n")
        cells.append(_cell("markdown", len(cells), words))
        cells.append(_cell("code", len(cells), code.strip()))
    content = {
        "cells": cells,
        "metadata": {"kernelspec": KERNEL},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, number: int, text: str) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        **code,
        "source": text.splitlines(keepends=True),
    }


if __name__ == "__main__":
    SCRIPT.with_suffix(".ipynb").write_text(notebook(SCRIPT), encoding="utf-8")
