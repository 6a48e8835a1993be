"""Development images for tuning: never the published test images, never Levin's.

Images of a class come from the training archives' validation part and are blurred by fresh
Boracchi–Foi kernels with 1 % noise, as the test images are; photographs with free boundaries are
scikit-image's own, blurred on a larger field and cropped.
"""

from __future__ import annotations

import dataclasses
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from bench.errors import Unavailable
from bench.forward import add_noise, blur
from bench.protocol import Boundary, Task
from bench.seeds import derive_seed, generator
from datasets.motion_blur import motion_blur_kernels

ARCHIVES = ("svhn", "shoes", "celeba")
PHOTOS = ("camera", "astronaut", "coffee", "rocket", "chelsea")
FREE_NOISE = 0.003  # of a real camera, where nobody added any
FREE_KERNEL = 19


@dataclasses.dataclass(frozen=True)
class DevelopmentSet:
    """Observations with their truth, and the task that a method is built from.

    Attributes
    ----------
    task : Task
    image, observation : Tensor, float32, shape (N, C, H, W), in [0, 1]
    kernel : Tensor, float32, shape (N, kh, kw)
    """

    task: Task
    image: Tensor
    observation: Tensor
    kernel: Tensor

    def psnr(self, restored: Tensor) -> Tensor:
        """Peak signal-to-noise ratio in dB of each restored image, shape (N,).

        With free boundaries 15 pixels are cropped and the best shift of at most 5 pixels in steps
        of a quarter is taken, as is usual for such sets.
        """
        if self.task.boundary == "circular":
            return -10 * (restored - self.image).square().mean((1, 2, 3)).log10()
        pairs = zip(restored[:, 0].numpy(), self.image[:, 0].numpy(), strict=True)
        return torch.tensor([_aligned_psnr(ours, truth) for ours, truth in pairs])


def development_set(name: str, count: int) -> DevelopmentSet:
    """Make the development set of a class.

    Parameters
    ----------
    name : str
        ``svhn``, ``shoes``, ``celeba``; ``natural`` (photographs, circular) or ``free``.
    count : int

    Raises
    ------
    Unavailable
        If the archive is not under ``BENCH_DATA``.
    """
    if name == "free":
        return _free(count)
    images = _photos(64, count) if name == "natural" else _archive(name, count)
    kernel = motion_blur_kernels(count, derive_seed("development", name))
    noise = [generator("development", name, index) for index in range(count)]
    return DevelopmentSet(
        _task(name, images, (28, 28), "circular"),
        images,
        add_noise(blur(images, kernel), 0.01, noise),
        kernel,
    )


def _task(name: str, images: Tensor, kernel_size: tuple[int, int], boundary: Boundary) -> Task:
    return Task(
        image_class="natural" if name == "free" else name,
        image_size=(images.shape[-2], images.shape[-1]),
        channels=images.shape[1],
        kernel_size=kernel_size,
        noise=FREE_NOISE if name == "free" else 0.01,
        boundary=boundary,
    )


def _archive(name: str, count: int) -> Tensor:
    from PIL import Image

    path = Path(os.environ.get("BENCH_DATA", "data")) / "train" / f"{name}.zip"
    if not path.is_file():
        raise Unavailable(f"There is no {path}; set BENCH_DATA to the folder that has train/.")
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".png", ".jpg")))
        if name == "celeba":
            names = [n for n in names if n.startswith("val/")]
        if name == "shoes":  # soft and side views would not be like the test set
            names = [n for n in names if n.startswith(("utzap/", "shoev2/", "myntra_hi/"))]
        order = torch.randperm(len(names), generator=generator("development", name))
        chosen = [names[i] for i in order[:count].tolist()]
        arrays = [
            np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in chosen
        ]
    images = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255
    if name == "svhn":
        return images
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return (images - low) / (high - low)


def _photo(name: str) -> np.ndarray:
    from skimage import data

    image = getattr(data, name)() / 255.0
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)


def _crop(size: int, index: int) -> np.ndarray:
    photo = _photo(PHOTOS[index % len(PHOTOS)])
    draw = np.random.default_rng(derive_seed("crop", index))
    row, column = (draw.integers(0, length - size + 1) for length in photo.shape[:2])
    return photo[row : row + size, column : column + size]


def _photos(size: int, count: int) -> Tensor:
    crops = []
    for index in range(count):
        crop = torch.from_numpy(_crop(4 * size, index)).permute(2, 0, 1).float()
        crops.append(torch.nn.functional.avg_pool2d(crop, 4))
    return torch.stack(crops)


def _free(count: int) -> DevelopmentSet:
    size, margin = 255, FREE_KERNEL
    length = 14  # longer walks would leave a support of 19 pixels
    kernel = motion_blur_kernels(
        count, derive_seed("development", "free"), length=length, size=FREE_KERNEL
    )
    luma = np.array([0.299, 0.587, 0.114])
    fields = [torch.from_numpy(_crop(size + 2 * margin, i) @ luma) for i in range(count)]
    field = torch.stack(fields).float()[:, None]
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    noise = [generator("development", "free", index) for index in range(count)]
    observation = add_noise(blur(field, kernel)[inside], FREE_NOISE, noise)
    image = field[inside]
    task = _task("free", image, (FREE_KERNEL, FREE_KERNEL), "free")
    return DevelopmentSet(task, image, observation, kernel)


def _aligned_psnr(ours: np.ndarray, truth: np.ndarray, border: int = 15) -> float:
    def score(image: np.ndarray) -> float:
        error = (image - truth)[border:-border, border:-border]
        return float(-10 * np.log10(np.mean(error**2)))

    whole = [(r, c) for r in range(-5, 6) for c in range(-5, 6)]
    row, column = max(whole, key=lambda s: score(np.roll(ours, s, (0, 1))))
    steps = np.arange(-0.75, 0.76, 0.25)
    shifts = [(row + r, column + c) for r in steps for c in steps]
    return max(score(ndimage.shift(ours, s, order=3, mode="nearest")) for s in shifts)
