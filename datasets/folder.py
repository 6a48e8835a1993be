"""A folder of one's own sharp images as a data set, without code: ``folder:PATH?option=value``.

The name holds all choices, so that a results folder can be scored again from it. What it leaves out
is looked up in ``dataset.toml`` in the folder, and then has its default.
"""

from __future__ import annotations

import dataclasses
import urllib.parse
from pathlib import Path
from typing import Any, get_args

from torch import Tensor

from bench.datasets.natural import LEVIN_KERNELS, levin_kernel
from bench.datasets.pairs import (
    KERNEL_SIZE,
    SUFFIXES,
    BlurredDataset,
    Pair,
    PairsDataset,
    all_grey,
    find_blurred,
    find_pairs,
    image_paths,
)
from bench.errors import BenchError, InvalidInput
from bench.files import is_file, read_toml
from bench.photo import read_photo
from bench.protocol import Alignment, Dataset, Formation, Location, Sample
from bench.registry import KERNELS

SCHEME = "folder:"
SETTINGS = "dataset.toml"
KERNEL_SEED = 7
SHORT_NAMES = {"motion": "motion-blur"}
"""Of kernel sources."""
BOUNDARIES = tuple(value for value in get_args(Formation) if value != "free")


@dataclasses.dataclass(frozen=True)
class Options:
    """How the images of a folder are blurred, and what methods are told of them.

    Attributes
    ----------
    image_class : str
        The class a prior is chosen by: ``svhn``, ``shoes``, ``celeba`` or ``natural``.
    kernels : str
        ``motion``: motion blur of 5 to 28 pixels, another kernel for every image; ``levin``:
        Levin's eight in turn; ``folder:PATH``: pictures of kernels, in turn; or the name of a
        registered kernel source, which draws another kernel for every image.
    boundary : {"circular", "valid", "replicate"}
        See :class:`bench.protocol.Dataset`.
    bits : int or None
        Observations are rounded to so many bits.
    kernel_size : int
        Told to methods where photographs are given blurred and nobody knows the kernels.
    truth : {"known", "unknown"}
        ``unknown``: the photographs are blurred already, and there are no sharp ones.
    title : str
    """

    image_class: str = "natural"
    kernels: str = "motion"
    boundary: str = "valid"
    bits: int | None = None
    kernel_size: int = KERNEL_SIZE
    truth: str = "known"
    title: str = ""


KEYS = {
    "class": "image_class",
    "kernels": "kernels",
    "boundary": "boundary",
    "bits": "bits",
    "kernel_size": "kernel_size",
    "truth": "truth",
}
OF_GIVEN = ("image_class", "kernel_size", "truth", "title")
"""What can be said of observations that are given."""
TEXTS = {"image_class", "kernels", "boundary", "truth", "title"}
FILE_KEYS = {**KEYS, "title": "title"}


def folder_dataset(name: str) -> type[Dataset]:
    """Return the data set of a name ``folder:PATH?class=…&kernels=…&boundary=…&bits=…``.

    Raises
    ------
    InvalidInput
        If an option is unknown or has no sensible value, here or in ``dataset.toml``.
    """
    text, _, query = name.removeprefix(SCHEME).partition("?")
    path = Path(urllib.parse.unquote(text)).expanduser()
    settings = path / SETTINGS
    options = _checked(_read_settings(settings), FILE_KEYS, str(settings))
    options |= _checked(dict(urllib.parse.parse_qsl(query)), KEYS, name)
    found = Options(**options)
    pairs = find_pairs(path) if path.is_dir() and found.truth == "known" else []
    if path.is_dir() and (found.truth == "unknown" or pairs or _only_blurred(path)):
        if wrong := [key for key, option in KEYS.items() if option in options.keys() - OF_GIVEN]:
            raise InvalidInput(
                f"{path} holds photographs that are blurred already, for which there is no "
                f"{wrong[0]} to choose; there are class and kernel_size."
            )
        return _given_dataset(name, path, found, pairs)
    return type(
        "Folder",
        (FolderDataset,),
        {
            "__doc__": FolderDataset.__doc__,
            "name": name,
            "title": found.title or f"Sharp images of {path}, blurred here",
            "image_class": found.image_class,
            "boundary": found.boundary,
            "bits": found.bits,
            "alignment": Alignment() if found.boundary == "circular" else "half kernel",
            "folder": path,
            "kernels": found.kernels,
            "kernel_source": _source(found.kernels),
            "channels": 1 if path.is_dir() and all_grey(image_paths(path)) else 3,
        },
    )


def _only_blurred(path: Path) -> bool:
    """Return whether a folder has no photographs but those below it that are said to be blurred."""
    return not image_paths(path) and bool(find_blurred(path))


def _given_dataset(name: str, path: Path, options: Options, pairs: list[Pair]) -> type[Dataset]:
    base: type[PairsDataset | BlurredDataset]
    if pairs:
        base, photographs = PairsDataset, [photo for pair in pairs for photo in pair[1:]]
        title = f"{len(pairs)} pairs of {path}, blurred and sharp"
    else:
        base, photographs = BlurredDataset, find_blurred(path)
        title = f"{len(photographs)} blurred photographs of {path}"
    return type(
        base.__name__,
        (base,),
        {
            "__doc__": base.__doc__,
            "name": name,
            "title": options.title or title,
            "image_class": options.image_class,
            "folder": path,
            "kernel_size": options.kernel_size,
            "channels": 1 if all_grey(photographs) else 3,
        },
    )


class FolderDataset(Dataset):
    """The images of a folder in the order of their names, each with one kernel."""

    folder: Path
    kernels: str
    reads_data = True  # wherever its pictures lie, which may be there

    def __init__(self) -> None:
        self.paths = image_paths(self.folder)
        stems = [path.stem for path in self.paths]
        if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
            both = " and ".join(path.name for path in self.paths if path.stem == twice)
            raise InvalidInput(
                f"{self.folder} has {both}: images are known by their names without endings, so "
                "rename one."
            )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        kernel, kernel_id = self._kernel(index)
        image, _ = read_photo(path, self.channels)
        return Sample(index, path.stem, image, kernel, kernel_id)

    @classmethod
    def location(cls) -> Location:
        """Say whether the folder is there and holds images."""
        found = cls.folder.is_dir() and bool(image_paths(cls.folder))
        endings = ", ".join(SUFFIXES)
        return Location(found, str(cls.folder), f"Give a folder that holds images ({endings}).")

    def _kernel(self, index: int) -> tuple[Tensor, str]:
        if source := self.kernel_source:
            kernel = KERNELS.load(source)().kernel(index, seed=KERNEL_SEED)
            return kernel, f"{source}-{KERNEL_SEED}-{index:03d}"
        if self.kernels == "levin":
            number = index % LEVIN_KERNELS + 1
            return levin_kernel(number).float(), f"levin-{number:02d}"
        paths = image_paths(Path(self.kernels.removeprefix(SCHEME)).expanduser())
        path = paths[index % len(paths)]
        return read_kernel(path), f"{path.parent.name}/{path.stem}"


def _source(kernels: str) -> str:
    """Return the registered source that is asked for, or "" for kernels of another kind."""
    source = SHORT_NAMES.get(kernels, kernels)
    return source if source in KERNELS.entries else ""


def read_kernel(path: Path) -> Tensor:
    """Read a picture of a kernel, shape (kh, kw), normalised to sum 1.

    Raises
    ------
    InvalidInput
        If it is black.
    """
    kernel = read_photo(path, channels=1)[0][0]
    if not kernel.sum() > 0:
        raise InvalidInput(f"{path} is black; a kernel needs some light.")
    return kernel / kernel.sum()


def _read_settings(path: Path) -> dict[str, Any]:
    return read_toml(path) if is_file(path) else {}


def _checked(values: dict[str, Any], keys: dict[str, str], where: str) -> dict[str, Any]:
    """Turn the keys of a file or a name into options, refusing what makes no sense."""
    if unknown := [key for key in values if key not in keys]:
        raise InvalidInput(f"{where} has the option {unknown[0]!r}; there are: {', '.join(keys)}.")
    options = {keys[key]: value for key, value in values.items()}
    for key, value in values.items():
        if keys[key] in TEXTS and not isinstance(value, str):
            raise InvalidInput(f"{where} has {key}={value!r}; give a text in quotes.")
    boundary, kernels = options.get("boundary", "valid"), str(options.get("kernels", "motion"))
    if boundary not in BOUNDARIES:
        raise InvalidInput(
            f"{where} asks for the boundary {boundary!r}; there are: {', '.join(BOUNDARIES)}."
        )
    if (truth := options.get("truth", "known")) not in ("known", "unknown"):
        raise InvalidInput(f"{where} has truth={truth!r}; give 'known' or 'unknown'.")
    if kernels != "levin" and not _source(kernels):
        place = Path(kernels.removeprefix(SCHEME)).expanduser()
        if not kernels.startswith(SCHEME) or not place.is_dir() or not image_paths(place):
            raise InvalidInput(
                f"{where} asks for the kernels {kernels!r}; give motion, levin, {SCHEME}PATH of a "
                f"folder with pictures of kernels, or a registered source: "
                f"{', '.join(KERNELS.entries)}."
            )
    for key, advice in (("bits", "8 or 16"), ("kernel_size", "a number of pixels from 3")):
        try:
            options |= {key: int(options[key])} if key in options else {}
        except (TypeError, ValueError, OverflowError) as error:
            raise BenchError(f"{where} has {key}={options[key]!r}; give {advice}.") from error
    if not 3 <= options.get("kernel_size", 3) <= 501:
        raise BenchError(f"{where} has kernel_size={options['kernel_size']}; give 3 to 501 pixels.")
    return options
