"""A generator's page: its card, samples, and held-out images with their reconstructions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor

from bench.methods.generators.evaluate import fit_kernels, fit_range
from bench.methods.generators.loading import Prior

JUDGED = {"validation": "On held-out images", "published_test": "On the published test images"}
REPORTS = Path(__file__).resolve().parents[2] / "reports" / "generators"


def sheet(images: Tensor, columns: int = 10, zoom: int = 1) -> Tensor:
    """Tile images (N, C, H, W) in [0, 1] to one (3, H', W'), in rows of ``columns``."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    blank = torch.ones(rows * columns - count, channels, height, width)
    tiles = torch.cat([images.detach().cpu().clamp(0, 1), blank]).expand(-1, 3, -1, -1)
    tiles = tiles.view(rows, columns, 3, height, width).permute(2, 0, 3, 1, 4)
    grid = tiles.reshape(3, rows * height, columns * width)
    return grid.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)


def write_png(image: Tensor, path: Path) -> None:
    """Write an image (3, H, W) in [0, 1] as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    cv2.imwrite(str(path), pixels[:, :, ::-1])


def write_page(prior: Prior, x: Tensor, card: dict[str, Any], reports: Path) -> None:
    """Write the generator's page: card, 100 samples, ten reconstructions of held-out images."""
    samples, some = prior.sample(0, 100), x[:10]
    fit = fit_kernels if x.shape[1] == 1 else fit_range
    latents = fit(prior, some, steps=60).latent
    with torch.no_grad():
        fitted = prior(latents)
    if x.shape[1] == 1:  # kernels are shown scaled to their own maximum
        samples, some, fitted = (
            t / t.amax((1, 2, 3), keepdim=True).clamp_min(1e-6) for t in (samples, some, fitted)
        )
    name = card["name"]
    write_png(sheet(samples), reports / f"{name}-samples.png")
    write_png(sheet(torch.cat([some, fitted])), reports / f"{name}-reconstructions.png")
    write_text(card, reports)


def write_text(card: dict[str, Any], reports: Path) -> None:
    """Write the page's text: what is known of the weights, numbers, and the pictures' places."""
    name = card["name"]
    rows = [(k, v) for k, v in card.items() if k not in (*JUDGED, "title", "recipe")]
    text = f"# {card['title']}\n\n{_table(rows)}"
    for key, title in JUDGED.items():
        if key in card:
            scores = [(k, f"{v:.4g}") for k, v in _flat(card[key]).items()]
            text += f"\n## {title}\n\n{_table(scores)}"
    text += f"""
## Samples, z ~ N(0, I), seed 0, not selected

![100 samples]({name}-samples.png)

## Held-out images (above) and the nearest images of the range (below)

![reconstructions]({name}-reconstructions.png)
"""
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"{name}.md").write_text(text)


def _table(rows: list[tuple[str, Any]]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {key} | {value} |\n" for key, value in rows)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, float]:
    out: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            out.update(_flat(value, f"{prefix}{key}: "))
        else:
            out[prefix + key] = value
    return out
