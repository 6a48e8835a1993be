"""One image that was restored elsewhere, with its kernel, as it lies in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from bench.checksums import checksum
from bench.errors import InvalidInput
from bench.files import is_file, open_file
from bench.photo import DEEP, read_photo
from bench.physics.observation import Observed
from bench.protocol import Restoration

KERNEL_SUFFIX = "_kernel"
HALF_A_LEVEL = 0.5 / 255


class Notices:
    """What is worth saying of many files, said once for all that it holds for."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def add(self, file: str, text: str) -> None:
        """Note something of a file."""
        self._files.setdefault(text, []).append(file)

    def report(self, say: Callable[[str], object]) -> None:
        """Say one line per kind."""
        for text, files in self._files.items():
            others = f" and {len(files) - 1} more" if len(files) > 1 else ""
            say(f"{files[0]}{others}: {text}.")


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Return where the image of a name and its kernel are looked for."""
    return folder / f"{name}.png", folder / f"{name}{KERNEL_SUFFIX}.png"


def checksums(folder: Path, name: str) -> dict[str, str]:
    """SHA-256 of the files there are for an image, by their names."""
    found = {}
    for path in paths(folder, name):
        if is_file(path):
            with open_file(path) as file:
                found[path.name] = checksum(file.read())
    return found


def read(
    folder: Path, name: str, observed: Observed, channels: int, notices: Notices
) -> Restoration:
    """Read a restored image, and its kernel if there is one that can be used.

    Raises
    ------
    InvalidInput
        If the image is not readable or has another size than its sample.
    """
    path, kernel_path = paths(folder, name)
    image, found = read_photo(path, channels)
    for notice in found:
        if notice != DEEP:  # scores keep all 16 bits
            notices.add(path.name, notice)
    sample = observed.sample
    if image.shape != sample.image.shape:
        raise InvalidInput(
            f"{path} is {image.shape[2]}×{image.shape[1]}; the image {name} is "
            f"{sample.image.shape[2]}×{sample.image.shape[1]}."
        )
    if (image - observed.observation).abs().max() <= 1.01 * HALF_A_LEVEL:
        notices.add(path.name, "identical to the observation, so nothing was restored")
    kernel = None
    if is_file(kernel_path):
        try:
            kernel = _read_kernel(kernel_path, image.shape[1:])
        except InvalidInput as error:
            notices.add(kernel_path.name, f"scored without this kernel: {str(error).rstrip('.')}")
    return Restoration(image[None], kernel)


def _read_kernel(path: Path, largest: torch.Size) -> Tensor:
    """Read a grey kernel, shape (1, kh, kw), normalised to sum 1."""
    kernel, _ = read_photo(path, channels=1)
    height, width = kernel.shape[1:]
    if height > largest[0] or width > largest[1]:
        raise InvalidInput(
            f"it is {width}×{height}, larger than the image of {largest[1]}×{largest[0]}"
        )
    total = kernel.sum()
    if total <= 0:
        raise InvalidInput("it is black")
    return kernel / total


def what_is_there(folder: Path, name: str) -> str:
    """Say which files there are that may have been meant for an image, or nothing."""
    wanted = (folder / name).name.casefold()
    place = (folder / name).parent
    try:
        near = sorted(p.name for p in place.iterdir() if p.stem.casefold() == wanted)
    except OSError:
        return ""
    if not near:
        return ""
    return f" There is {', '.join(near[:3])}; save it as {name}.png, a PNG."
