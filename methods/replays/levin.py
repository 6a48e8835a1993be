"""Other people's published restorations of Levin's photographs, read and scored by us.

The images are those that the authors of each method (or, for SelfDeblur, somebody who ran the
authors' code) published, 8 bits, grey, 255×255, ``imNN_kerNN.png`` for each of the 32 pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from bench.checksums import checksum
from bench.datasets.levin import SIZE, Levin
from bench.datasets.locations import BRING, locate
from bench.datasets.natural import read_picture
from bench.errors import InvalidInput, NotApplicable, Unavailable
from bench.protocol import Knowledge, Replay, Restoration, Sample, Task

FOLDER = "levin_published"


class LevinReplay(Replay):
    """Published outputs for Levin's 32 pairs; subclasses say whose.

    Attributes
    ----------
    folder : str
        Below ``levin_published`` in the data folder.
    kernels : {"", "convolution", "correlation"}
        How the kernels were stored that were published with the images, if they were.
    """

    folder: ClassVar[str]
    kernels: ClassVar[str] = ""
    batch_size: ClassVar[int] = 64
    reads_data: ClassVar[bool] = True
    knows: ClassVar[Knowledge] = Knowledge(kernel_size=True, boundary=True)

    @classmethod
    def place(cls) -> Path:
        """Return the folder of the images, whether it is there or not."""
        return Path(locate(f"{FOLDER}/{cls.folder}", BRING).path)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Refuse what cannot be Levin's photographs, and say where the images are missing."""
        if task.image_size != SIZE or task.channels != 1 or task.boundary != "free":
            raise NotApplicable("These outputs were published for Levin's photographs alone.")
        if not cls.place().is_dir():
            raise Unavailable(f"There is no {cls.place()}. {BRING}")

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return one checksum of all published files."""
        digest = hashlib.sha256()
        for path in sorted(cls.place().glob("im*_ker*.png")):
            digest.update(f"{path.name} {checksum(path)}\n".encode())
        return {f"{FOLDER}/{cls.folder}": digest.hexdigest()}

    def replay(self, samples: Sequence[Sample]) -> Restoration:
        """Return the published images and, where they were published, kernels.

        Parameters
        ----------
        samples : sequence of Sample
            Of Levin's photographs.

        Returns
        -------
        Restoration

        Raises
        ------
        NotApplicable
            If a sample is none of Levin's pairs.
        InvalidInput
            If a file is damaged or of another size.
        """
        pairs = Levin()
        names = {pairs[index].name: pairs[index] for index in range(len(pairs))}
        images, kernels = [], []
        for sample in samples:
            pair = names.get(sample.name)
            # Another set may use the same names.
            if pair is None or not _same(sample.observation, pair.observation):
                raise NotApplicable("These outputs were published for Levin's photographs alone.")
            images.append(_picture(self.place() / f"{sample.name}.png", SIZE))
            if self.kernels:
                kernels.append(_kernel(self.place() / f"{sample.name}_kernel.png", self.kernels))
        return Restoration(image=torch.stack(images), kernel=_stack(kernels) if kernels else None)


class PublishedPMP(LevinReplay):
    """Patch-wise minimal pixels as its authors ran it."""

    title = "Patch-wise minimal pixels, published images"
    folder: ClassVar[str] = "pmp"
    kernels: ClassVar[str] = "convolution"
    reference: ClassVar[str] = (
        "Wen, Ying, Liu, Liu, Truong, A Simple Local Minimal Intensity Prior and an Improved "
        "Algorithm for Blind Image Deblurring, IEEE TCSVT 2020"
    )


class PublishedPhaseOnly(LevinReplay):
    """Phase-only blind deblurring as its authors ran it; its core is closed."""

    title = "Phase-only, published images"
    folder: ClassVar[str] = "phase_only"
    reference: ClassVar[str] = (
        "Pan, Hartley, Liu, Dai, Phase-only Image Based Kernel Estimation for Single-image Blind "
        "Deblurring, CVPR 2019"
    )


class PublishedSelfDeblur(LevinReplay):
    """SelfDeblur, somebody's run of the authors' code."""

    title = "SelfDeblur, published images"
    folder: ClassVar[str] = "selfdeblur"
    kernels: ClassVar[str] = "correlation"
    reference: ClassVar[str] = (
        "Ren, Zhang, Wang, Hu, Zuo, Neural Blind Deconvolution Using Deep Priors, CVPR 2020"
    )


def _same(first: Tensor | None, second: Tensor | None) -> bool:
    return first is not None and second is not None and torch.equal(first, second)


def _picture(path: Path, size: tuple[int, int] | None = None) -> Tensor:
    """Read a grey picture, shape (1, H, W), in [0, 1]."""
    picture = read_picture(path)
    if size and tuple(picture.shape[1:]) != size:
        raise InvalidInput(
            f"{path} has {picture.shape[1]}×{picture.shape[2]} pixels, not {size[0]}×{size[1]}; "
            "get it again."
        )
    return picture[:1]


def _kernel(path: Path, stored: str) -> Tensor:
    """Read a kernel, in the forward model's orientation, summing to 1."""
    kernel = _picture(path)[0]
    if stored == "correlation":
        kernel = kernel.flip(0, 1)
    if not kernel.sum() > 0:
        raise InvalidInput(f"{path} is black; get it again.")
    return kernel / kernel.sum()


def _stack(kernels: Sequence[Tensor]) -> Tensor:
    """Stack odd kernels of different sizes, the smaller ones within a border of zeros."""
    side = max(max(kernel.shape) for kernel in kernels)
    padded = []
    for kernel in kernels:
        down, right = ((side - size) // 2 for size in kernel.shape)
        padded.append(functional.pad(kernel, (right, right, down, down)))
    return torch.stack(padded)
