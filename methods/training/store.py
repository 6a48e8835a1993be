"""Cards and weights of a family of trained models: found, fetched, checked and read.

A card (JSON) says what a model is, how it was trained and the SHA-256 of its weights. Cards are
part of the package; weights lie next to them in a clone of the repository and are otherwise taken
from the folder or mirror that ``BENCH_WEIGHTS`` names, or from the repository that the package
declares, once, into the user's cache. Whether they can be had is said without importing PyTorch.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench
from bench.checksums import checksum
from bench.datasets.locations import cache_folder
from bench.errors import BenchError, StorageError, Unavailable
from bench.methods.training.cards import read_card

if TYPE_CHECKING:
    from torch import Tensor, nn

DISTRIBUTION = "blind-deblurring-bench"
VARIABLE = "BENCH_WEIGHTS"
BLOCK = 1 << 20
TIMEOUT = (10, 60)
"""Seconds to connect, and between two blocks of a download."""


@dataclasses.dataclass(frozen=True)
class ModelStore:
    """The models of one family.

    Attributes
    ----------
    folder : Path
        Holds ``NAME.json`` and, in a clone, the weights that it names.
    noun : str
        What a model of this family is, for messages: "generator", "kernel network".
    prefix : str
        Put before a model's name to get its file's.
    train : str
        The name under which ``bench train`` makes a model, a format of ``name``; by default that
        of its file.
    unknown : type of BenchError
        Raised for a name that has no card.
    """

    folder: Path
    noun: str
    prefix: str = ""
    train: str = ""
    unknown: type[BenchError] = Unavailable

    def at(self, folder: Path) -> ModelStore:
        """Return the same family in another folder."""
        return dataclasses.replace(self, folder=folder)

    def names(self) -> list[str]:
        """Return the names of the models whose cards are here."""
        stems = (path.stem for path in self.folder.glob(f"{self.prefix}*.json"))
        return sorted(stem.removeprefix(self.prefix) for stem in stems)

    def card(self, name: str) -> dict[str, Any]:
        """Read a model's card.

        Raises
        ------
        BenchError
            ``unknown`` if there is none; Unavailable if it is no card.
        """
        path = self.folder / f"{self.prefix}{name}.json"
        if not path.is_file():
            known = ", ".join(self.names()) or "none"
            raise self.unknown(
                f"There is no {self.noun} {name!r}; there are: {known}. "
                f"{self._training(name)} makes it if there is a recipe."
            )
        return read_card(path)

    def weights(self, name: str) -> Path:
        """Return the file of a model's weights, checked against its card; fetch it if need be.

        Raises
        ------
        Unavailable
            If it is nowhere to be had, or does not match the card.
        """
        card = self.card(name)
        path = self.folder / card["file"]
        if not path.is_file():
            path = find_elsewhere(f"{self._place()}/{card['file']}", card) or path
        if not path.is_file():
            unnamed = "" if repository() else ", and this installation names no repository"
            raise Unavailable(
                f"The weights {path} are missing{unnamed}. Set {VARIABLE} to a folder or mirror "
                f"that has them, work in a clone of the repository, or make them with "
                f"{self._training(name)}."
            )
        if (found := checksum(path)) != card["sha256"]:
            raise Unavailable(
                f"The weights {path} do not match their card (SHA-256 {found[:12]}… for "
                f"{card['sha256'][:12]}…); {self._restore(name)}."
            )
        return path

    def reachable(self, name: str) -> bool:
        """Say whether a model's weights are here or there is a place to fetch them from."""
        try:
            card = self.card(name)
        except BenchError:
            return False
        if (self.folder / card["file"]).is_file():
            return True
        source = os.environ.get(VARIABLE, "")
        if source and "://" not in source:
            return find_elsewhere(f"{self._place()}/{card['file']}", card) is not None
        return bool(source or repository())

    def tensors(self, name: str, part: str = "") -> dict[str, Tensor]:
        """Read a model's weights as float32 by name; of one ``part``, without its prefix."""
        from bench.methods.training.weights import read_weights

        tensors = read_weights(self.weights(name))
        if not part:
            return tensors
        start = f"{part}/"
        return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}

    def load_built(self, build: Callable[..., nn.Module], name: str, *keys: str) -> Any:
        """Load as :meth:`load` does a network that is built of values of its recipe, in order."""

        def make(card: dict[str, Any]) -> nn.Module:
            values = (card["recipe"][key] for key in keys)
            return build(*(tuple(v) if isinstance(v, list) else v for v in values))

        return self.load(make, name)

    def load(self, make: Callable[[dict[str, Any]], nn.Module], name: str) -> Any:
        """Make a network of its card, load its weights, and return it frozen for evaluation.

        Raises
        ------
        Unavailable
            If the weights are of another architecture.
        """
        from bench.methods.training.weights import built_from

        tensors = self.tensors(name, "network")
        with built_from(self.weights(name)):
            network = make(self.card(name))
            network.load_state_dict(tensors)
        return network.eval().requires_grad_(False)

    def _place(self) -> str:
        """Return the folder's place in the repository."""
        return f"methods/{self.folder.parent.name}/{self.folder.name}"

    def _training(self, name: str) -> str:
        recipe = self.train.format(name=name) or f"{self.prefix}{name}"
        return f"'python -m bench train {recipe}'"

    def _restore(self, name: str) -> str:
        return f"restore both from one commit, or make them again with {self._training(name)}"


def find_elsewhere(relative: str, card: dict[str, Any]) -> Path | None:
    """Look for weights outside the package: in ``BENCH_WEIGHTS``, the cache, the repository.

    Parameters
    ----------
    relative : str
        Path of the file in the repository.
    card : dict
        With ``file``, ``sha256`` and, for downloads, ``bytes``.

    Returns
    -------
    Path or None
        None if no source is known.

    Raises
    ------
    Unavailable
        If a source is known but does not answer with the right file.
    """
    source = os.environ.get(VARIABLE, "")
    if source and "://" not in source:
        folder = Path(source).expanduser()
        candidates = [folder / relative, folder / card["file"]]
        return next((path for path in candidates if path.is_file()), None)
    cached = cache_folder() / "weights" / f"{card['sha256'][:16]}-{card['file']}"
    if cached.is_file():
        return cached
    base = source or repository()
    if not base:
        return None
    if not base.startswith(("http://", "https://")):
        raise Unavailable(f"{VARIABLE} is {source!r}; give a folder or an http(s) address.")
    download(f"{base.rstrip('/')}/{relative}", cached, card["sha256"], card.get("bytes"))
    return cached


@functools.cache
def repository() -> str:
    """Return the address of the files of this release in the declared repository.

    Returns
    -------
    str
        Below ``Repository`` of ``project.urls``, at the release's tag; "" where none is named.
    """
    try:
        urls = importlib.metadata.metadata(DISTRIBUTION).get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    named = dict(entry.split(", ", 1) for entry in urls)
    home = named.get("Repository", "").rstrip("/")
    return f"{home}/raw/v{bench.__version__}" if home else ""


def download(url: str, path: Path, sha256: str, size: int | None) -> None:
    """Download a file whose checksum is known; one that was cut short is resumed.

    Raises
    ------
    Unavailable
        If the server does not answer, sends more than ``size`` bytes, or another file.
    StorageError
        If the file cannot be kept.
    """
    import requests

    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, partial, size)
        if checksum(partial) != sha256:
            partial.unlink()
            raise Unavailable(
                f"What {url} sent is not the file with SHA-256 {sha256[:12]}…; check {VARIABLE}."
            )
        partial.replace(path)
    except requests.exceptions.RequestException as error:
        status = getattr(error.response, "status_code", None)
        reason = f"HTTP {status}" if status else type(error).__name__
        raise Unavailable(
            f"{url} could not be downloaded ({reason}). Check the network and give the same "
            f"command again, or set {VARIABLE} to a folder or mirror that has the weights."
        ) from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or set "
            "BENCH_CACHE to another folder."
        ) from error


def _receive(url: str, partial: Path, size: int | None) -> None:
    import requests
    from tqdm import tqdm

    start = partial.stat().st_size if partial.exists() else 0
    if size is not None and start >= size:  # whole already, or of something else
        return
    headers = {"Range": f"bytes={start}-"} if start else {}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            start = 0
        name = partial.name.partition("-")[2].removesuffix(".partial")
        with (
            partial.open("ab" if start else "wb") as file,
            tqdm(desc=name, total=size, initial=start, unit="B", unit_scale=True) as bar,
        ):
            for block in answer.iter_content(BLOCK):
                start += len(block)
                if size is not None and start > size:
                    raise Unavailable(f"{url} sends more than the {size} bytes of the card.")
                file.write(block)
                bar.update(len(block))
