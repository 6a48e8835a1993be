"""The blurry input itself: what doing nothing scores."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from bench.protocol import Method, Restoration, check_observation


class Blurry(Method):
    """Return the observation. A method that scores less does harm."""

    title = "Blurred input"
    batch_size: ClassVar[int] = 64

    def deblur(self, observation: Tensor) -> Restoration:
        """Return the observation; no kernel is estimated."""
        return Restoration(check_observation(observation, self.task))
