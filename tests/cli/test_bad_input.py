"""Requests that make no sense get one line and exit code 2."""

from __future__ import annotations

import pytest

from bench.cli import main
from tests.conftest import Bench


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run in this process, which is quick; the message must be one line."""
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse's own refusals
        code = int(stop.code or 0)
    message = capsys.readouterr().err.strip()
    assert code == 2, message
    assert "Traceback" not in message
    return message.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--methods", "bluury"], ["no method 'bluury'", "'blurry'"]),
        (["--methods", ","], ["No method was named"]),
        (["--datasets", "photo"], ["no dataset 'photo'", "'photos'"]),
        (["--noise", "2"], ["noise is 2", "[0, 1)"]),
        (["--noise", "-0.1"], ["noise is -0.1"]),
        (["--noise", "nan"], ["noise is nan"]),
        (["--noise", "one"], ["--noise", "'one'"]),
        (["--blur-length", "99"], ["blur length is 99"]),
        (["--images", "0"], ["0 is not a whole number from 1"]),
        (["--time-limit", "0"], ["0 is not a positive number"]),
        (["--device", "cudda"], ["'cudda' cannot be used here"]),
        (["--methods", "blurry", "--set", "blurry.x=1"], ["no parameter 'x'", "none"]),
        (["--methods", "blurry", "--set", "dp.x=1"], ["'dp'", "not among the methods"]),
        (["--methods", "blurry", "--set", "x"], ["METHOD.KEY=VALUE", "'x'"]),
        (["--output", "/proc/nowhere"], ["/proc/nowhere cannot be written"]),
    ],
)
def test_run_refuses(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    message = refusal(capsys, "run", "--methods", "blurry", *arguments)
    for word in words:
        assert word in message


def test_missing_data_says_where_it_was_looked_for_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    message = refusal(capsys, "run", "--methods", "blurry", "--datasets", "celeba")
    assert str(tmp_path) in message
    assert "data fetch" in message


def test_a_plugin_s_missing_dataset_is_refused(bench: Bench) -> None:
    message = bench.refused("run", "--methods", "blurry", "--datasets", "absent")
    assert "/nowhere/absent.npz" in message
    assert "Ask its authors" in message


def test_a_table_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "/nowhere" in refusal(capsys, "table", "/nowhere")


def test_a_file_that_is_no_store_is_refused(bench: Bench) -> None:
    folder = bench.folder / "out"
    folder.mkdir()
    (folder / "cells.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    message = bench.refused("run", "--methods", "blurry", "--datasets", "tiny", "--output", "out")
    assert "cannot be used as a store" in message


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["table"],
        ["list"],
        ["data"],
        ["doctor"],
        ["deblur"],
        ["train"],
        ["import-weights"],
    ],
)
def test_help_has_examples(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "python -m bench" in capsys.readouterr().out.split("examples:")[1]
