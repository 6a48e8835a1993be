"""A second device for machines that have none: real values, but kept apart from the CPU's.

Tensors on it are wrappers whose device is ``lazy``, one that PyTorch knows and nobody has. An
operation that meets tensors of both devices is refused, as an accelerator's would be.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("lazy")
MOVES = ("_to_copy", "copy_", "_copy_from")
"""Operations that take tensors of one device to the other."""
INDEXING = ("index", "index_put", "index_put_", "_unsafe_index_put")


class Elsewhere(Tensor):
    """A tensor on the second device; ``held`` has its values on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls, values.shape, strides=values.stride(), dtype=values.dtype, device=DEVICE,
            storage_offset=values.storage_offset(), requires_grad=False,
        )  # fmt: skip
        made.held = values
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Elsewhere({self.held!r})"

    def new_tensor(  # type: ignore[override]  # PyTorch's options, whatever they are
        self, data: Any, **options: Any
    ) -> Elsewhere:
        """Make a tensor beside this one."""
        return Elsewhere(self.held.new_tensor(data, **options))

    def tolist(self) -> Any:
        """Read the values, as from any device."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # typed as if it were disabled
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return carry_out(function, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """While it is entered, ``device="lazy"`` can be used."""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return carry_out(function, args, kwargs or {})


def carry_out(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute an operation on the CPU, and put its result where the operation would have."""
    name = function.overloadpacket.__name__
    given, _ = tree_flatten((args, kwargs))
    tensors = [item for item in given if isinstance(item, Tensor)]
    away = [item for item in tensors if isinstance(item, Elsewhere)]
    here = [item for item in tensors if not isinstance(item, Elsewhere)]
    if name in INDEXING:  # indices may be on the CPU
        here = [item for item in here if item.is_floating_point() or item.is_complex()]
    if away and name not in MOVES and any(item.ndim > 0 for item in here):
        raise RuntimeError(f"{name}: tensors are on two devices, {DEVICE} and the CPU.")
    wanted = kwargs.get("device")
    elsewhere = bool(away) if wanted is None else torch.device(wanted).type == DEVICE.type
    if name == "copy_":
        elsewhere = isinstance(args[0], Elsewhere)
    if wanted is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    plain_args, plain_kwargs = tree_map(_plain, (tuple(args), kwargs))
    found = function(*plain_args, **plain_kwargs)
    if name.endswith("_") and not name.endswith("__") and args and isinstance(args[0], Tensor):
        return args[0]  # in place: the same object is the result
    if plain_kwargs.get("out") is not None:
        return kwargs["out"]
    return tree_map(_moved, found) if elsewhere else found


def _plain(item: Any) -> Any:
    return item.held if isinstance(item, Elsewhere) else item


def _moved(item: Any) -> Any:
    if type(item) is not Tensor:
        return item
    # A conjugate or negative is a mark on a view, which the wrapper would not have.
    return Elsewhere(item.resolve_conj().resolve_neg())
