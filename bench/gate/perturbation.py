"""Ways to compute the same thing that differ in the last digits only.

What a method makes of them is what another processor would make of it: libraries choose their code
by the processor's instructions, and sums of another order differ in the last digit.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from bench import seeds
from bench.harness import process
from bench.harness.plan import Chunk, Maker, Refusal
from bench.isolation import environment_set
from bench.physics.observation import Observed, observe

INPUT = 1e-6
"""Standard deviation of what is added to observations: a few units in the last place of float32,
and less than what the fast transforms of two processors differ by in a blurred image's pixels
once a generator has drawn the image too."""


@dataclasses.dataclass(frozen=True)
class PerturbedChunk(Chunk):
    """Cells whose observations differ a little from what they are.

    Attributes
    ----------
    draw : int
        Which draw of the noise is added.
    """

    draw: int = 0

    def observed(self, make: Maker = observe) -> list[Observed]:
        """Make the observations, and add noise of :data:`INPUT`."""
        return [
            dataclasses.replace(
                one,
                observation=_perturbed(one.observation, self.draw, cell.dataset, cell.image),
            )
            for one, cell in zip(super().observed(make), self.cells, strict=True)
        ]


def _perturbed(observation: Tensor, *name: object) -> Tensor:
    noise = torch.randn(observation.shape, generator=seeds.generator("perturbation", *name))
    return (observation + INPUT * noise).clamp(0, 1)


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """One way to compute.

    Attributes
    ----------
    name : str
    draw : int or None
        Which draw of noise of :data:`INPUT` is added to the observations; None adds nothing.
    threads : int
        Of a worker process.
    environment : Mapping
        Variables that limit what instructions libraries use in processes started under them.
    """

    name: str
    draw: int | None = None
    threads: int = 1
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def apply(self, item: Chunk | Refusal) -> Chunk | Refusal:
        """Return a part of a plan with its observations perturbed."""
        if self.draw is None or isinstance(item, Refusal):
            return item
        return PerturbedChunk(item.cells, item.dataset, item.task, item.reads_data, draw=self.draw)

    @contextlib.contextmanager
    def in_environment(self) -> Iterator[None]:
        """Let processes that are started meanwhile see the variables."""
        if not self.environment:
            yield
            return
        with environment_set(self.environment):
            process.restart_server()
            try:
                yield
            finally:
                process.restart_server()


def _instructions(aten: str, mkl: str, onednn: str, openblas: str, glibc: str) -> dict[str, str]:
    return {
        "ATEN_CPU_CAPABILITY": aten,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "OPENBLAS_CORETYPE": openblas,
        "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={glibc}",
    }


AS_IT_IS = Perturbation("as it is")
PERTURBATIONS = (
    AS_IT_IS,
    Perturbation("input, first draw", draw=1),
    Perturbation("input, second draw", draw=2),
    Perturbation("two threads", threads=2),
    Perturbation(
        "AVX2 code", environment=_instructions("avx2", "AVX2", "AVX2", "Haswell", "-AVX512F")
    ),
    Perturbation(
        "SSE code",
        environment=_instructions(
            "default", "SSE4_2", "SSE41", "Nehalem", "-AVX512F,-AVX2,-FMA,-AVX"
        ),
    ),
)
"""The first is what all others are held against. FFTW in Octave has no switch for its
instructions; its last digits are covered by the perturbed input, which is much larger."""
