"""Parsers and checks that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.harness.parallel import Parallel


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from 1")
    return value


def natural(text: str) -> int:
    """Parse a whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from 0")
    return value


def seconds(text: str) -> float:
    """Parse a positive duration."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value


def numbers(text: str) -> list[float]:
    """Parse numbers between commas; a percent sign divides by a hundred.

    Examples
    --------
    >>> numbers("0.02,1%,4 %")
    [0.02, 0.01, 0.04]
    """
    return [_number(part.strip()) for part in text.split(",")]


def _number(text: str) -> float:
    if text.endswith("%"):
        return float(format(float(text[:-1]) / 100, ".12g"))
    return float(text)


def integers(text: str) -> list[int]:
    """Parse whole numbers between commas."""
    return [int(part) for part in text.split(",")]


class Renamed(argparse.Action):
    """An option with an old name: it still works for one version, and says what it is called now.

    Parameters
    ----------
    new : str
        Today's name; the option has it, or is the old name alone and is not shown in the help.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, *, new: str, **how: Any) -> None:
        if new not in option_strings:
            how["help"] = argparse.SUPPRESS
        super().__init__(option_strings, dest, **how)
        self.new, self.old = new, option_strings[-1]

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value under the new name."""
        if option_string == self.old:
            print(
                f"bench: {self.old} is called {self.new} now; the old name goes with the next "
                "version.",
                file=sys.stderr,
            )
        setattr(namespace, self.dest, values)


def add_output(
    parser: argparse.ArgumentParser,
    default: Path | None = None,
    help: str = "results folder",
    required: bool = False,
) -> None:
    """Declare where a command writes to."""
    parser.add_argument(
        "-o", "--output", "--out", action=Renamed, new="--output", type=Path, default=default,
        required=required, metavar="PATH", help=f"{help}; default: {default}" if default else help,
    )  # fmt: skip


def parallel(options: argparse.Namespace) -> Parallel | None:
    """Read where to compute, and refuse a device that is not here if that is here."""
    from bench.harness.parallel import read

    found = None if options.parallel_config is None else read(options.parallel_config)
    if found is None or found.backend == "local":
        check_device(options.device)
    return found


def add_old_names(parser: argparse.ArgumentParser) -> None:
    """Declare the names that ``--datasets`` and ``--methods`` had where they choose."""
    for old, new in (("--dataset", "--datasets"), ("--method", "--methods")):
        parser.add_argument(old, action=Renamed, new=new, dest=new[2:], default=argparse.SUPPRESS)


def add_json(parser: argparse._ActionsContainer) -> None:
    """Declare that a program reads the answer."""
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def check_device(device: str) -> None:
    """Refuse a device that is not here."""
    import torch

    from bench.errors import BenchError

    try:
        torch.zeros(1, device=device)
    except Exception as error:
        raise BenchError(
            f"The device {device!r} cannot be used here; give --device cpu."
        ) from error


def add_own_data(parser: argparse.ArgumentParser) -> None:
    """Declare how images of a folder of one's own are blurred."""
    group = parser.add_argument_group("data of your own (folder:PATH)")
    group.add_argument(
        "--class", help="class of the images, if a prior fits them: svhn, shoes, celeba"
    )
    group.add_argument("--kernels", help="motion (default), levin, folder:PATH or a plugin's")
    group.add_argument("--boundary", help="valid (default), circular or replicate")
    group.add_argument(
        "--kernel-size",
        type=positive,
        help="size that methods are told of photographs that are blurred already; default: 31",
    )
    group.add_argument("--bits", type=positive, help="round observations to so many bits")
    group.add_argument("--truth", help="unknown: the photographs are blurred, with no sharp ones")


OWN_DATA = ("class", "kernels", "boundary", "bits", "kernel_size", "truth")


def datasets(options: argparse.Namespace) -> list[str]:
    """Expand ``--datasets``, with the options for data of one's own."""
    from bench.registry import DATASETS

    own = {key: getattr(options, key) for key in OWN_DATA}
    return DATASETS.with_options(DATASETS.select(options.datasets), own)


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Declare how a run is carried out."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda, …; default: %(default)s")
    parser.add_argument(
        "-j", "--workers", type=positive, metavar="N", help="processes; default: cores"
    )
    parser.add_argument(
        "--parallel-config",
        type=Path,
        metavar="FILE",
        help="where to compute: local, dask or submitit, in YAML or TOML (docs/cluster.md)",
    )
    parser.add_argument(
        "--time-limit",
        type=seconds,
        default=600.0,
        metavar="S",
        help="seconds a cell may take",
    )
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep what the folder already has; --no-resume computes it again",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
