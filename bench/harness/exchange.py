"""Frozen observations for work elsewhere, and scores for what comes back.

``export`` writes a dataset's observations as 16-bit PNG with a manifest of checksums; whoever
restores them, in MATLAB or on a GPU, writes PNGs of the same names, and ``score`` puts them into
the same table, with where they came from.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.checksums import checksum
from bench.errors import BenchError, InvalidInput
from bench.files import check_place, is_file, open_file, write_atomically
from bench.harness.cells import Cell, MethodSpec, Picture, Series
from bench.harness.croissant import DESCRIPTION, describe
from bench.harness.names import check_image_names, check_method_name
from bench.harness.packing import pack
from bench.harness.returned import KERNEL_SUFFIX, Notices, checksums, paths, read, what_is_there
from bench.harness.store import Outcome
from bench.photo import png16
from bench.physics.condition import Condition, effective
from bench.physics.observation import Observed, observe
from bench.protocol import Dataset, Status

MANIFEST = "manifest.json"


def export(dataset: Dataset, condition: Condition, folder: Path, images: int | None = None) -> Path:
    """Write observations ``NAME.png`` (16 bits), ``manifest.json`` and ``croissant.json``.

    Parameters
    ----------
    dataset : Dataset
    condition : Condition
    folder : Path
        Created if need be; must not hold another export, nor other files of these names.
    images : int or None
        Only the first so many.

    Returns
    -------
    Path
        Of the manifest. Nothing of the truth is written.

    Raises
    ------
    InvalidInput
        Before anything is written, if an image's name would leave the folder, or a file is there
        already that is not this observation.
    """
    condition = effective(condition, dataset)
    count = len(dataset) if images is None else min(images, len(dataset))
    check_image_names([dataset[index].name for index in range(count)], KERNEL_SUFFIX)
    _check_free(dataset, condition, folder, count)
    entries = {}
    for index in range(count):
        observed = observe(dataset, index, condition)
        name = f"{observed.sample.name}.png"
        data = png16(observed.observation)
        write_atomically(folder / name, data)
        entries[observed.sample.name] = {
            "file": name,
            "sha256": checksum(data),
            "kernel_size": list(observed.sample.kernel.shape),
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
    written = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, written)
    description = describe(
        manifest, written, datetime.datetime.now(datetime.UTC).date().isoformat()
    )
    write_atomically(
        folder / DESCRIPTION, json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    )
    return path


def _check_free(dataset: Dataset, condition: Condition, folder: Path, count: int) -> None:
    """Refuse a folder that takes no files, or has one that would be written over by another."""
    check_place(folder / MANIFEST)
    if is_file(folder / MANIFEST):
        read_manifest(folder / MANIFEST)
    for index in range(count):
        path = folder / f"{dataset[index].name}.png"
        if is_file(path):
            with open_file(path) as file:
                same = file.read() == png16(observe(dataset, index, condition).observation)
            if not same:
                raise InvalidInput(
                    f"{path} is there already and is not this observation; choose another folder."
                )


def read_manifest(path: Path) -> dict[str, Any]:
    """Read what :func:`export` wrote.

    Raises
    ------
    BenchError
        If it is missing or no such manifest.
    """
    if not is_file(path):
        raise BenchError(
            f"There is no {path}; 'python -m bench export DATASET FOLDER' writes the observations "
            "with a manifest. Copy it beside your images, or name it with --manifest."
        )
    with open_file(path) as file:
        content = file.read()
    try:
        manifest = json.loads(content.decode("utf-8-sig"))  # editors put a mark before it
        condition = Condition(**manifest["condition"])
        whole = [
            condition.seed,
            *([] if condition.blur_length is None else [condition.blur_length]),
        ]
        if any(type(value) is not int for value in whole):
            raise ValueError("seed and blur length are whole numbers")
        texts = [manifest["dataset"], manifest["dataset_version"]]
        texts += [entry["sha256"] for entry in manifest["images"].values()]
        if not texts[2:] or not all(isinstance(text, str) for text in texts):
            raise ValueError("it names no images with checksums, or no dataset")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BenchError(f"{path} is no manifest of 'bench export' ({error}).") from error
    return manifest


def outcomes(
    folder: Path,
    manifest: dict[str, Any],
    dataset: Dataset,
    method: str,
    origin: str,
    say: Callable[[str], object] = lambda _: None,
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
    say : callable
        Takes a line for each thing worth knowing of the files.

    Returns
    -------
    list of Outcome

    Raises
    ------
    UnknownName
        If the name is a registered method's.
    InvalidInput
        If the observations of the manifest are not those that the dataset makes, there is none of
        the images, or one has the wrong size or is not readable.
    """
    check_method_name(method)
    condition = _checked_condition(manifest, dataset)
    by_name = {dataset[index].name: index for index in range(len(dataset))}
    if unknown := [name for name in manifest["images"] if name not in by_name]:
        raise InvalidInput(
            f"The manifest names the image {unknown[0]!r}, which {dataset.name!r} does not have; "
            "export the observations again."
        )
    found = []
    notices = Notices()
    for name, entry in manifest["images"].items():
        observed = _checked_observation(dataset, by_name[name], condition, entry["sha256"])
        found.append(_outcome(folder, observed, dataset, condition, method, origin, notices))
    if all(outcome.status != Status.OK for outcome in found):
        first = next(iter(manifest["images"]))
        raise InvalidInput(
            f"{folder} has none of the images of the manifest, such as {first}.png."
            f"{what_is_there(folder, first)}"
        )
    notices.report(say)
    return found


def _checked_condition(manifest: dict[str, Any], dataset: Dataset) -> Condition:
    """Return the manifest's condition if it can hold for this version of the dataset."""
    if manifest["dataset_version"] != dataset.version:
        raise InvalidInput(
            f"The manifest is of version {manifest['dataset_version']!r} of {dataset.name!r}; "
            f"here is version {dataset.version!r}. Export and restore the observations again."
        )
    condition = Condition(**manifest["condition"])
    if effective(condition, dataset) != condition:
        raise InvalidInput(
            f"The manifest says {condition}, but {dataset.name!r} has "
            f"{effective(condition, dataset)}; export the observations again."
        )
    return condition


def _checked_observation(
    dataset: Dataset, index: int, condition: Condition, expected: str
) -> Observed:
    """Make an observation again, which has to be the one that was exported."""
    observed = observe(dataset, index, condition)
    if checksum(png16(observed.observation)) != expected:
        raise InvalidInput(
            f"The observation {observed.sample.name} of the manifest is not the one that "
            f"{dataset.name!r} has with {condition}: its checksum is another. Restorations of "
            "other observations cannot be scored; export the observations again, as they were, "
            "and give that --manifest."
        )
    return observed


def _outcome(
    folder: Path,
    observed: Observed,
    dataset: Dataset,
    condition: Condition,
    method: str,
    origin: str,
    notices: Notices,
) -> Outcome:
    sample = observed.sample
    identity = {
        "method": method,
        "parameters": {},
        "version": "",
        "assets": checksums(folder, sample.name),
        "dataset": dataset.name,
        "dataset version": dataset.version,
        "condition": dataclasses.asdict(condition),
    }
    cell = Cell(
        Series(MethodSpec(method), dataset.name, condition, "method", origin, identity),
        Picture.of(sample, sample.index),
    )
    path, _ = paths(folder, sample.name)
    if not is_file(path):
        return Outcome(
            cell, Status.FAILED, f"There is no {path}.{what_is_there(folder, sample.name)}"
        )
    restoration = read(folder, sample.name, observed, dataset.channels, notices)
    return Outcome(cell, Status.OK, "", pack(restoration))
