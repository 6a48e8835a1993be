"""Methods that do harm, by mistake or on purpose: each costs its own cells and no one else's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cli import main
from bench.harness.confinement import confine
from bench.registry import METHODS
from tests.cli import hostile
from tests.cli.hostile import Run
from tests.cli.hostile_methods import KINDS, MODULES, PLUGIN
from tests.cli.hostile_prying import KEPT_OUT
from tests.conftest import Bench


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of all kinds, with two workers, beside a process that has nothing to do with it."""
    folder, truth = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("truth")
    (truth / "secret").write_text("42")
    hostile.install(folder, "hostile", {name: kind.target for name, kind in KINDS.items()})
    hostile.install(folder, "collider", {"blurry": "hostile:Dies", "good": "hostile:Good"})
    with subprocess.Popen(["sleep", "600"]) as victim:
        done = hostile.run(
            folder,
            {"hostile": PLUGIN, **MODULES},
            {"methods": ",".join([*KINDS, "blurry"]), "datasets": "photos", "workers": "2"},
            BENCH_DATA=str(truth),
            TRUTH=str(truth),
            VICTIM=str(victim.pid),
        )
        victim.kill()
    return done


def shuts_in(folder: Path) -> bool:
    """Whether this system lets a process hide a folder from itself and reach no other process."""
    child = os.fork()
    if child == 0:
        confine(folder)
        try:
            os.kill(os.getppid(), 0)
        except PermissionError:
            os._exit(len([*folder.iterdir()]))
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_method_costs_its_own_cells(run: Run, name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    if name in KEPT_OUT and not shuts_in(tmp_path):
        pytest.skip("this system lets no process shut itself in")
    rows = run.rows("method", name)
    assert len(rows) == 2, run.stderr
    assert set(rows["status"]) == {KINDS[name].status}, rows["reason"].tolist()
    for reason in rows["reason"]:
        assert KINDS[name].words in reason
        assert len(reason) < 700
        assert reason.isprintable()


def test_a_folder_that_a_method_works_in_is_not_hidden_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "aside").mkdir()
    if not shuts_in(tmp_path / "aside"):
        pytest.skip("this system lets no process shut itself in")
    monkeypatch.chdir(tmp_path / "below")
    assert not shuts_in(tmp_path)


def test_the_others_are_whole(run: Run) -> None:
    assert run.code == 1
    assert "Traceback" not in run.stderr
    good, blurry = (run.rows("method", name) for name in ("good", "blurry"))
    assert good["psnr"].tolist() == blurry["psnr"].tolist()
    assert blurry["psnr"].astype(float).round(2).tolist() == [14.94, 18.76]
    drawn = run.rows("method", "draws-globally")["iterations"]
    assert drawn.nunique() == 1


def test_prints_never_mix_with_the_table(run: Run) -> None:
    assert run.stdout.splitlines()[1].startswith("method")
    assert "PRINTED" not in run.stdout
    for place in ("on import", "while planning", "at work", "by a child"):
        assert f"PRINTED {place}" in run.stderr


def test_a_name_that_is_taken_costs_the_later_plugin_only(run: Run) -> None:
    assert "The method name 'blurry' of collider is already taken by bench" in run.stderr
    assert "The method name 'good' of hostile is already taken by collider" in run.stderr


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder whose distributions this process sees."""
    monkeypatch.syspath_prepend(tmp_path)
    METHODS.__dict__.pop("entries", None)
    yield tmp_path
    METHODS.__dict__.pop("entries", None)


@pytest.mark.parametrize("command", [["list", "methods"], ["doctor"]])
def test_a_plugin_that_reads_our_arguments_is_listed_with_its_reason(
    fresh: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (fresh / "argument_reader.py").write_text(MODULES["hostile_exit"])
    hostile.install(fresh, "reader", {"argument-reader": "argument_reader:Gone", "blurry": "a:B"})
    assert main(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "SystemExit" in shown
    assert "'blurry' of reader is already taken" in shown
    assert "known-kernel" in shown


def test_a_data_set_under_another_s_name_is_refused(bench: Bench) -> None:
    (bench.folder / "dark.py").write_text(
        "from bench.datasets.photos import Photos\nclass Dark(Photos):\n    version = 'dark'\n"
    )
    hostile.install(bench.folder, "dark", {"photos-dark": "dark:Dark"}, "datasets")
    bench.find(bench.folder)
    arguments = ("run", "--methods", "blurry", "--datasets", "photos-dark", "--output", "out")
    message = bench.refused(*arguments)
    assert "'photos-dark' of dark calls itself 'photos'" in message
    assert not (bench.folder / "out").exists()
