"""The examples in CONTRIBUTING.md work as they are written."""

from __future__ import annotations

import json
import re
import tomllib

import pandas as pd
import torch

from bench.harness.plan import load_dataset
from bench.metrics import psnr
from bench.physics.condition import Condition
from bench.physics.observation import observe
from tests.conftest import ROOT, Bench


def _blocks(title: str) -> tuple[str, str]:
    """Return the first Python and TOML of a section."""
    text = (ROOT / "CONTRIBUTING.md").read_text().split(f"## {title}")[1].split("\n## ")[0]
    found = [re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[0] for kind in ("python", "toml")]
    return found[0], found[1]


def test_the_twenty_line_method(bench: Bench) -> None:
    code, project = _blocks("Adding a method in twenty lines")
    body = code.split("class BoxWiener")[1]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20

    example: dict[str, type] = {}
    exec(code, example)
    photos, condition = load_dataset("photos"), Condition()
    observed = [observe(photos, index, condition) for index in range(len(photos))]
    method = example["BoxWiener"](observed[0].task(photos, condition, "cpu"))
    y = torch.stack([item.observation for item in observed])
    truth = torch.stack([item.sample.image for item in observed])
    assert psnr(method.deblur(y).image, truth).mean() > psnr(y, truth).mean() + 0.2

    (bench.folder / "wiener.py").write_text(code)
    points = tomllib.loads(project)["project"]["entry-points"]["bench.methods"]
    info = bench.folder / "wiener-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wiener\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[bench.methods]", *lines]))

    bench.find(bench.folder)
    done = bench(
        *("run", "--methods", "box-wiener,blurry", "--datasets", "photos", "--images", "3"),
        *("--set", "box-wiener.width=7", "--output", "out", "--quiet"),
    )
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert frame.groupby("method").size().to_dict() == {"blurry": 3, "box-wiener[width=7]": 3}
    assert set(frame["origin"]) == {"bench", "wiener"}
    assert "box-wiener" in bench("list", "methods").stdout


def test_the_metric_in_one_file(bench: Bench) -> None:
    code, project = _blocks("Adding a metric: one file")
    methods = ("--methods", "blurry,known-kernel", "--datasets", "photos", "--images", "1")
    chosen = (*methods, "--output", "out")
    assert bench("run", *chosen, "--quiet").returncode == 0
    before = pd.read_csv(bench.folder / "out" / "scores.csv")

    (bench.folder / "mean_error.py").write_text(code)
    points = tomllib.loads(project)["project"]["entry-points"]["bench.metrics"]
    points |= {"broken": "mean_error:nothing", "leaving": "leaving:Metric"}
    (bench.folder / "leaving.py").write_text("raise SystemExit(3)\n")
    info = bench.folder / "mean_error-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mean-error\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[bench.metrics]", *lines]))
    bench.find(bench.folder)

    yesterday = bench("table", "out", "--columns", "psnr,mean_error")
    assert yesterday.returncode == 0, yesterday.stderr
    assert "the metric broken is left out" in yesterday.stderr
    assert "the metric leaving is left out" in yesterday.stderr
    assert "14.94" in yesterday.stdout
    assert "Mean error" not in yesterday.stdout

    done = bench("run", *chosen, "--quiet")
    assert done.returncode == 0, done.stderr
    after = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert after["mean_error"].between(0.1, 255).all()
    kept = ["psnr", "ssim", "gmsd", "seconds"]  # the seconds too: nothing was restored again
    pd.testing.assert_frame_equal(after[kept], before[kept])

    (bench.folder / "mixed").mkdir()  # one row of yesterday, one of today
    mixed = after.assign(mean_error=after["mean_error"].where(after["method"] != "blurry"))
    mixed.to_csv(bench.folder / "mixed" / "scores.csv", index=False)
    table = bench("table", "mixed", "--columns", "mean_error").stdout
    rows = {
        line.split()[0]: line.split()[2]
        for line in table.splitlines()
        if "kernel" in line[:14] or line[:7] == "blurry "
    }
    assert rows == {"blurry": "–", "known-kernel": f"{after['mean_error'][1]:.2f}"}, table


def test_the_trained_network(bench: Bench) -> None:
    code, recipe = _blocks("Adding a trained network: one module, one TOML")
    (bench.folder / "small_net.py").write_text(code)
    (bench.folder / "small-net.toml").write_text(recipe)
    bench.find(bench.folder)
    done = bench("train", "small-net.toml")
    assert done.returncode == 0, done.stderr
    card = json.loads((bench.folder / "weights" / "small-net.json").read_text())
    assert card["steps_done"] == 100
    assert card["licence_of_data"] == "of scikit-image's photographs"

    target = "small_net:SmallNet"
    info = bench.folder / "small_net-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-net\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bench.methods]\nsmall-net = {target}\n")
    chosen = ("--methods", "small-net,blurry", "--datasets", "photos", "--images", "4")
    done = bench("run", *chosen, "--output", "out", "--quiet")
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(bench.folder / "out" / "scores.csv").groupby("method")["psnr"].mean()
    assert scores["small-net"] > scores["blurry"] + 0.1

    (bench.folder / "small-net.toml").write_text(recipe.replace("steps =", "stpes ="))
    done = bench("train", "small-net.toml")
    assert done.returncode == 2
    assert "unknown keys: stpes" in done.stderr
