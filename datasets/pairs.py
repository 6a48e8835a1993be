"""Photographs of one's own, blurred, with their sharp ones or without, in the usual layouts.

- two folders, ``blur`` and ``sharp`` (also ``blurred`` or ``input``, and ``gt`` or ``target``),
  with pictures of the same names, or of names that say the same (``blur_7.png``, ``gt_7.png``);
- such folders once for every scene, as those of GoPro (``GOPR0384_11_00/blur/000047.png``) and
  RealBlur (``scene001/blur/blur_1.png``, ``scene001/gt/gt_1.png``);
- one folder, with names that end in ``_blur`` and ``_sharp`` (or the other words);
- without sharp ones: a folder of photographs that are said to be blurred (``truth = "unknown"``),
  or one that holds a folder ``blur`` and none for sharp ones.

Neither the kernel nor the noise is known: metrics that need the kernel are left out, methods are
told an estimate of the noise, and a kernel size that ``dataset.toml`` gives.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from bench.errors import InvalidInput
from bench.photo import read_photo
from bench.protocol import Dataset, Location, Sample

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
BLURRED = ("blur", "blurred", "blurry", "input")
SHARP = ("sharp", "gt", "target", "groundtruth")
KERNEL_SIZE = 31


class Pair(NamedTuple):
    """A blurred and a sharp photograph, and the name of both."""

    name: str
    blurred: Path
    sharp: Path


def find_pairs(folder: Path) -> list[Pair]:
    """Find the pairs below a folder, sorted by name; none if its layout is no such.

    Raises
    ------
    InvalidInput
        If a blurred photograph has no sharp one, or two pairs have one name.
    """
    found = sorted([*_in_folders(folder), *_by_names(folder)])
    names = [pair.name for pair in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput(f"{folder} has two pairs of the name {twice}; rename one.")
    return found


def _in_folders(folder: Path) -> Iterator[Pair]:
    places = [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]
    for place in places:
        if place.name.lower() not in BLURRED:
            continue
        sharp = [
            other for other in place.parent.iterdir()
            if other.is_dir() and other.name.lower() in SHARP
        ]  # fmt: skip
        if not sharp:
            continue
        partners = {_core(path.stem): path for path in image_paths(sharp[0])}
        scene = [part for part in place.parent.relative_to(folder).parts if part]
        for path in image_paths(place):
            partner = partners.get(_core(path.stem))
            if partner is None:
                raise InvalidInput(f"{path} has no sharp photograph in {sharp[0]}; add or move it.")
            yield Pair("-".join([*scene, _core(path.stem)]), path, partner)


def _by_names(folder: Path) -> Iterator[Pair]:
    pictures = {path.stem.lower(): path for path in image_paths(folder)}
    for stem, path in pictures.items():
        match = re.fullmatch(rf"(.*)_(?:{'|'.join(BLURRED)})", stem)
        if not match:
            continue
        partners = [pictures[f"{match[1]}_{w}"] for w in SHARP if f"{match[1]}_{w}" in pictures]
        if not partners:
            raise InvalidInput(f"{path} has no sharp photograph {match[1]}_sharp beside it.")
        yield Pair(path.stem[: len(match[1])], path, partners[0])


def _core(stem: str) -> str:
    """Return what the names of a pair have in common: ``7`` of ``blur_7`` and ``gt_7``."""
    words = "|".join([*BLURRED, *SHARP])
    return re.sub(rf"^(?:{words})_|_(?:{words})$", "", stem, flags=re.IGNORECASE)


def image_paths(folder: Path) -> list[Path]:
    """Return images of a folder, sorted by name; what lies in folders below it is left out."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be read ({error.strerror}); check the path."
        ) from error
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


class GivenDataset(Dataset):
    """Photographs as they were taken: given observations, no kernel, unknown noise."""

    boundary = "free"
    alignment = "half kernel"
    noise_unknown = True
    kernel_unknown = True
    folder: Path
    kernel_size: int = KERNEL_SIZE

    @classmethod
    def location(cls) -> Location:
        """Say whether the folder is there; what it holds was found before."""
        return Location(cls.folder.is_dir(), str(cls.folder))

    def unknown_kernel(self) -> Tensor:
        """NaN in the size that methods are told."""
        return torch.full((self.kernel_size, self.kernel_size), float("nan"))


class BlurredDataset(GivenDataset):
    """Blurred photographs of a folder, of which nobody knows what they should look like."""

    truth_unknown = True
    notice = (
        "There is no truth. The measures tell how sharp and how natural a restoration looks, "
        "artefacts included, and not how near it is to what was photographed; compare by eye."
    )

    def __init__(self) -> None:
        self.paths = find_blurred(self.folder)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        return without_truth(
            index, path.stem, read_photo(path, self.channels)[0], self.unknown_kernel()
        )


def without_truth(index: int, name: str, observation: Tensor, kernel: Tensor) -> Sample:
    """Make a sample of a photograph whose sharp image and kernel nobody knows.

    Parameters
    ----------
    index : int
    name : str
    observation : Tensor, float32, shape (C, H, W), in [0, 1]
    kernel : Tensor, shape (kh, kw)
        NaN, in the size that methods are told.
    """
    unknown = torch.full_like(observation, float("nan"))
    return Sample(index, name, unknown, kernel, f"unknown-{name}", observation)


def find_blurred(folder: Path) -> list[Path]:
    """Find the photographs of a folder, or of one named ``blur`` in it, sorted by name.

    Raises
    ------
    InvalidInput
        If two have one name but for their endings.
    """
    found = image_paths(folder)
    if not found:
        places = (path for path in sorted(folder.iterdir()) if path.is_dir())
        below = [image_paths(place) for place in places if place.name.lower() in BLURRED]
        found = [path for paths in below for path in paths]
    stems = [path.stem for path in found]
    if twice := next((path for path in found if stems.count(path.stem) > 1), None):
        raise InvalidInput(f"{folder} has two photographs {twice.stem}; rename one.")
    return found


class PairsDataset(GivenDataset):
    """Pairs of a folder: the observation is given, and the sharp image with it."""

    notice = (
        "The kernels are not known, so whatever needs them is left out. Methods are told an "
        "estimate of the noise. Scores are those of the best shift within half the kernel size "
        "that methods are told, the border cropped."
    )

    def __init__(self) -> None:
        self.pairs = find_pairs(self.folder)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        blurred, sharp = (read_photo(path, self.channels)[0] for path in pair[1:])
        if blurred.shape != sharp.shape:
            raise InvalidInput(
                f"{pair.blurred} has {blurred.shape[1]}×{blurred.shape[2]} pixels, {pair.sharp} "
                f"{sharp.shape[1]}×{sharp.shape[2]}; both have to show the same."
            )
        unknown = self.unknown_kernel()
        return Sample(index, pair.name, sharp, unknown, f"unknown-{pair.name}", blurred)


def all_grey(paths: Iterable[Path]) -> bool:
    """Return whether all photographs are grey; False of none."""
    found = [_grey(path) for path in paths]
    return bool(found) and all(found)


@functools.lru_cache(maxsize=4096)
def _grey(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return picture.mode in ("1", "L", "LA", "I;16", "I;16B", "I")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return False  # reading it will say what is wrong
