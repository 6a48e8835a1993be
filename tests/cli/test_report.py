"""``python -m bench report``: the committed reports come from the committed record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT, Bench

TEXTS = (".md", ".csv", ".tex", ".html", ".svg")


def test_the_committed_reports_come_from_the_committed_record(bench: Bench) -> None:
    done = bench("report", "--results", str(ROOT / "results" / "record"), "--out", "reports")
    assert done.returncode == 0, done.stderr
    made = [Path(line) for line in done.stdout.splitlines()]
    names = {path.name for path in made}
    assert {
        "table1.md",
        "table1.csv",
        "table1.tex",
        "ledger.md",
        "claims.md",
        "details.md",
    } <= names
    assert {"index.html", "figure6.png", "figure7.png", "figure8.png"} <= names
    for path in made:
        committed = ROOT / path
        assert committed.is_file(), f"{path} is not committed; run 'python -m bench report'."
        if path.suffix in TEXTS:
            fresh = (bench.folder / path).read_bytes()
            assert fresh == committed.read_bytes(), (
                f"{path} is stale; run 'python -m bench report'."
            )


def test_a_folder_without_scores_is_refused(bench: Bench) -> None:
    assert "There are no scores at" in bench.refused("report", "--results", "nowhere")


@pytest.mark.parametrize("command", ["report", "sweep", "check", "compare", "export", "score"])
def test_every_command_explains_itself(bench: Bench, command: str) -> None:
    done = bench(command, "--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout
