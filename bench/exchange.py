"""Frozen observations for work elsewhere, and scores for what comes back.

``export`` writes a dataset's observations as 16-bit PNG with a manifest of checksums; whoever
restores them, in MATLAB or on a GPU, writes PNGs of the same names, and ``score`` puts them into
the same table, with where they came from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from bench.errors import BenchError, InvalidInput, UnknownName
from bench.files import write_atomically
from bench.observation import Condition, Observed, digest, effective, observe
from bench.packing import pack
from bench.photo import read_photo
from bench.plan import Cell, MethodSpec
from bench.protocol import Dataset, Restoration
from bench.registry import METHODS
from bench.store import Outcome

MANIFEST = "manifest.json"
KERNEL_SUFFIX = "_kernel"


def export(dataset: Dataset, condition: Condition, folder: Path, images: int | None = None) -> Path:
    """Write observations ``NAME.png`` (16 bits) and ``manifest.json``.

    Parameters
    ----------
    dataset : Dataset
    condition : Condition
    folder : Path
        Created if need be; must not hold another export.
    images : int or None
        Only the first so many.

    Returns
    -------
    Path
        Of the manifest. Nothing of the truth is written.
    """
    condition = effective(condition, dataset)
    count = len(dataset) if images is None else min(images, len(dataset))
    entries = {}
    for index in range(count):
        observed = observe(dataset, index, condition)
        name = f"{observed.scene.name}.png"
        data = _png16(observed.observation)
        write_atomically(folder / name, data)
        entries[observed.scene.name] = {
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "kernel_size": list(observed.scene.kernel.shape),
        }
    manifest = {
        "dataset": dataset.name,
        "dataset_version": dataset.version,
        "condition": dataclasses.asdict(condition),
        "image_class": dataset.image_class,
        "boundary": dataset.told_boundary(),
        "range": "16-bit integers; divide by 65535 for [0, 1]",
        "forward_model": f"y = clip(x ⊗ k + n, 0, 1), {dataset.noise_model}; the "
        "origin of an h×w kernel is pixel (h // 2, w // 2), 0-based",
        "write": "NAME.png (8 or 16 bits) per observation; optionally NAME_kernel.png, grey, "
        "scaled as you like: it is normalised to sum 1",
        "images": entries,
    }
    path = folder / MANIFEST
    write_atomically(path, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return path


def read_manifest(path: Path) -> dict[str, Any]:
    """Read what :func:`export` wrote.

    Raises
    ------
    BenchError
        If it is missing or no such manifest.
    """
    if not path.is_file():
        raise BenchError(
            f"There is no {path}; 'python -m bench export DATASET FOLDER' writes the observations "
            "with a manifest. Copy it beside your images, or name it with --manifest."
        )
    try:
        manifest = json.loads(path.read_text())
        Condition(**manifest["condition"])
        manifest["images"].items()
        manifest["dataset"].strip()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"{path} is no manifest of 'bench export' ({error}).") from error
    return manifest


def outcomes(
    folder: Path, manifest: dict[str, Any], dataset: Dataset, method: str, origin: str
) -> list[Outcome]:
    """Turn a folder of restored PNGs into recorded cells.

    Parameters
    ----------
    folder : Path
        With ``NAME.png`` for the manifest's names; images that are missing become failed cells.
    manifest : dict
        From :func:`read_manifest`.
    dataset : Dataset
        The manifest's.
    method : str
        What the table shall call it; no registered name.
    origin : str
        Who made them, where, with what.

    Returns
    -------
    list of Outcome

    Raises
    ------
    UnknownName
        If the name is a registered method's.
    InvalidInput
        If there is none of the images, or one has the wrong size or is not readable.
    """
    if method in METHODS.entries:
        raise UnknownName(f"{method!r} is a method of this project; choose another --name.")
    condition = Condition(**manifest["condition"])
    by_name = {dataset[index].name: index for index in range(len(dataset))}
    if unknown := [name for name in manifest["images"] if name not in by_name]:
        raise InvalidInput(
            f"The manifest names the image {unknown[0]!r}, which {dataset.name!r} does not have; "
            "export the observations anew."
        )
    found = []
    for name in manifest["images"]:
        observed = observe(dataset, by_name[name], condition)
        found.append(_outcome(folder, name, observed, dataset, condition, method, origin))
    if all(outcome.status != "ok" for outcome in found):
        raise InvalidInput(
            f"{folder} has none of the images of the manifest, such as "
            f"{next(iter(manifest['images']))}.png."
        )
    return found


def _outcome(
    folder: Path,
    name: str,
    observed: Observed,
    dataset: Dataset,
    condition: Condition,
    method: str,
    origin: str,
) -> Outcome:
    path, kernel_path = folder / f"{name}.png", folder / f"{name}{KERNEL_SUFFIX}.png"
    files = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (path, kernel_path)
        if p.is_file()
    }
    scene = observed.scene
    cell = Cell(
        method=MethodSpec(method),
        dataset=dataset.name,
        condition=condition,
        index=scene.index,
        image=scene.name,
        kernel_id=scene.kernel_id,
        blur_length=scene.blur_length,
        kind="method",
        origin=origin,
        identity={
            "method": method,
            "parameters": {},
            "version": "",
            "assets": files,
            "dataset": dataset.name,
            "dataset version": dataset.version,
            "scene": digest(scene),
            "image": scene.name,
            "condition": dataclasses.asdict(condition),
        },
    )
    if not path.is_file():
        return Outcome(cell, "failed", f"There is no {path}.")
    image, _ = read_photo(path, dataset.channels)
    if image.shape != scene.image.shape:
        raise InvalidInput(
            f"{path} is {image.shape[2]}×{image.shape[1]}; the image {name} of {dataset.name} is "
            f"{scene.image.shape[2]}×{scene.image.shape[1]}."
        )
    kernel = _read_kernel(kernel_path, scene.kernel.shape) if kernel_path.is_file() else None
    return Outcome(cell, "ok", "", pack(Restoration(image[None], kernel)))


def _read_kernel(path: Path, shape: torch.Size) -> Tensor:
    """Read a grey kernel, shape (1, kh, kw), normalised to sum 1."""
    kernel, _ = read_photo(path, channels=1)
    total = kernel.sum()
    if kernel.shape[1] > shape[0] or kernel.shape[2] > shape[1] or total <= 0:
        raise InvalidInput(
            f"{path} is {kernel.shape[2]}×{kernel.shape[1]} with sum {total:.3g}; give a kernel of "
            f"at most {shape[1]}×{shape[0]} pixels that is not black."
        )
    return kernel / total


def _png16(image: Tensor) -> bytes:
    pixels = image.mul(65535).round().clamp(0, 65535).permute(1, 2, 0).numpy().astype(np.uint16)
    return cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()
