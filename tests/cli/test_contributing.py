"""The example in CONTRIBUTING.md works as it is written."""

from __future__ import annotations

import re
import tomllib

import pandas as pd
import torch

from bench.harness.plan import load_dataset
from bench.metrics import psnr
from bench.physics.observation import Condition, observe
from tests.conftest import ROOT, Bench


def test_the_twenty_line_method(bench: Bench) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (project,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
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

    path = f"{bench.environment['PYTHONPATH']}:{bench.folder}"
    done = bench(
        *("run", "--methods", "box-wiener,blurry", "--datasets", "photos", "--images", "3"),
        *("--set", "box-wiener.width=7", "--out", "out", "--quiet"),
        PYTHONPATH=path,
    )
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert frame.groupby("method").size().to_dict() == {"blurry": 3, "box-wiener[width=7]": 3}
    assert set(frame["origin"]) == {"bench", "wiener"}
    assert "box-wiener" in bench("list", "methods", PYTHONPATH=path).stdout
