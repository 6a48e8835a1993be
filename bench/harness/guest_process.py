"""The process of a third party's data set: it says what that is, and answers for its samples."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

import safetensors.torch

from bench import text
from bench.errors import BenchError, InvalidInput
from bench.harness.host import serve
from bench.physics.observation import take_sample
from bench.protocol import Alignment, Dataset, Location, NoiseModel, Sample
from bench.registry import DATASETS

PICTURES = ("image", "kernel", "observation")
PUBLISHED = "published."
"""Prefix of the names of published outputs among a sample's tensors."""
READS_DATA = {"reads_data": True}
"""All that a data set says of itself in a process that is not told where the data lie."""


def answer(connection: Connection, name: str, data: bool) -> None:
    """Answer for a data set: the body of its process, which is told where the data lie or not."""

    def introduce() -> tuple[Mapping[str, Any], Callable[[Any], bytes]]:
        cls = DATASETS.load(name)
        _expect(cls, "reads_data", isinstance(cls.reads_data, bool), "True or False")
        asks = cls.reads_data and not data  # without its data it may have nothing to say
        return READS_DATA if asks else _introduction(cls), _Replies(name, cls)

    serve(connection, introduce)


class _Replies:
    """What a data set answers; it is opened when the first question comes."""

    def __init__(self, name: str, cls: type[Dataset]) -> None:
        self._name, self._cls = name, cls
        self._dataset: Dataset | None = None

    def __call__(self, question: int | str) -> bytes:
        try:
            dataset = self._dataset = self._dataset or self._cls()
            if question == "count":
                return json.dumps(len(dataset)).encode()
            return _encode(take_sample(dataset, int(question)))
        except BenchError:
            raise
        except BaseException as error:
            what = "count its images" if question == "count" else f"give its image {question}"
            raise InvalidInput(
                f"The dataset {self._name!r} cannot {what}: {text.describe(error)}."
            ) from error


def _introduction(cls: type[Dataset]) -> dict[str, Any]:
    """Describe a class in plain values, or refuse what another process could not speak for."""
    for method in ("told_boundary", "alignment_for"):
        if getattr(cls, method).__func__ is not getattr(Dataset, method).__func__:
            raise BenchError(
                f"{cls.__name__} overrides {method}; set the class's boundary and alignment."
            )
    numeric = (int, float)
    _expect(cls, "image_class", isinstance(cls.image_class, str), "a string")
    _expect(cls, "version", isinstance(cls.version, str), "a string")
    _expect(cls, "image_size", _is_size(cls.image_size), "two positive whole numbers")
    _expect(cls, "channels", type(cls.channels) is int and cls.channels in (1, 3), "1 or 3")
    _expect(cls, "boundary", isinstance(cls.boundary, str), "a string")
    _expect(cls, "noise_model", isinstance(cls.noise_model, NoiseModel), "a NoiseModel")
    _expect(cls, "bits", cls.bits is None or type(cls.bits) is int, "a whole number or None")
    _expect(cls, "noise", cls.noise is None or isinstance(cls.noise, numeric), "a number or None")
    known = isinstance(cls.alignment, Alignment) or cls.alignment == "half kernel"
    _expect(cls, "alignment", known, "an Alignment or 'half kernel'")
    place = cls.location()
    if not isinstance(place, Location):
        raise BenchError(f"{cls.__name__}.location() returned {type(place).__name__}.")
    return {
        "title": text.legible(str(cls.title)),
        "image_class": cls.image_class,
        "image_size": list(cls.image_size),
        "channels": cls.channels,
        "boundary": cls.boundary,
        "noise_model": dataclasses.asdict(cls.noise_model),
        "bits": cls.bits,
        "alignment": dataclasses.asdict(cls.alignment)
        if isinstance(cls.alignment, Alignment)
        else cls.alignment,
        "version": cls.version,
        "noise": None if cls.noise is None else float(cls.noise),
        "noise_unknown": bool(cls.noise_unknown),
        "kernel_unknown": bool(cls.kernel_unknown),
        "truth_unknown": bool(cls.truth_unknown),
        "in_range": bool(cls.in_range),
        "notice": text.legible(str(cls.notice)),
        "reads_data": cls.reads_data,
        "place": {
            "found": bool(place.found),
            "path": text.legible(str(place.path)),
            "how_to_get": text.legible(str(place.how_to_get)),
        },
    }


def _is_size(value: Any) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(type(side) is int and side > 0 for side in value)
    )


def _expect(cls: type[Dataset], name: str, sound: bool, wanted: str) -> None:
    if not sound:
        value = text.legible(repr(getattr(cls, name)), limit=60)
        raise BenchError(f"{cls.__name__}.{name} is {value}; it has to be {wanted}.")


def _encode(sample: Sample) -> bytes:
    plain = {
        "index": int(sample.index),
        "name": sample.name,
        "kernel_id": str(sample.kernel_id),
        "blur_length": None if sample.blur_length is None else int(sample.blur_length),
    }
    tensors = {PUBLISHED + str(key): value for key, value in sample.published.items()}
    for key in PICTURES:
        if (value := getattr(sample, key)) is not None:
            tensors[key] = value
    whole = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    return json.dumps(plain).encode() + b"\n" + safetensors.torch.save(whole)
