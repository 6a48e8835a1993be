"""Data sets that do harm, by mistake or on purpose: each costs its own rows and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import hostile
from tests.cli.hostile import Kind, Run
from tests.conftest import Bench

LEFT_OUT = "left out"

PLUGIN = '''
import os, random, sys, time
from pathlib import Path

import torch

from bench.protocol import Dataset, Location, NoiseModel, Sample

print("PRINTED on import")


class Good(Dataset):
    name = "good"
    image_size = (32, 32)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        draw = torch.Generator().manual_seed(index)
        image = torch.rand(1, 3, 4, 4, generator=draw, dtype=torch.float32)
        image = torch.nn.functional.interpolate(image, (32, 32), mode="bilinear")[0]
        return Sample(index, f"{index:02d}", image, torch.full((3, 3), 1 / 9), "box")

    @classmethod
    def location(cls):
        return Location(True, "here")


def kind(name, **members):
    """A data set that differs from the good one in a few members."""
    globals()[name] = type(name, (Good,), {"name": name, **members})


def raises(*_):
    raise KeyError("img_01")


def sample(self, index, **changes):
    import dataclasses
    return dataclasses.replace(Good.__getitem__(self, index), **changes)


def later(self, index):
    """Good as often as it is planned, then it dies: the harness asks again when it computes."""
    counter = Path("asked-for-later")
    asked = len(counter.read_text()) if counter.exists() else 0
    counter.write_text("x" * (asked + 1))
    if asked >= 2:
        os._exit(4)
    return Good.__getitem__(self, index)


def changes_state(self, index):
    found = Good.__getitem__(self, index)
    os.umask(0o777)
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    print("PRINTED when asked")
    return found


def shouts(self, index):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"\\0\\0\\0\\5hello")
        except OSError:
            pass
    time.sleep(3600)


def forever(self, index):
    time.sleep(3600)


def once(self, index):
    try:
        open("has-died-once", "x").close()
    except FileExistsError:
        return Good.__getitem__(self, index)
    os.kill(os.getpid(), 9)


def scored(self, index):
    """Good as often as it is planned and computed, then it dies."""
    counter = Path("asked-to-be-scored")
    asked = len(counter.read_text()) if counter.exists() else 0
    counter.write_text("x" * (asked + 1))
    if asked >= 4:
        os._exit(4)
    return Good.__getitem__(self, index)


@classmethod
def declares(cls):
    assert os.environ["BENCH_DATA"] == "/the/data"
    return Location(True, "here")


@classmethod
def peeks(cls):
    from bench.datasets.locations import locate
    return locate(os.environ["BENCH_DATA"], "")


kind("dies_once", __getitem__=once)
kind("scoring_dies", __getitem__=scored)
kind("peeks", location=peeks)
kind("declares", location=declares, reads_data=True)
kind("init_raises", __init__=raises)
kind("len_raises", __len__=raises)
kind("len_exits", __len__=lambda self: sys.exit("no count"))
kind("len_negative", __len__=lambda self: -3)
kind("len_endless", __len__=lambda self: 10**14)
kind("item_raises", __getitem__=raises)
kind("item_exits", __getitem__=lambda self, index: sys.exit("enough"))
kind("item_dies", __getitem__=lambda self, index: os._exit(6))
kind("item_sleeps", __getitem__=forever)
kind("item_is_no_sample", __getitem__=lambda self, index: {"image": 1})
kind("item_is_random", __getitem__=lambda self, index: sample(self, index,
     image=torch.full((3, 32, 32), random.random())))
kind("item_is_not_finite", __getitem__=lambda self, index: sample(self, index,
     image=torch.full((3, 32, 32), float("nan"))))
kind("item_in_bytes", __getitem__=lambda self, index: sample(self, index,
     image=torch.full((3, 32, 32), 200.0)))
kind("kernel_is_none", __getitem__=lambda self, index: sample(self, index, kernel=None))
kind("names_are_numbers", __getitem__=lambda self, index: sample(self, index, name=index))
kind("names_are_equal", __getitem__=lambda self, index: sample(self, index, name="same"))
kind("shouts", __getitem__=shouts)
kind("later_dies", __getitem__=later)
kind("changes_state", __getitem__=changes_state)
kind("version_is_a_number", version=2)
kind("noise_is_a_text", noise="little")
kind("bits_are_a_text", bits="8")
kind("model_is_a_text", noise_model="gaussian")
kind("boundary_is_unknown", boundary="reflect")
kind("location_raises", location=classmethod(raises))
kind("location_is_a_text", location=classmethod(lambda cls: "here"))
kind("scores_itself", alignment_for=classmethod(lambda cls, size: None))
kind("other_name", )
other_name.name = "photos"
'''
MODULES = {
    "evil_exit": "import sys\nsys.exit('not today')\n",
    "evil_death": "import os\nos._exit(7)\n",
    "evil_sleep": "import time\ntime.sleep(3600)\n",
    "evil_state": (
        "import torch, os\ntorch.set_default_dtype(torch.float64)\nos.umask(0o777)\n"
        "os.environ.clear()\nfrom evil import Good\nclass State(Good): name = 'state_on_import'\n"
    ),
}
REFUSED = {
    "init_raises": "KeyError: 'img_01'",
    "peeks": "is not at /dev/null/undeclared",
    "len_raises": "cannot count its images: KeyError: 'img_01'",
    "len_exits": "cannot count its images: SystemExit: no count",
    "len_negative": "cannot count its images: ValueError",
    "len_endless": "says that it has 100000000000000 images",
    "item_raises": "cannot give its image 0: KeyError: 'img_01'",
    "item_exits": "cannot give its image 0: SystemExit: enough",
    "item_dies": "was asked to give its image 0. The worker process died (exit code 6)",
    "item_sleeps": "did not answer within 6 s",
    "item_is_no_sample": "gave dict for its image 0, not a Sample",
    "item_is_not_finite": "spans [nan, nan]",
    "item_in_bytes": "spans [200, 200]; scale it to [0, 1]",
    "kernel_is_none": "has a kernel of shape NoneType",
    "names_are_numbers": "names its image 0 0; give a string",
    "names_are_equal": "The images 0 and 1 of the dataset 'names_are_equal' are both named 'same'",
    "shouts": "was asked to give its image 0.",
    "version_is_a_number": "version is 2; it has to be a string",
    "noise_is_a_text": "noise is 'little'; it has to be a number or None",
    "bits_are_a_text": "bits is '8'",
    "model_is_a_text": "noise_model is 'gaussian'",
    "boundary_is_unknown": "declares boundary = 'reflect'",
    "location_raises": "KeyError: 'img_01'",
    "location_is_a_text": "location() returned str",
    "scores_itself": "overrides alignment_for",
    "other_name": "calls itself 'photos'",
}
KINDS = {
    **{name: Kind(f"evil:{name}", LEFT_OUT, words) for name, words in REFUSED.items()},
    "import_exits": Kind("evil_exit:Gone", LEFT_OUT, "SystemExit: not today"),
    "import_dies": Kind("evil_death:Gone", LEFT_OUT, "died (exit code 7)"),
    "import_sleeps": Kind("evil_sleep:Gone", LEFT_OUT, "did not answer within 6 s"),
    "no_module": Kind("evil_is_not_there:Gone", LEFT_OUT, "ModuleNotFoundError"),
    "no_class": Kind("evil:sample", LEFT_OUT, "which is no subclass of"),
    "item_is_random": Kind("evil:item_is_random", words="gave another image 0"),
    "later_dies": Kind("evil:later_dies", words="died (exit code 4)"),
    "good": Kind("evil:Good", "ok"),
    "dies_once": Kind("evil:dies_once", "ok"),
    "declares": Kind("evil:declares", "ok"),
    "changes_state": Kind("evil:changes_state", "ok"),
    "state_on_import": Kind("evil_state:State", "ok"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of all kinds beside a data set of the project's own."""
    folder = tmp_path_factory.mktemp("evil")
    targets = {name: kind.target for name, kind in KINDS.items()}
    hostile.install(folder, "evil", targets, "datasets")
    return hostile.run(
        folder,
        {"evil": PLUGIN, **MODULES},
        {"methods": "blurry", "datasets": ",".join([*KINDS, "photos"]), "workers": "1"},
        BENCH_DATA="/the/data",
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_data_set_costs_its_own_rows_and_a_line(run: Run, name: str) -> None:
    rows = run.rows("dataset", name)
    line = [text for text in run.stderr.splitlines() if f"dataset {name} is left out" in text]
    if KINDS[name].status == LEFT_OUT:
        assert rows.empty
        assert len(line) == 1
        assert KINDS[name].words in line[0]
        assert len(line[0]) < 700
        return
    assert not line
    assert set(rows["status"]) == {KINDS[name].status}, rows["reason"].tolist()
    assert all(KINDS[name].words in reason for reason in rows["reason"])


def test_the_others_are_whole(run: Run) -> None:
    assert run.code == 1
    assert "Traceback" not in run.stderr
    assert run.stdout.splitlines()[1].startswith("method")
    assert "PRINTED" not in run.stdout
    found = {name: run.rows("dataset", name)["psnr"].tolist() for name in KINDS}
    photos = run.rows("dataset", "photos")["psnr"].astype(float)
    assert photos.round(2).tolist() == [14.94, 18.76]
    assert len(found["good"]) == 2
    assert found["changes_state"] != found["good"]  # the noise is seeded by the data set's name


def test_what_cannot_be_scored_is_said_and_fails_the_run(tmp_path: Path) -> None:
    hostile.install(tmp_path, "evil", {"scoring_dies": "evil:scoring_dies"}, "datasets")
    done = hostile.run(
        tmp_path, {"evil": PLUGIN}, {"methods": "blurry", "datasets": "scoring_dies"}
    )
    assert done.code == 1
    assert "bench: blurry: 2 failed: " in done.stderr
    assert "died (exit code 4)" in done.stderr
    assert "the same command tries those cells again" in done.stderr
    assert set(done.frame["status"]) == {"failed"}


def test_a_plugin_s_data_set_is_listed_with_its_reason(bench: Bench) -> None:
    (bench.folder / "evil_death.py").write_text(MODULES["evil_death"])
    hostile.install(bench.folder, "evil", {"grave": "evil_death:Gone"}, "datasets")
    bench.find(bench.folder)
    done = bench("list", "datasets")
    assert done.returncode == 0, done.stderr
    assert "died (exit code 7)" in " ".join(done.stdout.split())
    assert "photos" in done.stdout


def test_a_data_set_that_fails_alone_is_refused_in_a_line(bench: Bench) -> None:
    (bench.folder / "evil_death.py").write_text(MODULES["evil_death"])
    hostile.install(bench.folder, "evil", {"grave": "evil_death:Gone"}, "datasets")
    bench.find(bench.folder)
    message = bench.refused("run", "--methods", "blurry", "--datasets", "grave", "--output", "out")
    assert "'grave' of evil did not say what it is. The worker process died" in message
