"""A plain function as a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from bench.protocol import Knowledge, Method, Restoration, Task, check_observation

Deblur = Callable[[Tensor], Tensor | Restoration] | Callable[[Tensor, Task], Tensor | Restoration]


def from_function(
    function: Callable[..., Tensor | Restoration],
    *,
    title: str = "",
    tells: bool = False,
    knowledge: Knowledge | None = None,
    code_version: str = "1",
) -> type[Method]:
    """Make a method class of a function.

    Parameters
    ----------
    function : callable
        Takes observations, a float32 tensor (N, C, H, W) in [0, 1], and returns images of that
        shape, or a :class:`~bench.protocol.Restoration` with kernels too.
    title : str
        Full name for tables; the function's own where it is empty.
    tells : bool
        Give the function the :class:`~bench.protocol.Task` as its second argument: image class,
        kernel size, noise, boundary.
    knowledge : Knowledge, optional
        What it makes use of, for the tables.
    code_version : str
        Raise it whenever the function's results change.

    Returns
    -------
    type of Method
        To be registered: ``bench.METHODS.register("mine")(from_function(f))``, or named by an
        entry point ``bench.methods``.

    Examples
    --------
    >>> import bench
    >>> from bench.adapters import from_function
    >>> darker = bench.METHODS.register("darker")(from_function(lambda y: 0.9 * y))
    >>> frame = bench.run("darker", "photos", images=1, workers=1)
    >>> list(frame["status"])
    ['ok']
    >>> bench.METHODS.forget("darker")
    """
    name = title or getattr(function, "__name__", "function").strip("<>")

    class Function(Method):
        """The function as a method."""

        version: ClassVar[str] = code_version
        knows: ClassVar[Knowledge] = knowledge or Knowledge()

        def deblur(self, observation: Tensor) -> Restoration:
            """Call it."""
            y = check_observation(observation, self.task)
            found = function(y, self.task) if tells else function(y)
            return found if isinstance(found, Restoration) else Restoration(found.clamp(0, 1))

    Function.__name__ = Function.__qualname__ = name
    Function.title = name
    return Function
