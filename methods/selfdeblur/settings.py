"""How long and how fast the networks are fitted: as published, and as two cores can."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the fit depends on; the defaults are the authors' for Levin's photographs.

    Attributes
    ----------
    channels, skips, attentive
        Of the image network; see :class:`~bench.methods.selfdeblur.networks.ImageNetwork`.
    steps : int
        Of Adam, on both networks at once.
    squares : float
        Share of the steps, the first ones, that go down the mean squared error; the rest go up the
        structural similarity.
    image_rate, kernel_rate : float
        Learning rates of the two networks.
    halvings : tuple of float
        Shares of the steps after which both are halved.
    code : float
        Both networks' inputs are uniform on [0, code].
    jitter : float
        Standard deviation of the noise that is added to the image network's input at every step.
    window : int
        Least side of the window, in pixels, that the networks are fitted to; 0 takes all there is.
    held : float
        Share of the steps, the first ones, that leave a kernel that is begun at as it is, until
        there is an image.
    spread : float
        Share of such a kernel that is spread over its grid.
    floor : float
        Kernel values below this share of the largest go in the end, and connected pieces below this
        share of the mass; 0 keeps all.
    """

    channels: tuple[int, ...] = (128,) * 5
    skips: int = 16
    attentive: int = 2
    steps: int = 5000
    squares: float = 0.2
    image_rate: float = 0.01
    kernel_rate: float = 1e-4
    halvings: tuple[float, ...] = (0.4, 0.6, 0.8)
    code: float = 0.1
    jitter: float = 0.001
    window: int = 0
    held: float = 0.0
    spread: float = 0.1
    floor: float = 0.0


PUBLISHED = Settings()
FAST = Settings(
    channels=(8, 16, 32, 64, 64),
    skips=8,
    attentive=5,
    steps=500,
    image_rate=0.02,
    kernel_rate=3e-3,
    window=256,
    held=0.2,
    spread=0.02,
    floor=0.05,
)
