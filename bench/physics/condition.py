"""What is varied over a data set, and what a data set says of how its observations are made."""

from __future__ import annotations

import dataclasses
from typing import get_args, get_type_hints

from bench.errors import InvalidInput
from bench.protocol import Dataset, Formation, NoiseModel

NOISE_KINDS = get_args(get_type_hints(NoiseModel)["kind"])


@dataclasses.dataclass(frozen=True, order=True)
class Condition:
    """What is varied over a dataset.

    Attributes
    ----------
    noise : float or None
        Standard deviation of the noise in units of the image range [0, 1]; None where nobody knows
        it, and methods are told an estimate.
    blur_length : int or None
        Blur every image with fresh kernels of this trajectory length, in pixels; None keeps the
        dataset's own kernels. Kernels are 28×28 as in the paper, and longer ones on the smallest
        odd grid that holds every walk.
    seed : int
        Seeds the noise, fresh kernels, outliers and whatever a method draws.
    outliers : float
        Share of the pixels that say nothing of the image: each is black or white, in all channels.
        No method is told of them.
    gain : float
        Exposure: the blurred image times the gain is clipped at 1, as by a saturated sensor, and
        so is the image that restorations are compared with. 1 saturates nothing.
    bound : float
        Methods are told this many times the kernel's size, on an odd grid, as who does not know it
        would guess. 1 tells the size itself.
    """

    noise: float | None = 0.01
    blur_length: int | None = None
    seed: int = 0
    outliers: float = 0.0
    gain: float = 1.0
    bound: float = 1.0

    def __post_init__(self) -> None:
        # Seeds hang on how it is written: NumPy's 0.1, the integer 0 and −0 are 0.1 and 0.0.
        if self.noise is not None:
            object.__setattr__(self, "noise", float(self.noise) + 0.0)
        if self.noise is not None and not 0 <= self.noise < 1:
            raise InvalidInput(
                f"The noise is {self.noise:g}; give a standard deviation in [0, 1), "
                "such as 0.01 for 1 %."
            )
        if self.blur_length is not None and self.blur_length < 1:
            raise InvalidInput(
                f"The blur length is {self.blur_length}; give a whole number of pixels from 1."
            )
        object.__setattr__(self, "outliers", float(self.outliers) + 0.0)
        object.__setattr__(self, "gain", float(self.gain))
        if not 0 <= self.outliers < 1:
            raise InvalidInput(
                f"The share of outliers is {self.outliers:g}; give one in [0, 1), such as 0.05."
            )
        if not 1 <= self.gain <= 100:
            raise InvalidInput(f"The gain is {self.gain:g}; give 1 (none) to 100.")
        object.__setattr__(self, "bound", float(self.bound))
        if not 1 <= self.bound <= 4:
            raise InvalidInput(
                f"The bound of the kernel size is {self.bound:g}; give 1 (the size) to 4 times it."
            )

    def __str__(self) -> str:
        length = "" if self.blur_length is None else f", blur length {self.blur_length}"
        disturbed = "".join(f", {name} {value:g}" for name, value in self.disturbance().items())
        noise = "unknown" if self.noise is None else f"{self.noise:g}"
        bound = "" if self.bound == 1 else f", kernel size bound {self.bound:g}"
        return f"noise {noise}{length}{disturbed}{bound}, seed {self.seed}"

    def disturbance(self) -> dict[str, float]:
        """Return outliers and gain by name, where there are any; without, a cell has none."""
        usual = {"outliers": 0.0, "gain": 1.0}
        return {k: getattr(self, k) for k, none in usual.items() if getattr(self, k) != none}


def effective(condition: Condition, dataset: Dataset) -> Condition:
    """Return the condition that holds for a dataset.

    A dataset with a noise of its own, given with its observations or by its published model, has
    that noise, whatever was asked for.

    Raises
    ------
    InvalidInput
        If a blur length is asked of such a dataset, or it declares what cannot be simulated.
    """
    check_formation(dataset)
    if dataset.noise is None and not dataset.noise_unknown:
        return condition
    if condition.blur_length is not None or condition.disturbance():
        varied = "blur length" if condition.blur_length is not None else "outliers or gain"
        raise InvalidInput(
            f"The dataset {dataset.name!r} has observations of its own, by real blur or by a "
            f"published model; it has no {varied} to vary. Leave it out of this sweep."
        )
    if dataset.noise_unknown and condition.noise not in (None, Condition().noise):
        raise InvalidInput(
            f"The dataset {dataset.name!r} has observations of its own whose noise nobody knows; "
            "there is none to vary. Leave out --noise, or the set."
        )
    return dataclasses.replace(condition, noise=None if dataset.noise_unknown else dataset.noise)


def check_formation(dataset: Dataset) -> None:
    """Refuse a dataset that declares its observations to be made as nothing here can make them.

    Raises
    ------
    InvalidInput
        Naming the dataset, what it declares and what there is.
    """
    model, bits = dataset.noise_model, dataset.bits
    if dataset.boundary not in get_args(Formation):
        wrong = f"boundary = {dataset.boundary!r}; there are {', '.join(get_args(Formation))}"
    elif model.kind not in NOISE_KINDS:
        wrong = f"noise of the kind {model.kind!r}; there are {', '.join(NOISE_KINDS)}"
    elif model.kind == "uniform" and not 0 < model.width < 1:
        wrong = f"uniform noise of width {model.width:g}; give one between 0 and 1"
    elif model.kind != "gaussian" and dataset.noise is None:
        wrong = f"noise of the kind {model.kind!r} and no noise level to tell methods"
    elif bits is not None and not 1 <= bits <= 16:
        wrong = f"bits = {bits}; give 1 to 16, or None for no rounding"
    else:
        return
    raise InvalidInput(f"The dataset {dataset.name!r} declares {wrong}.")


def formation(dataset: Dataset) -> dict[str, object]:
    """Return what identifies how a dataset's observations are made, apart from the sample itself.

    Nothing for the paper's way, so that its cells keep their identity, nor where observations are
    given: they are part of the sample.
    """
    made = {
        "boundary": dataset.boundary,
        "noise": dataclasses.asdict(dataset.noise_model),
        "bits": dataset.bits,
    }
    usual = {"boundary": "circular", "noise": dataclasses.asdict(NoiseModel()), "bits": None}
    return {} if made == usual or dataset.boundary == "free" else {"formation": made}
