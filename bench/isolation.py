"""Hold other people's code: what it may leave behind in a process, and what it may not."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench import text
from bench.errors import BenchError

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class GlobalState:
    """What any code in a process can change for all that runs there after it."""

    folder: str
    mask: int
    environment: Mapping[str, str]
    dtype: torch.dtype
    device: torch.device
    gradients: bool
    deterministic: bool
    threads: int
    errors: Mapping[str, Any]

    @classmethod
    def now(cls) -> GlobalState:
        """Take down the state of this process."""
        import numpy as np
        import torch

        mask = os.umask(0o077)
        os.umask(mask)
        return cls(
            folder=_folder(),
            mask=mask,
            environment=dict(os.environ),
            dtype=torch.get_default_dtype(),
            device=torch.get_default_device(),
            gradients=torch.is_grad_enabled(),
            deterministic=torch.are_deterministic_algorithms_enabled(),
            threads=torch.get_num_threads(),
            errors=np.geterr(),
        )

    def restore(self) -> None:
        """Put the state back, where it has changed."""
        import numpy as np
        import torch

        with contextlib.suppress(OSError):
            os.chdir(self.folder)
        os.umask(self.mask)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        torch.set_default_dtype(self.dtype)
        if torch.get_default_device() != self.device:
            torch.set_default_device(self.device)
        torch.set_grad_enabled(self.gradients)
        if torch.are_deterministic_algorithms_enabled() != self.deterministic:
            torch.use_deterministic_algorithms(self.deterministic)
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        np.seterr(**self.errors)


@contextlib.contextmanager
def environment_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while, so that processes started meanwhile see them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted under us
        return os.sep


def seed_everything(seed: int) -> None:
    """Seed the generators that code draws from when it brings none of its own."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Run other people's code in this process.

    Global state and generators are put back afterwards, prints go to standard error, and an exit
    (``sys.exit``, a ``KeyboardInterrupt`` that nobody pressed) becomes a ``BenchError``.
    """
    import numpy as np
    import torch

    state = GlobalState.now()
    generators = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    pressed = threading.Event()
    try:
        with contextlib.redirect_stdout(sys.stderr), _noticing_interrupts(pressed):
            yield
    except Exception:
        raise
    except BaseException as error:
        if pressed.is_set():
            raise
        raise BenchError(f"A plugin's code ended with {text.describe(error)}.") from error
    finally:
        state.restore()
        random.setstate(generators[0])
        np.random.set_state(generators[1])  # noqa: NPY002
        torch.set_rng_state(generators[2])


@contextlib.contextmanager
def _noticing_interrupts(pressed: threading.Event) -> Iterator[None]:
    """Tell a Ctrl-C from a ``KeyboardInterrupt`` that code raises by itself."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def note(number: int, frame: Any) -> None:
        pressed.set()
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
