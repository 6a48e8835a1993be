"""``python -m bench report``: the committed reports come from the committed record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT, Bench

TEXTS = (".md", ".csv", ".tex", ".html", ".svg")


@pytest.mark.long
@pytest.mark.parametrize("what", ["run", "paper"])
def test_the_committed_reports_come_from_the_committed_record(bench: Bench, what: str) -> None:
    record = str(ROOT / "results" / "record")
    done = bench("report", what, "--results", record, "--output", "reports", "--pictures", "0")
    assert done.returncode == 0, done.stderr
    made = [Path(line) for line in done.stdout.splitlines()]
    for path in made:
        committed = ROOT / path
        assert committed.is_file(), f"{path} is not committed; run 'python -m bench report {what}'."
        if path.suffix in TEXTS:
            fresh = (bench.folder / path).read_bytes()
            assert fresh == committed.read_bytes(), f"{path} is stale; run 'bench report {what}'."


def test_the_old_name_of_an_option_works_and_says_so(bench: Bench) -> None:
    done = bench(
        "run", "--methods", "half", "--datasets", "tiny", "--images", "2", "-o", "out", "-q"
    )
    assert done.returncode == 0, done.stderr
    done = bench("report", "--results", "out", "--out", "made")
    assert done.returncode == 0, done.stderr
    assert "--out is called --output now" in done.stderr
    made = {Path(line).name for line in done.stdout.splitlines()}
    assert {"table.md", "details.md", "pictures-tiny.svg", "index.html"} <= made  # from the store


def test_a_folder_without_scores_is_refused(bench: Bench) -> None:
    assert "There are no scores at" in bench.refused("report", "--results", "nowhere")


@pytest.mark.parametrize("command", ["report", "sweep", "check", "compare", "export", "score"])
def test_every_command_explains_itself(bench: Bench, command: str) -> None:
    done = bench(command, "--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout
