"""Ctrl-C, once and impatiently: a line, and 130."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.conftest import Bench
from tests.disasters.study import PATIENCE, Study


@pytest.mark.parametrize("times", [1, 2, 5])
def test_ctrl_c_ends_a_run_in_a_line_however_often_it_is_pressed(bench: Bench, times: int) -> None:
    study = Study(bench)
    process = study.start()
    assert study.wait_for(lambda: len(study.cells()) > 1, process)
    for number in range(times):
        time.sleep(0.02 * number)
        os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "stopped" in said.strip()
    assert len(said.strip().splitlines()) <= 2, said
    assert len(study.cells()) > 1
