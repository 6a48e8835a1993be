"""The forward model ``y = clip(x ⊗ k + n, 0, 1)`` of the paper (equation 1).

``⊗`` is a convolution, circular in the paper, each channel with the same kernel; photographs have
other boundaries. On a kernel grid of size ``k`` the origin is pixel ``k // 2``: pixel (14, 14) of
the published 28×28 kernels. All functions are batched and run on the device of their inputs; the
transfer function of a kernel (:func:`transfer_function`) can be computed once and used for many
images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.protocol import Boundary, Formation


def transfer_function(kernel: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Fourier transform of kernels, zero-padded to the image size with the origin at (0, 0).

    Parameters
    ----------
    kernel : Tensor, shape (..., kh, kw)
        Blur kernels; the origin is pixel ``(kh // 2, kw // 2)``.
    image_size : (int, int)
        Height and width of the images, each at least the kernel's.

    Returns
    -------
    Tensor, complex, shape (..., H, W // 2 + 1)
        The half spectrum that ``torch.fft.rfft2`` gives.

    Raises
    ------
    InvalidInput
        If the kernel is larger than the image.
    """
    height, width = image_size
    kh, kw = kernel.shape[-2:]
    if kh > height or kw > width:
        raise InvalidInput(
            f"A kernel of {kh}×{kw} pixels does not fit an image of {height}×{width}; "
            "use a smaller kernel or a larger image."
        )
    padded = torch.nn.functional.pad(kernel, (0, width - kw, 0, height - kh))
    return torch.fft.rfft2(padded.roll((-(kh // 2), -(kw // 2)), (-2, -1)))


def apply_transfer(image: Tensor, transfer: Tensor) -> Tensor:
    """Filter images with a transfer function; leading dimensions broadcast.

    Parameters
    ----------
    image : Tensor, shape (..., H, W)
    transfer : Tensor, complex, shape (..., H, W // 2 + 1)

    Returns
    -------
    Tensor, shape (..., H, W)
    """
    return torch.fft.irfft2(torch.fft.rfft2(image) * transfer, s=image.shape[-2:])


def blur(image: Tensor, kernel: Tensor, boundary: Formation = "circular") -> Tensor:
    """Convolution ``x ⊗ k`` in the published centring.

    Parameters
    ----------
    image : Tensor, shape (N, C, H, W)
    kernel : Tensor, shape (N, kh, kw) or (kh, kw)
    boundary : {"circular", "valid", "replicate", "padded"}
        ``valid`` keeps the pixels that the image alone determines; ``replicate`` continues the
        image with the pixels of its border; ``padded`` is ``valid`` of the image in a frame of
        zeros one pixel wide, PyTorch's ``conv2d`` with ``padding=1`` and the kernel turned.

    Returns
    -------
    Tensor, shape (N, C, H, W), or (N, C, H - kh + 1, W - kw + 1) where ``valid``, and two pixels
    more each way where ``padded``

    Raises
    ------
    InvalidInput
        If the kernel is larger than the image, or the boundary is none of these.
    """
    if boundary == "circular":
        return apply_transfer(image, transfer_function(kernel, _size(image)).unsqueeze(-3))
    kh, kw = kernel.shape[-2:]
    if boundary == "valid":
        return valid_part(blur(image, kernel), (kh, kw))
    if boundary == "replicate":
        top, left = _margin(kh), _margin(kw)
        beyond = (left, kw - 1 - left, top, kh - 1 - top)
        return blur(torch.nn.functional.pad(image, beyond, mode="replicate"), kernel, "valid")
    if boundary == "padded":
        return blur(torch.nn.functional.pad(image, (1, 1, 1, 1)), kernel, "valid")
    raise InvalidInput(
        f"Nothing can be blurred with the boundary {boundary!r}; "
        "there are circular, valid, replicate and padded."
    )


def valid_part(image: Tensor, kernel_size: tuple[int, int]) -> Tensor:
    """Crop images to the pixels whose blur needs nothing from beyond the border.

    Parameters
    ----------
    image : Tensor, shape (..., H, W)
    kernel_size : (int, int)

    Returns
    -------
    Tensor, shape (..., H - kh + 1, W - kw + 1)
    """
    (height, width), (kh, kw) = _size(image), kernel_size
    top, left = _margin(kh), _margin(kw)
    return image[..., top : top + height - kh + 1, left : left + width - kw + 1]


def seen_part(image: Tensor, kernel_size: tuple[int, int], boundary: Formation) -> Tensor:
    """Crop images (..., H, W) to the pixels that :func:`blur` has an observation of."""
    if boundary == "padded":
        image = torch.nn.functional.pad(image, (1, 1, 1, 1))
    return valid_part(image, kernel_size) if boundary in ("valid", "padded") else image


def circular_residual(
    observation: Tensor, image: Tensor, kernel: Tensor, boundary: Boundary
) -> Tensor | None:
    """Return what a restoration leaves unexplained, or None where nobody knows what is beyond.

    Parameters
    ----------
    observation, image : Tensor, shape (N, C, H, W), in [0, 1]
    kernel : Tensor, shape (N, kh, kw)
    boundary : {"circular", "free"}

    Returns
    -------
    Tensor, shape (N,), or None
        Root mean square of ``y − x ⊗ k``; None for free boundaries.
    """
    if boundary != "circular":
        return None
    return (observation - blur(image, kernel)).square().mean((1, 2, 3)).sqrt()


def _margin(size: int) -> int:
    """Return pixels of a kernel after its origin: so many before an image's pixel have a part in
    it."""
    return size - 1 - size // 2


def _normal(shape: torch.Size, generator: torch.Generator) -> Tensor:
    # Type and device are said, since both have defaults that anybody's code may change.
    return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")


def add_noise(blurred: Tensor, sigma: float, generators: list[torch.Generator]) -> Tensor:
    """Add Gaussian noise and clip: ``clip(b + n, 0, 1)``, ``n ~ N(0, σ²)`` per pixel and channel.

    Parameters
    ----------
    blurred : Tensor, shape (N, C, H, W)
    sigma : float
        Standard deviation in units of the image range [0, 1]; "1 %" is 0.01.
    generators : list of torch.Generator, length N
        One CPU generator per image, so that an image's noise is its own.

    Returns
    -------
    Tensor, shape (N, C, H, W), in [0, 1]
    """
    noise = torch.stack([_normal(blurred.shape[1:], g) for g in generators])
    return (blurred + sigma * noise.to(blurred)).clamp(0, 1)


def add_uniform_noise(blurred: Tensor, width: float, generators: list[torch.Generator]) -> Tensor:
    """Add noise that is uniform on [0, width), and clip to [0, 1]; see :func:`add_noise`."""
    noise = torch.stack(
        [
            torch.rand(blurred.shape[1:], generator=g, dtype=torch.float64, device="cpu")
            for g in generators
        ]
    )
    return (blurred + width * noise.to(blurred)).clamp(0, 1)


def add_outliers(observation: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Make a share of the pixels black or white, in all channels.

    Parameters
    ----------
    observation : Tensor, shape (C, H, W)
    share : float
        Probability of each pixel to be an outlier, in [0, 1].
    generator : torch.Generator
        A CPU generator.

    Returns
    -------
    Tensor, shape (C, H, W)
    """
    drawn = torch.rand(observation.shape[-2:], generator=generator).to(observation.device)
    black_or_white = (drawn < share / 2).to(observation)
    return torch.where(drawn < share, black_or_white, observation)


def quantise(image: Tensor, bits: int) -> Tensor:
    """Round images in [0, 1] to the levels of so many bits."""
    levels = 2**bits - 1
    return (image * levels).round() / levels


def shift(array: Tensor, offset: Tensor) -> Tensor:
    """Shift the last two dimensions circularly by a fraction of a pixel (Fourier shift).

    Parameters
    ----------
    array : Tensor, shape (N, ..., H, W)
    offset : Tensor, shape (N, 2)
        Rows and columns in pixels; positive moves the content down and to the right.

    Returns
    -------
    Tensor, shape (N, ..., H, W)

    Notes
    -----
    The Nyquist frequency of an even length takes the real part of its phase, which keeps the
    result real and a whole-pixel shift exact.
    """
    height, width = _size(array)
    rows = torch.fft.fftfreq(height, device=array.device, dtype=array.dtype)
    cols = torch.fft.rfftfreq(width, device=array.device, dtype=array.dtype)
    phase_rows = torch.exp(-2j * torch.pi * offset[:, :1] * rows)
    phase_cols = torch.exp(-2j * torch.pi * offset[:, 1:] * cols)
    if height % 2 == 0:
        phase_rows[:, height // 2] = phase_rows[:, height // 2].real.to(phase_rows.dtype)
    if width % 2 == 0:
        phase_cols[:, -1] = phase_cols[:, -1].real.to(phase_cols.dtype)
    phase = phase_rows[:, :, None] * phase_cols[:, None, :]
    phase = phase.reshape(len(array), *[1] * (array.ndim - 3), height, width // 2 + 1)
    return apply_transfer(array, phase)


def _size(image: Tensor) -> tuple[int, int]:
    return int(image.shape[-2]), int(image.shape[-1])
