"""Data sets of third parties, each imported and asked in a process of its own.

So are folders of one's own whose kernels a third party's source draws.

The project's own, and those registered in this session, are opened directly. Anyone else's may do
anything when it is imported or asked for a sample: raise, exit, sleep, print, change the process,
answer nonsense or something else each time. It costs that data set's rows and a line.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import safetensors.torch

from bench import text
from bench.errors import BenchError, InvalidInput
from bench.harness.guest_process import PICTURES, PUBLISHED, READS_DATA, answer
from bench.harness.host import LEAST_PATIENCE, PATIENCE, Host, Respondent, Silence, introduced
from bench.harness.process import Death
from bench.physics.observation import digest
from bench.protocol import Alignment, Dataset, Location, NoiseModel, Sample
from bench.registry import DATASETS, HERE, KERNELS, Entry

TRUSTED = ("bench", HERE)
"""Origins of data sets that are opened in this process."""
MOST_SAMPLES = 1_000_000


def dataset_class(name: str, patience: float = PATIENCE) -> type[Dataset]:
    """Return the class of a data set, or one that speaks for it if it is a third party's.

    Parameters
    ----------
    name : str
    patience : float
        Seconds that a third party's may take for each answer.

    Raises
    ------
    UnknownName, Unavailable, BenchError
        As :meth:`Registry.load`, and for a third party's that does not say what it is.
    """
    entry = _stranger(name)
    if entry is None:
        return DATASETS.load(name)
    found = _introduce(entry, patience)
    if isinstance(found, BenchError):
        raise found
    return found


def patience(time_limit: float) -> float:
    """Return seconds to wait for an answer in a run with this time limit per cell."""
    return min(max(time_limit, LEAST_PATIENCE), PATIENCE)


def is_guest(name: str) -> bool:
    """Return whether a name is that of a third party's data set, or of one with its kernels."""
    try:
        return _stranger(name) is not None
    except BenchError:
        return False


def _stranger(name: str) -> Entry | None:
    """Return the third party's entry that a data set hangs on, under the data set's name."""
    entry = DATASETS.entries.get(name)
    if entry is None:  # of one's own, such as folder:PATH
        entry = KERNELS.entries.get(DATASETS.load(name).kernel_source)
    if entry is None or entry.origin in TRUSTED:
        return None
    return dataclasses.replace(entry, name=name)


class Guest(Dataset):
    """A third party's data set as this process sees it; subclasses have its class attributes."""

    entry: ClassVar[Entry]
    place: ClassVar[Location]
    patience: ClassVar[float]

    def __init__(self) -> None:
        start = functools.partial(_host, self.entry, self.patience, self.reads_data)
        self._respondent = Respondent(start)
        self._refusal: BenchError | None = None
        self._given: dict[int, tuple[str, str]] = {}
        self._count = self._ask("count", _read_count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        sample = self._ask(index, _read_sample)
        seen = sample.name, digest(sample)
        if self._given.setdefault(index, seen) != seen:
            raise InvalidInput(
                f"The dataset {self.name!r} gave another image {index} when it was asked again; it "
                "has to give the same each time (seed what it draws by the index)."
            )
        return sample

    @classmethod
    def location(cls) -> Location:
        """Return what the data set's own class says."""
        return cls.place

    def _ask(self, question: int | str, read: Any) -> Any:
        """Ask the process; what does not answer is not asked again."""
        if self._refusal:
            raise self._refusal
        try:
            return self._respondent.ask(question, read)
        except (Death, Silence) as fate:
            what = "count its images" if question == "count" else f"give its image {question}"
            self._refusal = InvalidInput(f"The dataset {self.name!r} was asked to {what}. {fate}")
            raise self._refusal from None


@functools.cache
def _introduce(entry: Entry, patience: float) -> type[Dataset] | BenchError:
    """Ask what a data set is; what it said, or did in place of it, is not asked for again."""
    try:
        own = entry.name not in DATASETS.entries  # whose pictures may lie there
        attributes = _introduction_of(entry, patience, data=own)
        if attributes == READS_DATA:
            attributes = _introduction_of(entry, patience, data=True)
    except (Death, Silence) as fate:
        return BenchError(
            f"The dataset {entry.name!r} of {entry.origin} did not say what it is. {fate}"
        )
    except BenchError as error:  # its own, about itself
        return error
    members = {**attributes, "name": entry.name, "entry": entry, "patience": patience}
    return cast(type[Dataset], type("Guest", (Guest,), members))


def _introduction_of(entry: Entry, patience: float, data: bool) -> Mapping[str, Any]:
    """Have a data set introduce itself."""
    host, found = introduced(functools.partial(_host, entry, patience, data), _read_introduction)
    host.close()
    return found


def _host(entry: Entry, patience: float, data: bool) -> Host:
    return Host(answer, entry.name, data, patience=patience, data=data)


def _read_introduction(plain: Any, tensors: bytes) -> Mapping[str, Any]:
    if plain == READS_DATA:
        return READS_DATA
    alignment = plain["alignment"]
    return {
        **plain,
        "image_size": tuple(plain["image_size"]),
        "noise_model": NoiseModel(**plain["noise_model"]),
        "alignment": alignment if isinstance(alignment, str) else Alignment(**alignment),
        "place": Location(**plain["place"]),
    }


def _read_count(plain: Any, tensors: bytes) -> int:
    if type(plain) is not int or not 0 <= plain <= MOST_SAMPLES:
        raise InvalidInput(
            f"The dataset says that it has {text.legible(repr(plain), 60)} images; "
            f"0 to {MOST_SAMPLES} are possible."
        )
    return plain


def _read_sample(plain: Any, tensors: bytes) -> Sample:
    found = safetensors.torch.load(tensors)
    published = {
        key.removeprefix(PUBLISHED): value for key, value in found.items() if key not in PICTURES
    }
    return Sample(
        **plain,
        image=found["image"],
        kernel=found["kernel"],
        observation=found.get("observation"),
        published=published,
    )
