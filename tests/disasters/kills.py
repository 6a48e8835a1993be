"""Kill -9 of a run, of its single processes, and of what those have started."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Sequence

import psutil

from tests.disasters.study import Running, Study


def server(process: Running) -> psutil.Process | None:
    """What the processes of a run are forked from."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            if "forkserver" in " ".join(child.cmdline()):
                return child
    return None


def workers(process: Running) -> list[psutil.Process]:
    """The processes that compute or answer."""
    with contextlib.suppress(psutil.Error):
        found = server(process)
        return found.children() if found else []
    return []


def kill(processes: Sequence[psutil.Process]) -> int:
    """Kill and return how many were there to be killed."""
    killed = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
            killed += 1
    return killed


def kill_groups(study: Study, times: int, draw: random.Random) -> None:
    """Kill -9 of the whole group of a run, at any moment from its first second on."""
    for _ in range(times):
        process = study.start()
        if draw.random() < 0.6:  # at work; else at its start
            study.wait_for_another_cell(process)
        time.sleep(draw.uniform(0, 1.0))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        study.ended(process)
        study.begin_again_if_done()


def kill_workers(study: Study, times: int, draw: random.Random) -> None:
    """Kill -9 of single workers: at once when they are there, while a job is sent, or at work."""
    left = times
    while left > 0:
        process = study.start()
        if draw.random() < 0.9:  # else also those that are asked while the run is planned
            study.wait_for_another_cell(process)
        seen = {worker.pid for worker in workers(process)} if draw.random() < 0.5 else set()
        while left > 0 and process.poll() is None:
            fresh = [worker for worker in workers(process) if worker.pid not in seen]
            if not fresh:
                time.sleep(0.005)
                continue
            seen |= {worker.pid for worker in fresh}
            time.sleep(draw.choice((0, 0, 0.02, 0.1, 0.4)))
            killed = kill(fresh[:1])
            left -= killed
            study.count.tries += killed
            time.sleep(draw.uniform(0.2, 1.0))  # so that some of the work gets done
        study.count.tries -= 1  # which ending adds
        study.ended(process)
        study.begin_again_if_done()


def busy_octaves(process: Running) -> list[psutil.Process]:
    """Octaves of a run that have computed for a second."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "octave" in child.name() and child.cpu_times().user > 1.0:
                    found.append(child)
    return found


def kill_octaves(study: Study, times: int, draw: random.Random) -> None:
    """Kill -9 of Octave in the middle of its calls."""
    left = times
    while left > 0:
        process = study.start()
        while left > 0 and process.poll() is None:
            if busy := busy_octaves(process):
                time.sleep(draw.uniform(0, 0.5))
                killed = kill(busy[:1])
                left -= killed
                study.count.tries += killed
            time.sleep(0.02)
        study.count.tries -= 1
        study.ended(process)
        study.begin_again_if_done()
