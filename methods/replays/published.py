"""The authors' own output images, read from the published test sets and scored by us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from bench.errors import NotApplicable
from bench.protocol import Knowledge, Replay, Restoration, Sample, Task

PUBLISHED_NOISE = 0.01


class PublishedDD(Replay):
    """Deep Deblur (equation 4) as the authors ran it."""

    title = "Deep Deblur, the authors' images"
    prefix: ClassVar[str] = "dd"
    batch_size: ClassVar[int] = 64
    knows: ClassVar[Knowledge] = Knowledge(
        kernel_size=True, boundary=True, image_class=True, training="the authors' generators"
    )
    reference: ClassVar[str] = "Asim, Shamshad, Ahmed, arXiv:1908.07404"

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Refuse a noise level that was not published."""
        if task.noise != PUBLISHED_NOISE:
            raise NotApplicable(
                f"The authors published outputs at noise {PUBLISHED_NOISE:g}, not {task.noise:g}."
            )

    def replay(self, samples: Sequence[Sample]) -> Restoration:
        """Return the published images and kernels.

        Parameters
        ----------
        samples : sequence of Sample
            Of a published test set, with the authors' outputs.

        Returns
        -------
        Restoration

        Raises
        ------
        NotApplicable
            If nothing was published for a sample.
        """
        for sample in samples:
            if f"{self.prefix}_image" not in sample.published:
                raise NotApplicable(
                    f"The authors published no {self.prefix.upper()} output for this dataset."
                )
        return Restoration(
            image=torch.stack([sample.published[f"{self.prefix}_image"] for sample in samples]),
            kernel=torch.stack([sample.published[f"{self.prefix}_kernel"] for sample in samples]),
            restarts=10,
        )


class PublishedDDS(PublishedDD):
    """Deep Deblur with Slack (equation 5) as the authors ran it."""

    title = "Deep Deblur with slack, the authors' images"
    prefix: ClassVar[str] = "dds"
