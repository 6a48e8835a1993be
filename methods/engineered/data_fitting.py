"""Blind deblurring with learned data fitting functions, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``octave/data_fitting_kernel.m``; parameters stand in ``octave_prior.toml``, the
learned weights in ``data_fitting.toml``, which ``train_data_fitting.py`` writes.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import ClassVar

from bench.files import read_toml
from bench.methods.engineered.octave_prior import OctavePrior, Value
from bench.protocol import Knowledge, Task

LEARNED = Path(__file__).with_suffix(".toml")


class DataFitting(OctavePrior):
    """Pan and others' method: kernel and image by learned weights of the residual's derivatives."""

    title = "Learned data fitting"
    microseconds = (139, 24)
    version: ClassVar[str] = "5"
    section: ClassVar[str] = "df"
    kernel_function: ClassVar[str] = "data_fitting_kernel"
    knows: ClassVar[Knowledge] = Knowledge(
        kernel_size=True,
        boundary=True,
        image_class=True,
        training="weights learned on 80 training images per class, of photographs elsewhere, "
        "parameters tuned on at most 80 development images",
    )
    reference: ClassVar[str] = (
        "J. Pan, J. Dong, Y.-W. Tai, Z. Su, M.-H. Yang, Learning Discriminative Data Fitting "
        "Functions for Blind Image Deblurring, ICCV 2017"
    )

    @classmethod
    def tuned(cls, task: Task) -> dict[str, Value]:
        """Return the tuned parameters with the learned weights over them."""
        name = "free" if task.boundary == "free" else task.image_class
        learned = _learned().get(name, _learned().get("natural", {}))
        weights = {key: learned[key] for key in ("fitting", "restoring") if key in learned}
        return super().tuned(task) | weights


@functools.cache
def _learned() -> dict[str, dict[str, Value]]:
    return read_toml(LEARNED)
