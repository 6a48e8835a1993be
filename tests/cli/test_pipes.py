"""A pipe that breaks is harmless only if it is the one that our output goes into."""

from __future__ import annotations

import os

import pytest

from bench import cli
from bench.cli import list as listing


def test_a_reader_that_leaves_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        assert cli.main(["list", "datasets"]) == 0


def test_any_other_broken_pipe_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(options: object) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(listing, "run", run)
    assert cli.main(["list"]) == 1
    assert "A pipe broke that was not the output's" in capsys.readouterr().err


def test_what_a_terminal_cannot_show_is_escaped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    path = f"{tmp_path}/output"
    with open(path, "w", encoding="ascii") as output:  # noqa: PTH123
        monkeypatch.setattr("sys.stdout", output)
        monkeypatch.setattr(listing, "run", lambda options: print("\u2191 \ud800") or 0)
        assert cli.main(["list"]) == 0
    with open(path) as output:  # noqa: PTH123
        assert output.read() == "\\u2191 \\ud800\n"
