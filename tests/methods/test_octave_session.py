"""One Octave per process: errors, deaths, time limits, orphans."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.errors import Unavailable
from bench.methods.engineered.octave_program import find_octave
from bench.methods.engineered.octave_scratch import remove_abandoned
from bench.methods.engineered.octave_session import OctaveError, OctaveSession

ROOT = Path(__file__).resolve().parents[2]
needs_octave = pytest.mark.skipif(
    not (shutil.which("octave-cli") or shutil.which("octave")), reason="GNU Octave is missing"
)


@pytest.fixture(scope="module")
def octave() -> Iterator[OctaveSession]:
    session = OctaveSession()
    yield session
    session.close()


@needs_octave
def test_arrays_keep_shape_and_value(octave: OctaveSession) -> None:
    array = np.random.default_rng(0).random((3, 4, 2))
    np.testing.assert_array_equal(octave.call("times", array, 2), 2 * array)


@needs_octave
def test_error_arrives_with_octaves_message(octave: OctaveSession) -> None:
    with pytest.raises(OctaveError, match="the moon is full"):
        octave.call("error", "the moon is full", outputs=0)
    assert octave.call("plus", 1, 2) == 3


@needs_octave
def test_killed_octave_is_replaced(octave: OctaveSession) -> None:
    octave.call("plus", 1, 2)
    before = octave.process_id
    assert before is not None
    os.kill(before, signal.SIGKILL)
    _wait(lambda: not _runs(before))
    assert octave.call("plus", 1, 2) == 3
    assert octave.process_id != before


@needs_octave
def test_time_limit_ends_the_call_and_the_next_works(octave: OctaveSession) -> None:
    with pytest.raises(OctaveError, match="time limit"):
        octave.call("pause", 60, outputs=0, time_limit=0.5)
    assert octave.call("plus", 1, 2) == 3


@needs_octave
def test_functions_in_the_users_folder_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in ((tmp_path, "restore_image"), (tmp_path / "path", "circshift")):
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.m").write_text(f"function x = {name} (varargin)\n  x = -1;\nend\n")
    (tmp_path / "octave-workspace").write_text("the user's own")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCTAVE_PATH", str(tmp_path / "path"))
    session = OctaveSession()
    try:
        settings = {"free": False, "tv_weight": 0.01, "tv_steps": 2}
        found = session.call("restore_image", np.full((4, 4), 0.5), np.ones((1, 1)), settings)
        assert session.process_id is not None
        os.kill(session.process_id, signal.SIGTERM)  # on which Octave saves its variables
    finally:
        session.close()
    np.testing.assert_allclose(found, 0.5)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["octave-workspace", "path", "restore_image.m"]
    assert (tmp_path / "octave-workspace").read_text() == "the user's own"


@needs_octave
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_no_orphan_after_kill_9_and_a_quiet_terminal(tmp_path: Path) -> None:
    code = (
        "from bench.methods.engineered.octave_session import session; import time; "
        "s = session(); s.call('plus', 1, 2); print(s.process_id, s.call('pwd'), flush=True); "
        "time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    python = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert python.stdout is not None
    identity, work = python.stdout.readline().split()
    octave, scratch = int(identity), Path(work).parent
    assert _runs(octave)
    remove_abandoned(scratch.parent)
    assert scratch.is_dir()  # its owner lives
    python.kill()
    _, noise = python.communicate()
    _wait(lambda: not _runs(octave))
    assert not _runs(octave)
    assert noise == ""
    assert not list(tmp_path.iterdir())  # neither temporary files nor Octave's variables
    remove_abandoned(scratch.parent)
    assert not scratch.exists()


def test_missing_octave_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("OCTAVE_EXECUTABLE", raising=False)
    with pytest.raises(Unavailable, match="apt-get install octave"):
        find_octave()


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
