"""Metrics that do harm: each costs its own column, with a sentence, and no command hangs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from bench.errors import BenchError
from bench.harness import columns, guest_metrics, scores, scoring
from bench.harness.guest_metrics import GuestMetric, installed
from bench.harness.packing import pack
from bench.harness.plan import MethodSpec, load_dataset, plan
from bench.harness.store import Outcome, Store
from bench.metrics import Comparison, Metric, psnr
from bench.metrics.description import Description, own
from bench.physics.condition import Condition
from bench.protocol import Alignment, Restoration
from tests.cli.hostile import install

PLUGIN = '''
import os, signal, sys, time

import torch

from bench.metrics import Metric, psnr


class Good(Metric):
    name, heading, unit, place = "good", "Good", "dB", 90

    def compute(self, comparison):
        return psnr(*comparison.aligned)


def kind(label, compute=None, /, **attributes):
    """A metric that computes as it is told, or calls itself something else."""
    members = {"name": label.lower(), **attributes}
    if compute is not None:
        members["compute"] = lambda self, comparison: compute(comparison)
    globals()[label] = type(label, (Good,), members)


def raises(comparison):
    raise KeyError("truth")


def prints(comparison):
    print("psnr,1e9")
    sys.stdout.write("x" * 100_000)
    return comparison.image.mean((1, 2, 3))


def spoils(comparison):
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    comparison.image.zero_()
    comparison.truth.zero_()
    return torch.zeros(len(comparison.image))


def kills(comparison):
    os.kill(os.getpid(), signal.SIGKILL)


kind("Raises", raises)
kind("Exits", lambda comparison: sys.exit(3))
kind("Dies", lambda comparison: os._exit(6))
kind("Kills", kills)
kind("Sleeps", lambda comparison: time.sleep(3600))
kind("Stops", lambda comparison: os.kill(os.getpid(), signal.SIGSTOP))
kind("Words", lambda comparison: "good")
kind("Nothing", lambda comparison: None)
kind("Shape", lambda comparison: comparison.image)
kind("Prints", prints)
kind("Spoils", spoils)
kind("Commas", name="a,b")
kind("Taken", name="psnr")
kind("Column", name="status")
kind("Version", version=2)
kind("Digits", digits=1000)
kind("Place", place=float("nan"))
kind("Heading", heading=torch.zeros(3))


class Abstract(Metric):
    name, heading, place = "abstract", "Abstract", 90
'''
CURIOUS = """
from bench.harness.columns import METRICS

len(METRICS)

from metric_evil import Good as Asks
"""
MODULES = {
    "metric_evil": PLUGIN,
    "metric_exit": "import sys\nsys.exit('not today')\n",
    "metric_sleep": "import time\ntime.sleep(3600)\n",
    "metric_kill": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "metric_curious": CURIOUS,
}
LEFT_OUT = {
    "import-exits": ("metric_exit:Gone", "SystemExit: not today"),
    "import-sleeps": ("metric_sleep:Gone", "did not answer within 2 s"),
    "import-dies": ("metric_kill:Gone", "The worker process died"),
    "no-module": ("metric_that_is_not_there:Gone", "ModuleNotFoundError"),
    "no-metric": ("metric_evil:PLUGIN", "has no attribute 'PLUGIN'"),
    "a-function": ("metric_evil:kind", "no subclass of bench.metrics.Metric"),
    "abstract": ("metric_evil:Abstract", "does not define compute"),
    "commas": ("metric_evil:Commas", "its name is 'a,b'"),
    "taken": ("metric_evil:Taken", "there is a column 'psnr' already"),
    "column": ("metric_evil:Column", "there is a column 'status' already"),
    "version": ("metric_evil:Version", "its version is 2; it has to be a text"),
    "digits": ("metric_evil:Digits", "its digits is 1000"),
    "place": ("metric_evil:Place", "its place is nan"),
    "heading": ("metric_evil:Heading", "not JSON serializable"),
}
WITHOUT_SCORES = {
    "raises": ("metric_evil:Raises", "KeyError: 'truth'"),
    "exits": ("metric_evil:Exits", "SystemExit: 3"),
    "dies": ("metric_evil:Dies", "The worker process died (exit code 6)"),
    "kills": ("metric_evil:Kills", "The worker process died (exit code -9)"),
    "sleeps": ("metric_evil:Sleeps", "did not answer within 2 s"),
    "stops": ("metric_evil:Stops", "did not answer within 2 s"),
    "words": ("metric_evil:Words", "'str' object has no attribute 'shape'"),
    "nothing": ("metric_evil:Nothing", "'NoneType' object has no attribute 'shape'"),
    "shape": ("metric_evil:Shape", "it gave shape (2, 3, 32, 32), not one number per image"),
}
SOUND = {
    "good": "metric_evil:Good",
    "prints": "metric_evil:Prints",
    "spoils": "metric_evil:Spoils",
}
PATIENCE = 2.0


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install metrics, as packages do."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    guest_metrics.complain.cache_clear()

    def put(targets: Mapping[str, str]) -> Mapping[str, GuestMetric]:
        install(tmp_path, "measures", dict(targets), "metrics")
        return installed((*own(), *columns.LAST), PATIENCE)

    return put


def comparison() -> Comparison:
    image, truth = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    kernel = torch.full((2, 3, 3), 1 / 9)
    return Comparison(image, None, truth, kernel, Alignment())


def test_metrics_that_do_not_say_what_they_are_are_left_out(put, capsys) -> None:
    found = put({**{name: target for name, (target, _) in LEFT_OUT.items()}, **SOUND})
    assert set(found) == set(SOUND)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(LEFT_OUT)
    for name, (_, words) in LEFT_OUT.items():
        (line,) = (line for line in said if line.startswith(f"bench: the metric {name} is left"))
        assert words in line


def test_metrics_that_do_harm_have_no_scores_and_cost_no_other_s(put) -> None:
    found = put({**{name: target for name, (target, _) in WITHOUT_SCORES.items()}, **SOUND})
    assert set(found) == {*WITHOUT_SCORES, *SOUND}
    pair = comparison()
    for name, (_, words) in WITHOUT_SCORES.items():
        with pytest.raises(BenchError) as refused:
            found[name].compute(pair)
        assert words in str(refused.value), name
    dtype, place = torch.get_default_dtype(), Path.cwd()
    assert found["spoils"].compute(pair) == [0, 0]
    assert (torch.get_default_dtype(), Path.cwd()) == (dtype, place)
    assert found["prints"].compute(pair) == pytest.approx(pair.image.mean((1, 2, 3)).tolist())
    assert found["good"].compute(pair) == psnr(pair.image, pair.truth).tolist()


def test_a_metric_that_hangs_is_waited_for_once(put) -> None:
    (metric,) = put({"sleeps": "metric_evil:Sleeps"}).values()
    began = time.monotonic()
    for _ in range(5):
        with pytest.raises(BenchError, match="did not answer within 2 s"):
            metric.compute(comparison())
    assert time.monotonic() - began < 2 * PATIENCE


def test_a_metric_that_asks_for_all_metrics_is_not_asked_for_ever(put) -> None:
    assert list(put({"asks": "metric_curious:Asks"})) == ["good"]


def test_who_answers_for_a_metric_itself_is_read_with_care() -> None:
    sound = own()["psnr"]
    for spoilt in ({"name": "x"}, {**vars(sound), "unit": None}, {**vars(sound), "more": 1}):
        with pytest.raises((BenchError, TypeError, KeyError)):
            guest_metrics._read_description(spoilt, b"")
    assert guest_metrics._read_description({**vars(sound)}, b"") == sound
    read = guest_metrics._reader(2)
    assert math.isnan(read([1, float("nan")], b"")[1])
    for answer in ([1], [1, 2, 3], "ab", {"a": 1, "b": 2}):
        with pytest.raises((BenchError, ValueError)):
            read(answer, b"")


class Twice(Metric):
    """A metric that fails on its first day."""

    name, heading, place = "twice", "Twice", 90

    def compute(self, comparison: Comparison) -> torch.Tensor:
        """Return nothing of interest."""
        return comparison.nothing


class FirstDay:
    """A guest that fails until it is repaired, as one process of it after the other would."""

    description: Description = Twice.describe()
    broken = True

    def compute(self, comparison: Comparison) -> list[float]:
        if self.broken:
            raise BenchError("it has no weights")
        return [7.0] * len(comparison.image)


def test_a_metric_that_failed_is_asked_again_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guest, metrics = FirstDay(), columns.Metrics()
    metrics.__dict__["guests"] = {"twice": guest}
    monkeypatch.setattr(columns, "METRICS", metrics)
    monkeypatch.setattr(columns, "versions", columns.versions.__wrapped__)
    guest_metrics.complain.cache_clear()
    dataset = load_dataset("photos")
    (chunk,) = plan([MethodSpec("blurry")], [dataset], [Condition()], 2)
    packed = pack(Restoration(dataset[0].image[None]))
    with Store(tmp_path) as store:
        store.expect(chunk.cells)
        store.record(Outcome(cell, "ok", restoration=packed) for cell in chunk.cells)
        first = scores.collect(store, lambda _: dataset, progress=False)
        assert first["twice"].isna().all()
        assert first["psnr"].notna().all()
        assert not first["metric_version"].str.contains("twice").any()
        assert capsys.readouterr().err == (
            "bench: the metric twice has no scores: it has no weights\n"
        )
        guest.broken = False
        asked: list[object] = []

        def measure(_: Comparison, names: object) -> dict[str, torch.Tensor]:
            asked.append(names)
            return {}

        monkeypatch.setattr(scoring, "measure", measure)
        second = scores.collect(store, lambda _: dataset, progress=False)
        assert store.unscored(columns.stated(columns.versions())) == 0
    assert asked == [frozenset({"twice"})]
    assert (second["twice"] == 7).all()
    assert (second["psnr"] == first["psnr"]).all()
