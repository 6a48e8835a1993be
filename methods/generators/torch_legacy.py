"""A restricted reader of PyTorch's file format before 1.6, which pickled modules of 2019 are in.

PyTorch's own restricted reader reads dictionaries of tensors in that format, but no modules. The
file is a row of pickles (a magic number, a version, what the writer's machine was, the object, the
keys of its storages) and then each storage: its length as 64 bits, and its bytes. The unpickler
knows the few names below and builds nothing else; what stands for a class runs nothing.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import torch
from torch import Tensor

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    "HalfStorage": torch.float16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
}


class Shell:
    """Stands for a class of the file: it keeps the state that it is given and runs nothing."""

    def __init__(self, *args: Any) -> None:
        """Take whatever the file passes, and drop it."""


def read_legacy(path: Path, classes: tuple[str, ...]) -> Any:
    """Read the object of a file in the old format, with shells for the classes that are named.

    Raises
    ------
    pickle.UnpicklingError
        If the file names anything else, or is none.
    """
    with path.open("rb") as file:
        if pickle_of(file, ()).load() != MAGIC or pickle_of(file, ()).load() != VERSION:
            raise pickle.UnpicklingError("it has no magic number of PyTorch's")
        pickle_of(file, ()).load()
        reader = pickle_of(file, classes)
        reader.most = path.stat().st_size
        found = reader.load()
        for key in pickle_of(file, ()).load():
            _fill(file, reader.storages[key])
    return found


def pickle_of(file: BinaryIO, classes: tuple[str, ...]) -> RestrictedUnpickler:
    """Return a reader of the next pickle of a file."""
    return RestrictedUnpickler(file, classes)


def _fill(file: BinaryIO, storage: Tensor) -> None:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    data = file.read(storage.numel() * storage.element_size())
    if count != storage.numel() or len(data) < storage.numel() * storage.element_size():
        raise pickle.UnpicklingError(f"a storage of {storage.numel()} numbers is cut short")
    if count:
        storage.copy_(torch.frombuffer(bytearray(data), dtype=storage.dtype))


class RestrictedUnpickler(pickle.Unpickler):
    """Builds tensors, dictionaries and shells, and refuses every other name."""

    known: ClassVar[dict[str, Any]] = {
        "collections.OrderedDict": OrderedDict,
        "__builtin__.set": set,
        "builtins.set": set,
    }

    def __init__(self, file: BinaryIO, classes: tuple[str, ...]) -> None:
        super().__init__(file, encoding="utf-8")
        self.classes, self.most = classes, 0
        self.storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        """Return what stands for a name of the file."""
        full = f"{module}.{name}"
        if full in self.classes:
            return Shell
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        builders = {"_rebuild_tensor_v2": _tensor, "_rebuild_parameter": _parameter}
        if module == "torch._utils" and name in builders:
            return builders[name]
        if full not in self.known:
            raise pickle.UnpicklingError(f"it names {full}, which is no tensor and no known class")
        return self.known[full]

    def persistent_load(self, pid: Any, /) -> Any:
        """Return a storage, to be filled later, or what stands for a class with its source."""
        kind, first, *rest = pid
        if kind == "module" and first is Shell:
            return first
        if kind != "storage" or not isinstance(first, torch.dtype):
            raise pickle.UnpicklingError(f"it refers to a {kind}")
        key, _, count = rest[:3]
        if not 0 <= count * first.itemsize <= self.most:
            raise pickle.UnpicklingError(f"it says that a storage has {count} numbers")
        return self.storages.setdefault(key, torch.zeros(count, dtype=first))


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    return torch.as_strided(storage, size, stride, offset)


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data
