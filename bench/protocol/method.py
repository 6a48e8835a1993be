"""The three kinds of method: blind ones, oracles and replays."""

from __future__ import annotations

import abc
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bench.protocol.dataset import Sample
from bench.protocol.restoration import Restoration, Truth
from bench.protocol.stages import ALONE, Stages
from bench.protocol.task import Boundary, Task

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["method", "oracle", "replay"]


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """What a method is told or has learned; tables print it next to its name.

    Attributes
    ----------
    noise, kernel_size, boundary, image_class : bool
        Whether the method uses this part of the task.
    training : str
        Data and hours it was trained on, or "" for none.
    truth : bool
        True for oracles.
    """

    noise: bool = False
    kernel_size: bool = False
    boundary: bool = False
    image_class: bool = False
    training: str = ""
    truth: bool = False

    def __str__(self) -> str:
        told = [
            word
            for word, known in (
                ("the truth", self.truth),
                ("noise", self.noise),
                ("kernel size", self.kernel_size),
                ("boundary", self.boundary),
                ("class", self.image_class),
            )
            if known
        ]
        return ", ".join([*told, *([self.training] if self.training else [])]) or "nothing"


class MethodBase:
    """What the three kinds of method share. Subclass :class:`Method`, not this.

    Parameters are keyword arguments after the task; they are part of a cell's identity, so keep
    them plain numbers, strings or booleans.

    Class attributes
    ----------------
    kind : {"method", "oracle", "replay"}
    title : str
        Its full name, such as ``Dark channel prior``; tables and figures give it next to the short
        one. It is the class's own: a subclass that says none has none.
    version : str
        Raise it with every change of the code that changes results.
    knows : Knowledge
    batch_size : int
        Images per call at 64×64; the plan cuts batches to it.
    device_batch_size : int
        The same on another device than the CPU; 0 takes ``batch_size``.
    boundaries : tuple of {"circular", "free"}
        Boundaries that the method models. It runs on others too, and the table says so.
    reference : str
        Where the algorithm was published.
    reads_data : bool
        Whether it reads files of the data folder (the statistics of a class, say). Processes of a
        third party's method are told where that is only if it declares so.
    equals : str
        Name of the method whose images this one's are where it says so, if there is one; two
        names for one result would pass for two pieces of evidence.
    """

    kind: ClassVar[Kind] = "method"
    title: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    knows: ClassVar[Knowledge] = Knowledge()
    batch_size: ClassVar[int] = 16
    device_batch_size: ClassVar[int] = 0
    boundaries: ClassVar[tuple[Boundary, ...]] = ("circular", "free")
    reference: ClassVar[str] = ""
    reads_data: ClassVar[bool] = False
    equals: ClassVar[str] = ""

    stages: Stages = ALONE
    """Where stages that other methods share are computed; see :class:`Stages`."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Raise ``Unavailable`` (what is missing and how to get it) or ``NotApplicable``.

        Called before any work is planned, so it must be cheap.
        """

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the names and checksums of weights and tuned files that determine the result."""
        return {}

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return :meth:`assets`, where they depend on the parameters that were set."""
        return cls.assets(task)

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """Return :attr:`knows`, where it depends on the parameters that were set."""
        return cls.knows

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Name the stage that other methods have in common with this one; "" for none.

        Cells of an image by methods that give the same name are computed in one job, in which the
        stage is computed once; see :class:`~bench.protocol.stages.Stages`. Only methods of the
        project share a process, and so stages.
        """
        return ""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the parameters that can be set by name: those of ``__init__`` after the task."""
        return list(inspect.signature(cls).parameters)[1:]

    def close(self) -> None:
        """Release what the method holds (an Octave process, say)."""


class Method(MethodBase, abc.ABC):
    """A blind method: it sees observations and the task, and nothing else."""

    @abc.abstractmethod
    def deblur(self, observation: Tensor) -> Restoration:
        """Restore a batch.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
            The result of an image must not depend on the others in the batch.
        """


class Oracle(MethodBase, abc.ABC):
    """A method that is given the truth: a bound, never a competitor."""

    kind: ClassVar[Kind] = "oracle"
    knows: ClassVar[Knowledge] = Knowledge(truth=True)

    @abc.abstractmethod
    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Restore a batch, knowing the true image and kernel."""


class Replay(MethodBase, abc.ABC):
    """Published outputs, read and scored instead of computed."""

    kind: ClassVar[Kind] = "replay"

    @abc.abstractmethod
    def replay(self, samples: Sequence[Sample]) -> Restoration:
        """Return the published outputs for these samples.

        Raises
        ------
        NotApplicable
            If nothing was published for them.
        """
