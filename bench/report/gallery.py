"""A small gallery of a run: lossy mosaics of a few images, for a page that anyone can open.

A mosaic is a row of equal tiles, one per image, so that a dataset and method cost one file. Images
are lossy and large ones are made smaller; kernels are lossless and scaled each to its own
maximum. ``gallery.json`` says what is where (see :func:`write_gallery`).
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from bench.errors import BenchError
from bench.files import slug, write_atomically
from bench.harness.plan import load_dataset
from bench.harness.score_table import printable
from bench.harness.store import Row, Store
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.protocol import Dataset, Status
from bench.report.mosaic import MOST, encode, kernel_picture, thumbnail, tile_size
from bench.report.names import method_order

FORMAT = 1
TRACE_POINTS = 60
TRACE_DIGITS = 4


def write_gallery(
    store: Store, open_dataset: Callable[[str], Dataset], folder: Path, images: int
) -> Path:
    """Write the gallery of every dataset and condition in a store.

    Of several seeds the smallest is shown: the others show the same images. Cells that never ran
    are not. What an earlier gallery in the folder shows next to it stays, and so does a group that
    shows more images than the store has; mosaics that are no longer named are removed.

    Parameters
    ----------
    store : Store
    open_dataset : callable
        Returns the dataset of a name.
    folder : Path
        Where ``gallery.json`` and the mosaics go.
    images : int
        Per dataset, spread evenly over it.

    Returns
    -------
    Path
        Of ``gallery.json``: ``format``, and ``groups`` with ``dataset``, ``condition``, ``images``
        (names), ``tile`` (width and height), ``truth``, ``observation`` and ``methods`` (by label;
        each with ``kind``, ``images`` and ``kernels``, which are file names or null,
        ``kernel_tile``, ``missing``, which maps an image without a restoration to its status, and
        ``traces``, which maps an image to ``[step, objective]`` of the restart that was kept).
    """
    check_count(images)
    groups: dict[tuple[Any, ...], dict[int, list[Row]]] = {}
    for row in (row for row in store.each() if row.status != Status.PENDING):
        key = (row.columns["dataset"], dataclasses.replace(row.condition, seed=0))
        groups.setdefault(key, {}).setdefault(row.columns["seed"], []).append(row)
    shown = [by_seed[min(by_seed)] for by_seed in groups.values()]
    described = {
        (group["dataset"], group["condition"]): group for group in read_gallery(folder.parent)
    }
    for rows in shown:
        name, condition = rows[0].columns["dataset"], str(rows[0].condition)
        earlier, count = described.get((name, condition)), len({row.index for row in rows})
        if earlier is not None and count < len(earlier["images"]):
            print(
                f"bench: thumbnails of {printable(name)}, {condition} stay as they are: they show "
                f"{len(earlier['images'])} images, and the store has {count}.",
                file=sys.stderr,
            )
            continue
        try:
            group, files = _group(store, open_dataset(name), rows, images)
        except BenchError as error:  # data that are not here, or a plugin that is gone
            print(f"bench: no thumbnails of {printable(name)}: {error}", file=sys.stderr)
            continue
        described[name, condition], kept = _with_earlier(group, earlier)
        for file in files.keys() - kept:
            write_atomically(folder / file, files[file])
    index = {"format": FORMAT, "groups": list(described.values())}
    path = folder / "gallery.json"
    write_atomically(path, json.dumps(index, ensure_ascii=False, separators=(",", ":")) + "\n")
    used = {folder / name for group in described.values() for name in _mosaics(group)}
    for stale in set(folder.glob("*/*.webp")) - used:
        stale.unlink()
    return path


def refresh(results: Path, images: int) -> Path | None:
    """Draw the gallery of a results folder from its store; None where it came without one.

    Parameters
    ----------
    results : Path
    images : int
        Per dataset, spread evenly over it.
    """
    if not (results / "cells.sqlite").exists():
        return None
    with Store(results, write=False) as store:
        return write_gallery(store, load_dataset, results / "gallery", images)


def _with_earlier(
    group: dict[str, Any], earlier: Mapping[str, Any] | None
) -> tuple[dict[str, Any], set[str]]:
    """Keep an earlier gallery's methods, of the same images, of which the store has fewer or none.

    Returns
    -------
    group : dict
    kept : set of str
        File names of what is kept.
    """
    if earlier is None or any(group[key] != earlier[key] for key in ("images", "tile")):
        return group, set()
    methods = {**earlier["methods"], **group["methods"]}
    lacking = {name: len(entry.get("missing", {})) for name, entry in earlier["methods"].items()}
    for name, count in lacking.items():
        if count < len(methods[name].get("missing", {})):
            methods[name] = earlier["methods"][name]
    kept = {
        file
        for name in lacking
        if methods[name] is earlier["methods"][name]
        for file in _files(methods[name])
    }
    order = method_order({name: entry["kind"] for name, entry in methods.items()})
    return {**group, "methods": {name: methods[name] for name in order}}, kept


def _mosaics(group: Mapping[str, Any]) -> Iterator[str]:
    """File names that a group of the gallery names."""
    for entry in (group["truth"], group["observation"], *group["methods"].values()):
        yield from _files(entry)


def _files(entry: Mapping[str, Any]) -> Iterator[str]:
    """File names of a row of the gallery."""
    yield from filter(None, (entry["images"], entry["kernels"]))


def check_count(images: int) -> None:
    """Refuse a number of images per dataset that a mosaic cannot hold."""
    if not 1 <= images <= MOST:
        raise BenchError(
            f"A gallery of {images} images per dataset is asked for; give 1 to {MOST}."
        )


def read_gallery(results: Path) -> list[dict[str, Any]]:
    """Return the groups of a results folder's gallery; none if it has no gallery.

    Raises
    ------
    BenchError
        If ``gallery.json`` is not one of ours.
    """
    path = results / "gallery" / "gallery.json"
    if not path.exists():
        return []
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        found, groups = index["format"], index["groups"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BenchError(
            f"{path} is no gallery; make it again with 'python -m bench report'."
        ) from error
    if found != FORMAT:
        raise BenchError(
            f"{path} has the format {found}, not {FORMAT}; make it again with "
            "'python -m bench report'."
        )
    for group in _checked(path, groups):
        for name in _mosaics(group):
            inside = (path.parent / name).resolve().is_relative_to(path.parent.resolve())
            if Path(name).is_absolute() or not inside:
                raise BenchError(
                    f"{path} names {name!r}, which lies outside its folder; make it again with "
                    "'python -m bench report'."
                )
    return list(groups)


def _checked(path: Path, groups: Any) -> list[dict[str, Any]]:
    """Refuse groups that are not described as :func:`write_gallery` does it."""
    try:
        for group in groups:
            texts = [group["dataset"], group["condition"], *group["images"], *_mosaics(group)]
            for entry in group["methods"].values():
                texts += [entry["kind"], *entry.get("missing", {})]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("a name that is no text")
            _, _ = group["tile"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BenchError(
            f"{path} is no gallery; make it again with 'python -m bench report'."
        ) from error
    return list(groups)


def spread(indices: Sequence[int], count: int) -> list[int]:
    """Choose up to ``count`` of the indices, evenly, from the first to the last."""
    positions = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return [indices[int(position)] for position in positions.round()]


@dataclasses.dataclass
class _Mosaics:
    """The files of a group of the gallery, as they are drawn.

    ``tile`` has width and height of an image; file names begin with ``folder``.
    """

    folder: str
    tile: list[int]
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def row(
        self,
        name: str,
        kind: str,
        images: Sequence[Tensor | None],
        kernels: Sequence[Tensor | None],
    ) -> dict[str, Any]:
        """Draw images and kernels, where there are any, and describe the files."""
        found: dict[str, Any] = {"kind": kind, "images": None, "kernels": None, "kernel_tile": None}
        if any(image is not None for image in images):
            found["images"] = _unused(f"{self.folder}/{name}", self.files)
            tiles = [thumbnail(image) for image in images]
            self.files[found["images"]] = encode(tiles, self.tile, quality=True)
        if any(kernel is not None for kernel in kernels):
            tiles = [None if kernel is None else kernel_picture(kernel) for kernel in kernels]
            found["kernel_tile"] = tile_size(tiles)
            found["kernels"] = _unused(f"{self.folder}/{name}-kernels", self.files)
            self.files[found["kernels"]] = encode(tiles, found["kernel_tile"], quality=False)
        return found


def _group(
    store: Store, dataset: Dataset, rows: Sequence[Row], count: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Describe the gallery of one dataset and condition, and make its files."""
    condition = rows[0].condition
    chosen = spread(sorted({row.index for row in rows}), count)
    observed = [observe(dataset, index, condition) for index in chosen]
    samples = [item.sample for item in observed]
    tile = tile_size([thumbnail(sample.image) for sample in samples])
    mosaics = _Mosaics(_folder(dataset, condition), tile)
    images, kernels = ([sample.image for sample in samples], [sample.kernel for sample in samples])
    truth = mosaics.row("truth", "truth", images, kernels)
    seen: list[Tensor | None] = [item.observation for item in observed]
    observation = mosaics.row("observation", "observation", seen, [None] * len(seen))
    cells = {(row.columns["method"], row.index): row for row in rows}
    kinds = {row.columns["method"]: row.columns["kind"] for row in rows}
    names = [sample.name for sample in samples]
    methods = {}
    for method in method_order(kinds):
        found = {
            name: cells.get((method, index)) for name, index in zip(names, chosen, strict=True)
        }
        methods[method] = _method(store, mosaics, method, kinds[method], found)
    group = {
        "dataset": dataset.name,
        "title": dataset.title,
        "condition": str(condition),
        "images": names,
        "tile": tile,
        "truth": truth,
        "observation": observation,
        "methods": methods,
    }
    return group, mosaics.files


def _method(
    store: Store, mosaics: _Mosaics, method: str, kind: str, found: Mapping[str, Row | None]
) -> dict[str, Any]:
    """Draw the restorations of one method, of its cells by image, and say what is missing."""
    restored = {
        name: store.restoration(row.id) if row is not None and row.status == Status.OK else None
        for name, row in found.items()
    }
    images = [None if r is None else r.image[0] for r in restored.values()]
    kernels = [None if r is None or r.kernel is None else r.kernel[0] for r in restored.values()]
    described = mosaics.row(f"method-{method}", kind, images, kernels)
    described["missing"] = {
        name: "not run" if row is None else row.status
        for name, row in found.items()
        if restored[name] is None
    }
    described["traces"] = {
        name: trace
        for name, restoration in restored.items()
        if restoration is not None and (trace := thin(restoration.records))
    }
    return described


def _folder(dataset: Dataset, condition: Condition) -> str:
    """Name a folder after a dataset and a condition."""
    length = condition.blur_length
    return "-".join(
        [
            slug(dataset.name),
            "noise-unknown" if condition.noise is None else f"noise-{condition.noise:g}",
            *([f"length-{length}"] if length else []),
            *([f"bound-{condition.bound:g}"] if condition.bound > 1 else []),
            *(f"{name}-{value:g}" for name, value in condition.disturbance().items()),
        ]
    )


def thin(records: Mapping[str, Tensor]) -> list[list[float]]:
    """Objective by step of the kept restart, at no more than :data:`TRACE_POINTS` steps.

    Returns
    -------
    list of [step, objective]
        Steps count from 1; empty where the method keeps no trace.
    """
    if not {"loss_trace", "chosen"} <= set(records):
        return []
    trace = records["loss_trace"][0, int(records["chosen"][0])].double().numpy()
    steps = np.flatnonzero(np.isfinite(trace))
    kept = spread(steps.tolist(), TRACE_POINTS) if len(steps) else []
    return [[step + 1, float(f"{trace[step]:.{TRACE_DIGITS}g}")] for step in kept]


def _unused(stem: str, files: Mapping[str, bytes]) -> str:
    """Turn a label into a file name that no other label has."""
    safe = re.sub(r"[^A-Za-z0-9._/-]+", "-", stem).strip("-")
    suffixes = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    return next(name for suffix in suffixes if (name := f"{safe}{suffix}.webp") not in files)
