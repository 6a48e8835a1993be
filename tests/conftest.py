"""Fixtures that several packages share: a tiny plugin with its own dataset and methods."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.forks import Forked, forkable, forks

# Before PyTorch comes in: two workers with a thread for every core take many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent

PLUGIN = '''
"""A third party's plugin: one dataset, and methods that behave well or badly."""

import os
import time
from pathlib import Path

import torch

from bench.protocol import (
    Dataset, Knowledge, Location, Method, Oracle, Restoration, Sample, check_observation,
)


class Tiny(Dataset):
    name = "tiny"
    title = "Six smooth random images"
    image_size = (32, 32)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        draw = torch.Generator().manual_seed(index)
        coarse = torch.rand(1, 3, 6, 6, generator=draw)
        image = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")[0]
        kernel = torch.rand(9, 9, generator=draw)
        return Sample(index, f"{index:02d}", image, kernel / kernel.sum(), f"tiny-{index}")

    @classmethod
    def location(cls):
        return Location(True, __file__)


class Absent(Tiny):
    name = "absent"

    @classmethod
    def location(cls):
        return Location(False, "/nowhere/absent.npz", "Ask its authors for it.")


class Half(Method):
    """Halfway to grey, with the identity as kernel."""

    knows = Knowledge(noise=True)
    batch_size = 2

    def __init__(self, task, share=0.5):
        super().__init__(task)
        self.share = share

    def deblur(self, observation):
        y = check_observation(observation, self.task)
        kernel = torch.zeros(len(y), *self.task.kernel_size)
        kernel[:, self.task.kernel_size[0] // 2, self.task.kernel_size[1] // 2] = 1
        note = os.environ.get("TINY_LOG")
        if note:
            with open(note, "a") as file:
                file.write(f"{len(y)}\\n")
        image = y * (1 - self.share) + self.share / 2
        return Restoration(image, kernel, iterations=torch.get_num_threads())  # to be seen


class Slow(Half):
    batch_size = 1

    def deblur(self, observation):
        time.sleep(0.4)
        return super().deblur(observation)


class Raises(Method):
    """Raises for the brightest images, and so for the batches they are in."""

    def deblur(self, observation):
        if observation.mean((1, 2, 3)).max() > 0.52:
            raise RuntimeError("too bright for me")
        return Restoration(observation)


class Hangs(Method):
    batch_size = 1

    def deblur(self, observation):
        if observation.mean() > 0.52:
            time.sleep(3600)
        return Restoration(observation)


class Dies(Method):
    batch_size = 1

    def __init__(self, task, above=0.52):
        super().__init__(task)
        self.above = above

    def deblur(self, observation):
        if observation.mean() > self.above:
            os._exit(3)
        return Restoration(observation)


class Nonsense(Method):
    def deblur(self, observation):
        return observation[:, :, :5]


class OutOfRange(Method):
    def deblur(self, observation):
        return Restoration(observation * 255)


class NotANumber(Method):
    """NaN in one image of the batch only."""

    def deblur(self, observation):
        image = observation.clone()
        image[observation.mean((1, 2, 3)) > 0.52] = float("nan")
        return Restoration(image)


class Cheat(Oracle):
    def deblur(self, observation, truth):
        return Restoration(truth.image, truth.kernel)
'''
ENTRY_POINTS = """
[bench.datasets]
tiny = tiny_plugin:Tiny
absent = tiny_plugin:Absent

[bench.methods]
half = tiny_plugin:Half
slow = tiny_plugin:Slow
raises = tiny_plugin:Raises
hangs = tiny_plugin:Hangs
dies = tiny_plugin:Dies
nonsense = tiny_plugin:Nonsense
out-of-range = tiny_plugin:OutOfRange
not-a-number = tiny_plugin:NotANumber
cheat = tiny_plugin:Cheat
broken-import = tiny_plugin_that_is_not_there:Gone
"""


def picture(path: Path) -> np.ndarray:
    """Pixels of an image file as they are stored, of any depth and number of channels."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, f"{path} is no image"
    return pixels


class Bench:
    """``python -m bench`` as a user runs it, in a folder of its own."""

    def __init__(self, folder: Path, plugins: Path) -> None:
        self.folder = folder
        paths = [str(ROOT), str(plugins), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "OMP_NUM_THREADS": "1",
        }

    def find(self, folder: Path) -> None:
        """Have later commands find what is installed in a folder."""
        self.environment["PYTHONPATH"] += f"{os.pathsep}{folder}"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "bench", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that puts the suite into the background has Ctrl-C ignored from here on, and
            # nohup has SIGHUP ignored.
            preexec_fn=lambda: [
                signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)
            ],
        )

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; in a fork, unless it needs a fresh interpreter."""
        process: subprocess.Popen[str] | Forked
        if forkable(environment):
            variables = {**self.environment, **environment}
            process = forks().start(arguments, self.folder, variables, spare=True)
        else:
            process = self.start(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=900)
        assert process.returncode is not None
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def refused(self, *arguments: str, **environment: str) -> str:
        """Run a command that must be refused: exit code 2, one line, no traceback."""
        done = self(*arguments, **environment)
        assert done.returncode == 2, done.stderr
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("bench: ")
        return lines[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tests can be asked for."""
    parser.addoption("--fuzz", help="try one damaged input, TARGET:NUMBER, as a failure names it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put damaged inputs first: each is a fork, which costs by what its process has grown to."""
    items.sort(key=lambda item: "tests/fuzz/" not in item.nodeid)


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installed-looking distribution that registers entry points."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "tiny_plugin.py").write_text(textwrap.dedent(PLUGIN))
    info = folder / "tiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
def bench(tmp_path: Path, plugins: Path) -> Bench:
    """The command line, in a temporary folder, with the tiny plugin installed."""
    return Bench(tmp_path, plugins)
