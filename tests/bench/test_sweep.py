"""Sweeps: what is laid out, and how their curves are made."""

import numpy as np
import pandas as pd
import pytest

from bench.errors import BenchError, UnknownName
from bench.harness import sweep
from bench.harness.plan import load_dataset
from bench.physics.condition import Condition
from bench.physics.observation import observe, told_size
from bench.report import curves


def scores() -> pd.DataFrame:
    rows = []
    for dataset in ("celeba", "celeba-range"):
        for noise in (0.01, 0.1):
            for image in range(8):
                psnr = 30 - 100 * noise + np.sin(image)
                condition = f"noise {noise:g}, seed 0"
                rows.append(
                    [dataset, condition, "dd", "method", f"{image}", noise, psnr, 0.8, "ok"]
                )
    columns = ["dataset", "condition", "method", "kind", "image", "noise", "psnr", "ssim", "status"]
    return pd.DataFrame(rows, columns=columns)


def test_the_settings_name_methods_and_values_of_the_protocol():
    parts = sweep.parts("noise")
    assert {c.noise for p in parts for c in p.conditions} == {0.01, 0.02, 0.04, 0.06, 0.08, 0.1}
    assert all(part.images and part.images >= 24 for part in parts)
    lengths = {c.blur_length for p in sweep.parts("blur-length") for c in p.conditions}
    assert lengths == {5, 8, 12, 16, 20, 24, 28}


def test_a_sweep_can_be_narrowed():
    (part,) = sweep.parts("noise", "dds", "celeba", [0.04], 5)
    assert [str(spec) for spec in part.methods] == ["dds"]
    assert (list(part.datasets), part.images) == (["celeba"], 5)
    with pytest.raises(UnknownName, match="no method 'nothing'"):
        sweep.parts("noise", "nothing")
    with pytest.raises(UnknownName, match="There is no sweep 'colour'"):
        sweep.parts("colour")


def test_curves_are_written_the_same_twice(tmp_path):
    first = curves.write(scores(), "noise", tmp_path / "a", "figure9")
    second = curves.write(scores(), "noise", tmp_path / "b", "figure9")
    assert [path.suffix for path in first] == [".csv", ".md", ".png", ".svg", ".pdf"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    table = (tmp_path / "a" / "figure9.md").read_text()
    assert "Deep Deblur (dd) on range images" in table
    points = pd.read_csv(tmp_path / "a" / "figure9.csv")
    assert set(points["value"]) == {1.0, 10.0}
    assert (points["low"] <= points["mean"]).all()


def test_an_empty_sweep_is_said():
    frame = scores().assign(status="failed")
    with pytest.raises(BenchError, match="no finished point"):
        curves.write(frame, "noise", None, "x")  # type: ignore[arg-type]


def test_the_outlier_sweep_has_impulses_and_saturation():
    conditions = {str(c) for part in sweep.parts("outliers", "oh") for c in part.conditions}
    assert conditions == {
        "noise 0.01, seed 0",
        "noise 0.01, outliers 0.01, seed 0",
        "noise 0.01, outliers 0.05, seed 0",
        "noise 0.01, gain 1.5, seed 0",
    }


def test_values_that_are_asked_for_are_not_saturated_besides():
    (part,) = sweep.parts("outliers", "oh", "celeba", [0.05])
    assert [str(c) for c in part.conditions] == ["noise 0.01, outliers 0.05, seed 0"]


def test_saturated_images_are_a_set_of_their_own():
    frame = scores()[lambda each: each["noise"] == 0.01]
    conditions = ["noise 0.01, outliers 0.05, seed 0", "noise 0.01, gain 1.5, seed 0"]
    frames = [frame.assign(condition=condition) for condition in conditions]
    both = pd.concat(frames, ignore_index=True)
    cells = curves.prepare(both, "outliers")
    assert set(zip(cells["base"], cells["value"], strict=True)) == {
        ("celeba", 5.0),
        ("celeba, gain 1.5", 0.0),
    }


def test_the_kernel_size_sweep_tells_bounds_and_changes_nothing_else():
    conditions = {str(c) for part in sweep.parts("kernel-size", "dp") for c in part.conditions}
    assert conditions == {
        "noise 0.01, seed 0",
        "noise 0.01, kernel size bound 1.5, seed 0",
        "noise 0.01, kernel size bound 2, seed 0",
    }
    dataset = load_dataset("photos")
    plain, twice = Condition(), Condition(bound=2)
    same, bound = observe(dataset, 0, plain), observe(dataset, 0, twice)
    assert (same.observation == bound.observation).all()
    assert same.task(dataset, plain, "cpu").kernel_size == (28, 28)
    assert bound.task(dataset, twice, "cpu").kernel_size == (57, 57)
    assert told_size(same.sample.kernel, 4, (64, 64)) == (63, 63)  # no larger than the image


def test_bounds_are_read_from_the_condition(tmp_path):
    frame = scores()[lambda each: each["noise"] == 0.01]
    frame = frame.assign(condition="noise 0.01, kernel size bound 1.5, seed 0")
    assert set(curves.prepare(frame, "kernel-size")["value"]) == {1.5}
    curves.write(frame, "kernel-size", tmp_path, "curves")
    assert "kernel size told (true sizes)" in (tmp_path / "curves.svg").read_text()


@pytest.mark.parametrize("bound", [0.5, 9])
def test_a_bound_that_makes_no_sense_is_refused(bound):
    with pytest.raises(BenchError, match="bound of the kernel size"):
        Condition(bound=bound)
