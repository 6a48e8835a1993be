"""Training images: the archives under ``train/``, decoded once, split without leaks.

Validation images are for choosing: nothing is ever tuned on the published test images. A split
leaks when the two sides show the same thing, so

- **svhn**: crops of one house number are neighbours in the archive and show each other's digits.
  Whole blocks of 100 indices are held out, and the 5 images on either side are left out of both.
- **shoes**: colour variants of a model differ in nothing but paint. The archive has only numbers
  for names, so models are found by looking: silhouette and edges, compared by correlation, put
  images in one group when similar by 0.8 or more, transitively. (Pairs above 0.85 are the same
  model in another colour nearly always; two random shoes of a source seldom reach 0.7.) Groups
  stay whole; those of more than 20, which transitivity makes of plain pumps and sandals, are never
  held out. What is left: looking at the nearest training image of 64 validation shoes, about a
  third of the side views (``jordan``, ``sneakergen``) and a tenth of the others still had the same
  model in another colour, at 0.7 to 0.8; some 15 % of the sharp validation shoes. And they are a
  little less ordinary than the rest: their nearest neighbour is at 0.73 (median), not 0.78.
- **celeba**, **faces128**: the folder ``val/``; of celeba the data set's own ``val`` identities.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.checksums import checksum
from bench.datasets.arrays import read_npy
from bench.datasets.locations import BRING, cache_folder, require
from bench.datasets.members import numbers, read_images
from bench.errors import BenchError, InvalidInput
from bench.files import open_file, write_atomically
from bench.physics.intensity import stretch
from bench.seeds import generator

Split = Literal["train", "val"]
NAMES = ("svhn", "shoes", "celeba")
"""Classes of the published test sets."""
STRETCHED = ("shoes", "celeba")
"""Classes whose published test images span [0, 1], each of them."""

SVHN_BLOCK, SVHN_EVERY, SVHN_GUARD = 100, 20, 5
SHOES_SIMILARITY, SHOES_LARGEST_GROUP, SHOES_HELD_OUT = 0.8, 20, 600
SHOES_SHARP = ("utzap", "shoev2", "myntra_hi", "jordan", "sneakergen")
"""Sources of shoes; ``myntra_lo`` was enlarged and would teach a prior to be soft."""


class Archive(NamedTuple):
    """A decoded archive: ``images`` uint8 (N, 3, H, W), ``names``, and its SHA-256."""

    images: Tensor
    names: list[str]
    checksum: str


def training_images(
    name: str, split: Split = "train", sources: Sequence[str] | None = None
) -> Tensor:
    """Return the images of a split.

    Parameters
    ----------
    name : {"svhn", "shoes", "celeba", "faces128"}
    split : {"train", "val"}
    sources : sequence of str, optional
        Folders of the shoes archive; default :data:`SHOES_SHARP`. One named twice counts twice.

    Returns
    -------
    Tensor, uint8, shape (N, 3, H, W)

    Raises
    ------
    Unavailable
        If the archive is not there.
    InvalidInput
        For an unknown name or split.
    """
    if name not in SPLITTERS or split not in ("train", "val"):
        raise InvalidInput(
            f"There is no split {split!r} of {name!r}; there are train and val of "
            f"{', '.join(SPLITTERS)}."
        )
    archive = load_archive(name)
    chosen = SPLITTERS[name](archive, split)
    if name == "shoes":
        folders = np.array([entry.partition("/")[0] for entry in archive.names])
        wanted = SHOES_SHARP if sources is None else sources
        chosen = np.concatenate([chosen[folders[chosen] == source] for source in wanted])
    return archive.images[torch.from_numpy(chosen)]


def to_unit_range(images: Tensor, name: str) -> Tensor:
    """Turn uint8 images into floats in [0, 1], stretched where the test images are.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, H, W)
    name : str
        Class; shoes and faces are stretched, each image to span [0, 1].

    Returns
    -------
    Tensor, float32, shape (N, 3, H, W)
    """
    floats = images.float() / 255
    if name not in STRETCHED:
        return floats
    return stretch(floats, least=1 / 255)


def archive_path(name: str) -> Path:
    """Return where an archive is, or say that it is missing."""
    return require(f"train/{name}.zip", BRING)


def load_archive(name: str) -> Archive:
    """Decode an archive, or read what was decoded before.

    The decoded images lie in the cache folder under the archive's checksum; they are mapped into
    memory, not copied.
    """
    path = archive_path(name)
    key = checksum(path)
    folder = cache_folder() / "archives"
    pixels, names = folder / f"{name}-{key[:16]}.npy", folder / f"{name}-{key[:16]}.json"
    if not (pixels.exists() and names.exists()):
        _decode(path, pixels, names)
    try:
        # Mapped copy-on-write: torch wants to be allowed to write, and nothing reaches the file.
        images = torch.from_numpy(np.load(pixels, mmap_mode="c"))
        entries = json.loads(names.read_text())
        if len(entries) != len(images):
            raise ValueError(f"{len(images)} images and {len(entries)} names")
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise BenchError(
            f"What was decoded from {path} is damaged in the cache ({error}); delete "
            f"{pixels} and {names}."
        ) from error
    return Archive(images, entries, key)


def _decode(path: Path, pixels: Path, names: Path) -> None:
    images, entries = read_images(path, (".png", ".jpg"))
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    write_atomically(pixels, buffer.getvalue())
    write_atomically(names, json.dumps(entries))


def _split_svhn(archive: Archive, split: Split) -> np.ndarray:
    index = numbers(archive.names, archive_path("svhn"))
    held = (index // SVHN_BLOCK) % SVHN_EVERY == SVHN_EVERY - 1
    if split == "val":
        return np.flatnonzero(held)
    offsets = range(-SVHN_GUARD, SVHN_GUARD + 1)
    # Clipped as an index is: the first images have no neighbours before them.
    guarded = [np.isin(np.clip(index + offset, 0, None), index[held]) for offset in offsets]
    return np.flatnonzero(~np.any(guarded, axis=0))


def _split_folders(archive: Archive, split: Split) -> np.ndarray:
    return np.flatnonzero([entry.startswith(f"{split}/") for entry in archive.names])


def _split_shoes(archive: Archive, split: Split) -> np.ndarray:
    groups = _shoe_models(archive.checksum)
    sizes = np.bincount(groups)
    order = torch.randperm(len(sizes), generator=generator("shoes validation", 0)).numpy()
    order = order[sizes[order] <= SHOES_LARGEST_GROUP]
    held = order[np.cumsum(sizes[order]) <= SHOES_HELD_OUT]
    return np.flatnonzero(np.isin(groups, held) == (split == "val"))


@functools.lru_cache(maxsize=1)
def _shoe_models(key: str) -> np.ndarray:
    """Group of every image of the shoes archive, computed once and kept in the cache."""
    path = cache_folder() / "archives" / f"shoes-models-{key[:16]}.npy"
    if not path.exists():
        buffer = io.BytesIO()
        np.save(buffer, group_by_shape(load_archive("shoes").images))
        write_atomically(path, buffer.getvalue())
    with open_file(path) as file:
        try:
            return read_npy(file.read())
        except ValueError as error:
            raise BenchError(f"{path} is damaged ({error}); delete it.") from error


def group_by_shape(images: Tensor, similarity: float = SHOES_SIMILARITY) -> np.ndarray:
    """Group images that show the same shape, whatever its colour.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, H, W)
        Objects on white.
    similarity : float
        Mean of two correlations, of silhouettes and of edges, from which two images are one shape.

    Returns
    -------
    ndarray, int, shape (N,)
        Group numbers, from 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    floats = images.float() / 255
    silhouette = _descriptor((floats.amin(1, keepdim=True) < 0.96).float())
    down, right = floats.diff(dim=2)[..., :-1], floats.diff(dim=3)[..., :-1, :]
    edges = _descriptor((down**2 + right**2).sum(1, keepdim=True).sqrt()).sqrt()
    features = torch.cat([_standardised(silhouette), _standardised(edges)], dim=1) / 2**0.5
    pairs = []
    for start in range(0, len(features), 1000):
        close = features[start : start + 1000] @ features.T >= similarity
        pairs.append(close.nonzero().numpy() + np.array([start, 0]))
    rows, cols = np.concatenate(pairs).T
    graph = coo_array((np.ones(len(rows), bool), (rows, cols)), shape=(len(images),) * 2)
    return connected_components(graph, directed=False)[1]


def _descriptor(plane: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(plane, 2, ceil_mode=True).flatten(1)


def _standardised(features: Tensor) -> Tensor:
    """Return deviations from the average shape, of norm 1: their products are correlations."""
    deviation = features - features.mean(0)
    return deviation / deviation.norm(dim=1, keepdim=True).clamp_min(1e-6)


SPLITTERS = {
    "svhn": _split_svhn,
    "shoes": _split_shoes,
    "celeba": _split_folders,
    "faces128": _split_folders,
}
