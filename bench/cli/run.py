"""``python -m bench run``."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import arguments

if TYPE_CHECKING:
    from bench.plan import Chunk, Refusal
    from bench.protocol import Dataset

DEFAULT_METHODS = "blurry,dd,dds,dp,known-kernel"
DEFAULT_DATASETS = "photos,*-samples"
DEFAULT_IMAGES = 6
"""The embedded default: needs no data and takes a few minutes."""
DEFAULT_FOLDER = Path("runs/default")
EXAMPLES = """\
examples:
  python -m bench run
  python -m bench run --methods published-dd,published-dds --datasets svhn,shoes,celeba
  python -m bench run --methods 'known-*' --datasets celeba --noise 0.01,0.04,0.1 --out runs/noise
  python -m bench run --methods dp --datasets svhn --images 10 --workers 1
  python -m bench run --gallery 12                     adds thumbnails to a finished run

A run that was stopped, by Ctrl-C or worse, goes on from where it was when the same command is given
again; cells that failed are tried again. Exit codes: 0 all well, 1 some cells failed or could not
run, 2 nothing was run, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--methods", default=DEFAULT_METHODS, help="names or patterns, by commas")
    parser.add_argument(
        "--datasets",
        help="names or patterns, by commas; default: the embedded sets, the first 6 images of each",
    )
    parser.add_argument(
        "--images", type=arguments.positive, metavar="N", help="only the first N of each"
    )
    parser.add_argument(
        "--noise",
        type=arguments.numbers,
        default=[0.01],
        help="standard deviations in [0, 1), by commas",
    )
    parser.add_argument(
        "--blur-length",
        type=arguments.integers,
        default=[None],
        help="fresh kernels of these lengths",
    )
    parser.add_argument("--seed", type=arguments.integers, default=[0], help="seeds, by commas")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, …; default: %(default)s")
    parser.add_argument(
        "--workers", type=arguments.positive, metavar="N", help="processes; default: cores"
    )
    parser.add_argument(
        "--time-limit",
        type=arguments.seconds,
        default=600.0,
        metavar="S",
        help="seconds a cell may take",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="METHOD.KEY=VALUE", help="set a parameter"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_FOLDER, help="results folder")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep what the folder already has; --no-resume computes it anew",
    )
    parser.add_argument(
        "--gallery",
        type=arguments.natural,
        default=0,
        metavar="N",
        help="also write thumbnails of N images per dataset for the HTML page; default: none",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Run, score, and write scores, table, sheets and provenance."""
    from bench import contact_sheet, gallery, plan, provenance, runner, scores, tables
    from bench.errors import BenchError
    from bench.files import write_atomically
    from bench.observation import Condition
    from bench.registry import DATASETS
    from bench.store import Store

    arguments.check_device(options.device)
    if options.gallery:
        gallery.check_count(options.gallery)
    if options.datasets is None:
        options.datasets, options.images = DEFAULT_DATASETS, options.images or DEFAULT_IMAGES
    methods = plan.parse_methods(options.methods, options.set)
    datasets = {name: plan.load_dataset(name) for name in DATASETS.select(options.datasets)}
    conditions = [
        Condition(noise, length, seed)
        for noise, length, seed in itertools.product(
            options.noise, options.blur_length, options.seed
        )
    ]
    laid_out = list(
        plan.plan(methods, list(datasets.values()), conditions, options.images, options.device)
    )
    workers = options.workers or (runner.available_cores() if options.device == "cpu" else 1)
    origin = provenance.collect(
        {
            "methods": [str(method) for method in methods],
            "datasets": list(datasets),
            "conditions": [str(condition) for condition in conditions],
            "seeds": options.seed,
            "images": options.images,
            "device": options.device,
            "workers": workers,
            "threads_per_worker": max(1, runner.available_cores() // workers),
            "assets": checksums(laid_out),
            "metric_versions": scores.VERSION,
        }
    )

    def open_dataset(name: str) -> Dataset:
        if name not in datasets:
            datasets[name] = plan.load_dataset(name)
        return datasets[name]

    with Store(options.out) as store:
        if not options.resume:
            store.forget(cell for item in laid_out for cell in item.cells)
        summary = runner.run(laid_out, store, workers, options.time_limit, not options.quiet)
        frame = scores.collect(store, open_dataset, not options.quiet)
        scores.write(frame, options.out / "scores.csv")
        table = tables.markdown(frame)
        write_atomically(options.out / "table.md", table)
        sheets = contact_sheet.write_sheets(store, open_dataset, options.out / "sheets")
        if options.gallery:
            gallery.write_gallery(store, open_dataset, options.out / "gallery", options.gallery)
        provenance.append(options.out, origin)
    print(table)
    print(f"Scores: {options.out / 'scores.csv'}\nTable:  {options.out / 'table.md'}")
    for sheet in sheets:
        print(f"Sheet:  {sheet}")
    if options.gallery:
        print(f"Gallery: {options.out / 'gallery'}")
    for (method, status, reason), count in summary.reasons.items():
        print(f"bench: {method}: {count} {status}: {reason}", file=sys.stderr)
    if not summary.complete:
        print("bench: the same command tries those cells again.", file=sys.stderr)
    if not summary.cells:
        raise BenchError("There was nothing to run.")
    return 0 if summary.complete else 1


def checksums(laid_out: Iterable[Chunk | Refusal]) -> dict[str, dict[str, str]]:
    """Checksums of the weights and tuned files that each method used."""
    return {
        str(cell.method): dict(cell.identity["assets"])
        for item in laid_out
        for cell in item.cells[:1]
        if cell.identity["assets"]
    }
