"""Readers for the official distributions, for those who have them, with the paper's splits.

Nothing is decoded before it is asked for. Where they are looked for, below the data folder:

- ``official/svhn/{train,extra}_32x32.mat``; the official test file is nobody's training data
- ``official/celeba/img_align_celeba/`` or ``official/celeba/img_align_celeba.zip``
- ``official/ut-zap50k-images/`` with its folders of JPEGs
"""

from __future__ import annotations

import abc
import functools
import math
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import scipy.io
import torch
from PIL import Image
from torch import Tensor

from bench.datasets.arrays import read_member
from bench.datasets.locations import cache_folder, data_folder
from bench.datasets.members import MAX_MEMBER, decode
from bench.errors import BenchError, InvalidInput, StorageError, Unavailable
from bench.files import open_file
from bench.seeds import generator

Split = Literal["train", "test"]

CELEBA_CROP = 108
MAX_DIGITS = 1_000_000
"""Images in one file of digits: the largest has 531,131."""
SVHN_BLOCK = 100
SIZE = 64
HELD_OUT = {"svhn": 30_000, "shoes": 1_000, "celeba": 22_000}
"""Images the paper keeps from training: 531K/30K of SVHN, 50K less 1,000, 200K/22K."""


class OfficialSet(Sequence[Tensor], abc.ABC):
    """Images of an official distribution, decoded when asked for.

    Indexing gives float32 tensors of shape (3, H, W) in [0, 1].

    Parameters
    ----------
    split : {"train", "test"}
        By the paper's sizes. The paper does not list its images, so which are held out is drawn by
        seed here; of a partial distribution the same share is held out. What shows the same thing
        (:meth:`_groups`) is on one side only: the rest of a group that is held out in part is in
        neither split.
    folder : Path, optional
        Where the distribution is; default: below the data folder.
    """

    name: str
    default: str
    total: int

    def __init__(self, split: Split = "train", folder: Path | None = None) -> None:
        if split not in ("train", "test"):
            raise InvalidInput(f"There is no split {split!r}; there are 'train' and 'test'.")
        self.folder = folder or data_folder() / self.default
        if not self.folder.is_dir():
            raise Unavailable(f"There is no {self.folder}; put the official distribution there.")
        count = self._count()
        if not count:
            raise Unavailable(f"{self.folder} holds no images of the official distribution.")
        held = round(count * HELD_OUT[self.name] / self.total)
        groups = self._groups()
        rank = torch.randperm(count, generator=generator("official", self.name)).numpy()
        order = np.argsort(rank[groups], kind="stable")  # whole groups, one after the other
        test, rest = order[:held], order[held:]
        if held:
            rest = rest[groups[rest] != groups[test[-1]]]
        self.indices = np.sort(test if split == "test" else rest)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        pixels = self._read(int(self.indices[index]))
        return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)

    @abc.abstractmethod
    def _count(self) -> int:
        """Number of images there."""

    def _groups(self) -> np.ndarray:
        """Group of every image, below their number; default: each is alone."""
        return np.arange(self._count())

    @abc.abstractmethod
    def _read(self, index: int) -> np.ndarray:
        """Image ``index``, uint8, shape (H, W, 3)."""


class OfficialSVHN(OfficialSet):
    """SVHN's cropped digits: the train and extra files, as many as are there.

    Neighbours are crops of one house number and show each other's digits, so blocks of 100 are
    held out. The files are unpacked into the cache once (1.6 GB for ``extra``, and as much memory
    that once), and mapped from there.
    """

    name, default, total = "svhn", "official/svhn", 604_388

    @functools.cached_property
    def _files(self) -> list[np.ndarray]:
        files = []
        for part in ("train", "extra"):
            path = self.folder / f"{part}_32x32.mat"
            if path.exists():
                files.append(_unpacked(path))
        return files

    def _count(self) -> int:
        return sum(len(images) for images in self._files)

    def _groups(self) -> np.ndarray:
        return np.arange(self._count()) // SVHN_BLOCK

    def _read(self, index: int) -> np.ndarray:
        for images in self._files:
            if index < len(images):
                return images[index].transpose(2, 1, 0)
            index -= len(images)
        raise IndexError(index)


class OfficialCelebA(OfficialSet):
    """CelebA's aligned faces with the published crop: central 108×108, antialiased to 64×64.

    The files do not say who is who, so one person may be in both splits.
    """

    name, default, total = "celeba", "official/celeba", 222_000

    @functools.cached_property
    def _entries(self) -> list[str]:
        if self._archive:
            return sorted(n for n in self._archive.namelist() if n.endswith(".jpg"))
        return sorted(str(path) for path in (self.folder / "img_align_celeba").glob("*.jpg"))

    @functools.cached_property
    def _archive(self) -> zipfile.ZipFile | None:
        path = self.folder / "img_align_celeba.zip"
        try:
            return zipfile.ZipFile(path) if path.exists() else None
        except zipfile.BadZipFile as error:
            raise BenchError(f"{path} is damaged ({error}); get it again.") from error

    def _count(self) -> int:
        return len(self._entries)

    def _read(self, index: int) -> np.ndarray:
        entry = self._entries[index]
        return celeba_crop(_decode(entry, self._archive))


class OfficialShoes(OfficialSet):
    """UT-Zappos50K's photographs, padded with white to a square, 64×64 without antialiasing.

    Files are named ``MODEL.COLOUR.jpg``; the colours of a model stay together.
    """

    name, default, total = "shoes", "official/ut-zap50k-images", 50_025

    @functools.cached_property
    def _entries(self) -> list[Path]:
        return sorted(self.folder.rglob("*.jpg"))

    def _count(self) -> int:
        return len(self._entries)

    def _groups(self) -> np.ndarray:
        models = [path.name.partition(".")[0] for path in self._entries]
        return np.unique(models, return_inverse=True)[1]

    def _read(self, index: int) -> np.ndarray:
        path = self._entries[index]
        return shoes_frame(_decode(str(path)))


def celeba_crop(image: Image.Image) -> np.ndarray:
    """Cut the central 108×108 pixels and shrink them to 64×64, bilinear and antialiased."""
    left, top = (image.width - CELEBA_CROP) // 2, (image.height - CELEBA_CROP) // 2
    square = image.crop((left, top, left + CELEBA_CROP, top + CELEBA_CROP))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def shoes_frame(image: Image.Image) -> np.ndarray:
    """Pad with white to a square and take 64×64 pixels bilinearly, without antialiasing."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    pixels = torch.from_numpy(np.asarray(square).astype(np.float32)).permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(pixels, (SIZE, SIZE), mode="bilinear")
    return small[0].permute(1, 2, 0).round().byte().numpy()


def _unpacked(path: Path) -> np.ndarray:
    """Return pixels of a ``.mat`` file, uint8 (N, 3, W, H), mapped from a copy in the cache."""
    status = path.stat()
    stamp = f"{path.stem}-{status.st_size}-{status.st_mtime_ns}.npy"
    copy = cache_folder() / "official" / stamp
    if not copy.exists():
        try:
            # Asked for first: reading makes room for whatever size the file says.
            shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
            if math.prod(shapes["X"]) > MAX_DIGITS * 32 * 32 * 3:
                raise ValueError(f"an array of {shapes['X']}")
            pixels = scipy.io.loadmat(path, variable_names=["X"])["X"]
        except Exception as error:  # loadmat raises whatever the damage leads it to
            raise BenchError(f"{path} is damaged ({error}); get it again.") from error
        if pixels.shape[:3] != (32, 32, 3) or pixels.dtype != np.uint8:
            raise BenchError(
                f"{path} holds {pixels.dtype} {pixels.shape}, not uint8 (32, 32, 3, N); it is no "
                "file of cropped digits."
            )
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=copy.parent) as folder:
                whole = Path(folder) / stamp
                np.save(whole, pixels.T)  # MATLAB's order reversed is C's: nothing is copied
                whole.replace(copy)
        except OSError as error:
            raise StorageError(
                f"{copy} cannot be written: {error.strerror or error}. Free some space or set "
                "BENCH_CACHE to another folder."
            ) from error
    try:
        return np.load(copy, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise BenchError(f"{copy} is damaged ({error}); delete it.") from error


def _decode(name: str, archive: zipfile.ZipFile | None = None) -> Image.Image:
    """Read an image that is a file, or the member of an archive."""
    try:
        if archive:
            return decode(read_member(archive, name, MAX_MEMBER))
        with open_file(Path(name), "image") as file:
            return decode(file.read(MAX_MEMBER))
    except BenchError:
        raise
    except Exception as error:  # an archive or an image raises whatever the damage leads it to
        raise BenchError(f"{name} is no whole image ({error}); get it again.") from error


READERS: dict[str, type[OfficialSet]] = {
    "svhn": OfficialSVHN,
    "shoes": OfficialShoes,
    "celeba": OfficialCelebA,
}
