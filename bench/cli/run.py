"""``python -m bench run``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import arguments

if TYPE_CHECKING:
    from bench.harness.session import Part, Session

DEFAULT_METHODS = "blurry,dd,dds,dp,known-kernel"
DEFAULT_DATASETS = "photos,svhn-samples,shoes-samples,celeba-samples"
DEFAULT_IMAGES = 6
"""The embedded default: needs no data and takes a few minutes."""
DEFAULT_FOLDER = Path("runs/default")
QUICK_METHODS = "blurry,kernel-net,unet,known-kernel"
"""Feed-forward networks and deconvolution: half a minute with all that is around them."""
QUICK_DATASETS = "celeba-samples"
QUICK_FOLDER = Path("runs/quick")
EXAMPLES = """\
examples:
  python -m bench run
  python -m bench run --quick                         half a minute: what a run looks like
  python -m bench run --methods published-dd,published-dds --datasets svhn,shoes,celeba
  python -m bench run -m 'known-*' -d celeba --noise 1%,4%,10% -o runs/noise
  python -m bench run study.toml --images 4           options from a file; the command line wins
  python -m bench run study.toml --dry-run            cells, cost and what is missing; runs nothing
  python -m bench run --methods dp --datasets svhn --images 10 --workers 1
  python -m bench run --methods dp,known-kernel --datasets folder:pictures --kernels levin

A run that was stopped, by Ctrl-C or worse, goes on from where it was when the same command is given
again; cells that failed are tried again. Exit codes: 0 all well, 1 some cells failed or could not
run, 2 nothing was run, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", nargs="?", type=Path, metavar="RUN.toml", help="options by name")
    parser.add_argument("-m", "--methods", help="names or patterns, by commas")
    parser.add_argument(
        "-d",
        "--datasets",
        help="names or patterns, by commas; default: the embedded sets, the first 6 images of each",
    )
    parser.add_argument(
        "-n", "--images", type=arguments.positive, metavar="N", help="only the first N of each"
    )
    parser.add_argument(
        "--noise",
        type=arguments.numbers,
        default=[0.01],
        help="standard deviations in [0, 1) or in percent of 1, by commas",
    )
    parser.add_argument(
        "--blur-length",
        type=arguments.integers,
        default=[None],
        help="fresh kernels of these lengths",
    )
    parser.add_argument(
        "--kernel-size-bound",
        type=arguments.numbers,
        default=[1.0],
        metavar="B",
        help="tell methods B times the kernel's size, as if it were not known; by commas",
    )
    parser.add_argument("--seed", type=arguments.integers, default=[0], help="seeds, by commas")
    arguments.add_own_data(parser)
    arguments.add_execution(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="METHOD.KEY=VALUE", help="set a parameter"
    )
    arguments.add_output(parser)
    parser.add_argument("--quick", action="store_true", help="four images, methods of a second")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and no more")
    arguments.add_json(parser)
    parser.add_argument(
        "--gallery", action=arguments.Renamed, new="'bench report'", dest="gallery",
        type=arguments.natural, default=0,
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run, score, and write scores, table, sheets and provenance."""
    from bench.harness.session import Part, execute
    from bench.registry import DATASETS, KERNELS, METHODS
    from bench.report import gallery

    parallel = arguments.parallel(options)
    if options.gallery:
        gallery.check_count(options.gallery)
    _fill_in(options)
    part = Part.crossed(
        options.methods,
        arguments.datasets(options),
        noises=options.noise,
        blur_lengths=options.blur_length,
        seeds=options.seed,
        bounds=options.kernel_size_bound,
        images=options.images,
        settings=options.set,
    )
    for registry in (METHODS, DATASETS, KERNELS):
        for advice in registry.collisions.values():
            print(f"bench: {advice}", file=sys.stderr)
    if options.dry_run:
        print(_forecast(part, options))
        return 0
    session = execute(
        [part],
        options.output,
        device=options.device,
        workers=options.workers,
        parallel=parallel,
        time_limit=options.time_limit,
        resume=options.resume,
        quiet=options.quiet,
        gallery_images=options.gallery,
    )
    return report(session, options.output, options.json)


def _fill_in(options: argparse.Namespace) -> None:
    """Choose what was not said."""
    if options.quick:
        options.methods = options.methods or QUICK_METHODS
        options.datasets, options.images = options.datasets or QUICK_DATASETS, options.images or 4
        options.output = options.output or QUICK_FOLDER
    options.methods = options.methods or DEFAULT_METHODS
    options.output = options.output or DEFAULT_FOLDER
    if options.datasets is None:
        options.datasets, options.images = DEFAULT_DATASETS, options.images or DEFAULT_IMAGES


def _forecast(part: Part, options: argparse.Namespace) -> str:
    """Say what a run would compute, and what is missing."""
    from bench.harness.forecast import forecast
    from bench.text import dump

    found = forecast(part, options.output, options.device, options.workers, options.resume)
    return dump(dataclasses.asdict(found)) if options.json else str(found)


def report(session: Session, out: Path, as_json: bool = False) -> int:
    """Print what a run left behind; the exit code says whether all of it is there."""
    from bench.report import printed

    if as_json:
        print(printed.as_json(session.frame))
    else:
        print(printed.text(session.frame))
        print(f"\nScores: {out / 'scores.csv'}\nTable:  {out / 'table.md'}")
        for sheet in session.sheets:
            print(f"Sheet:  {sheet}")
        if session.gallery:
            print(f"Gallery: {session.gallery.parent}")
    for (method, status, reason), count in session.summary.reasons.items():
        print(f"bench: {method}: {count} {status}: {reason}", file=sys.stderr)
    for name, reason in session.summary.left_out.items():
        print(f"bench: the dataset {name} is left out: {reason}", file=sys.stderr)
    if not session.summary.complete:
        print("bench: the same command tries those cells again.", file=sys.stderr)
    return 0 if session.summary.complete else 1
