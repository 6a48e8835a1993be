"""What the restarts of a method found for one image, and whether the right one was kept.

Any method takes part that returns these records (N images, m restarts): ``restart_image`` uint8
(N, m, C, H, W), ``restart_kernel`` (N, m, kh, kw), ``restart_objective`` (N, m), ``chosen`` (N,),
and optionally ``loss_trace`` (N, m, steps) and ``anytime_image`` uint8 (N, m, s, C, H, W) with
``anytime_evaluations`` (N, s).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from bench.errors import BenchError, StorageError
from bench.files import write_atomically
from bench.harness.plan import load_dataset
from bench.harness.store import Row, Store
from bench.metrics import kernel_similarity, psnr
from bench.physics.observation import Observed, observe
from bench.protocol import Status
from bench.report.patterns import choose
from bench.report.plain import plain_figures

NEEDED = ("restart_image", "restart_kernel", "restart_objective", "chosen")
PANEL_INCHES = 1.4


def explain(folder: Path, image: str, dataset: str, method: str, output: Path) -> str:
    """Describe the restarts of every matching cell in Markdown, and draw them.

    Parameters
    ----------
    folder : Path
        Of a run.
    image : str
        Name of the image.
    dataset, method : str
        Patterns.
    output : Path
        Of the sheet, a PNG file.

    Returns
    -------
    str

    Raises
    ------
    BenchError
        If no finished cell of that image has per-restart records.
    """
    with Store(folder, write=False) as store:
        rows = [row for row in store.rows() if row.columns["image"] == image]
        if not rows:
            choose((row.columns["image"] for row in store.rows()), image, "image")
        datasets = choose((row.columns["dataset"] for row in rows), dataset, "dataset")
        methods = choose((row.columns["method"] for row in rows), method, "method")
        found = [
            (row, records)
            for row in rows
            if row.columns["dataset"] in datasets
            and row.columns["method"] in methods
            and row.status == Status.OK
            and set(NEEDED) <= set(records := store.restoration(row.id).records)
        ]
    if not found:
        raise BenchError(
            f"{folder} has no finished cell of image {image!r} (dataset {dataset!r}, method "
            f"{method!r}) with per-restart records; 'dd' and 'dds' keep them."
        )
    parts, lines = [], []
    for row, records in found:
        observed = _observed(row)
        table, regret = restart_table(records, observed.sample.image, observed.sample.kernel)
        parts.append(
            f"## {row.columns['dataset']} {image}, {row.columns['method']}, "
            f"{row.columns['condition']}\n\n{table.to_markdown(floatfmt='.4g')}\n\n"
            f"Selection regret: {regret:.2f} dB below the best restart by PSNR.\n"
        )
        if (anytime := anytime_curve(records, observed.sample.image)) is not None:
            parts.append(f"{anytime.to_markdown(index=False, floatfmt='.4g')}\n")
        lines.append((row, records, observed))
    try:
        write_atomically(output, _draw(lines))
    except StorageError as error:  # a folder that can only be read still says what it holds
        return "\n".join([*parts, f"Sheet: none, for {error} '--output' names a file."])
    return "\n".join([*parts, f"Sheet: {output}"])


def restart_table(
    records: dict[str, Tensor] | Any, truth: Tensor, kernel: Tensor
) -> tuple[pd.DataFrame, float]:
    """Objective, PSNR and kernel similarity of every restart, and the selection regret in dB."""
    images = records["restart_image"][0].float() / 255
    quality = psnr(images, truth.expand_as(images))
    likeness = kernel_similarity(
        records["restart_kernel"][0].float(), kernel.expand(len(images), -1, -1)
    )
    chosen = int(records["chosen"][0])
    table = pd.DataFrame(
        {
            "objective": records["restart_objective"][0].tolist(),
            "PSNR (dB)": quality.tolist(),
            "kernel similarity": likeness.tolist(),
            "kept": ["*" if i == chosen else "" for i in range(len(images))],
        }
    )
    table.index.name = "restart"
    return table, float(quality.max() - quality[chosen])


def anytime_curve(records: dict[str, Tensor] | Any, truth: Tensor) -> pd.DataFrame | None:
    """PSNR of the kept restart against generator evaluations, or None if it was not recorded."""
    if "anytime_image" not in records:
        return None
    images = records["anytime_image"][0, int(records["chosen"][0])].float() / 255
    return pd.DataFrame(
        {
            "generator evaluations": records["anytime_evaluations"][0].tolist(),
            "PSNR of G(z) (dB)": psnr(images, truth.expand_as(images)).tolist(),
        }
    )


def _observed(row: Row) -> Observed:
    return observe(load_dataset(row.columns["dataset"]), row.index, row.condition)


@plain_figures()
def _draw(lines: list[tuple[Row, Any, Observed]]) -> bytes:
    from matplotlib.figure import Figure

    most = max(records["restart_image"].shape[1] for _, records, _ in lines)
    figure = Figure(
        figsize=(PANEL_INCHES * (most + 3), PANEL_INCHES * len(lines) + 0.3), layout="constrained"
    )
    axes = figure.subplots(len(lines), most + 3, squeeze=False)
    for line, (row, records, observed) in zip(axes, lines, strict=True):
        _image(line[0], observed.observation, "observation")
        line[0].set_ylabel(row.columns["method"], fontsize=7)
        _image(line[1], observed.sample.image, "truth", observed.sample.kernel)
        images = records["restart_image"][0].float() / 255
        quality = psnr(images, observed.sample.image.expand_as(images)).tolist()
        for number in range(most):
            if number >= len(images):
                line[number + 2].set_visible(False)
                continue
            kept = " (kept)" if number == int(records["chosen"][0]) else ""
            _image(
                line[number + 2],
                images[number],
                f"{quality[number]:.1f} dB{kept}",
                records["restart_kernel"][0, number].float(),
            )
        _curves(line[-1], records)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def _image(axis: Any, image: Tensor, title: str, kernel: Tensor | None = None) -> None:
    axis.imshow(image.clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=7)
    if kernel is not None:
        inset = axis.inset_axes((0.7, 0, 0.3, 0.3))
        inset.imshow(kernel.numpy(), cmap="gray", vmin=0, interpolation="nearest")
        inset.set(xticks=[], yticks=[])


def _curves(axis: Any, records: Any) -> None:
    if "loss_trace" not in records:
        axis.set_visible(False)
        return
    for number, curve in enumerate(records["loss_trace"][0]):
        kept = number == int(records["chosen"][0])
        axis.semilogy(curve.numpy(), linewidth=1.5 if kept else 0.7, alpha=1 if kept else 0.6)
    axis.set_title("objective by step", fontsize=7)
    axis.tick_params(which="both", labelsize=5)
