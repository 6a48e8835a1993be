"""``python -m bench score``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench export shoes observations/shoes
  (restore observations/shoes/*.png elsewhere, into restored/ with a copy of manifest.json)
  python -m bench score restored --name my-method --origin 'A. Author, MATLAB R2026a'
  python -m bench score restored --name my-method -o results/record     beside the others
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder", type=Path, help="folder of NAME.png and, if there are, NAME_kernel.png"
    )
    parser.add_argument("--name", required=True, help="name of the row in the table")
    parser.add_argument("--origin", default="", help="who made them, where, with what")
    parser.add_argument(
        "--manifest", type=Path, help="the export's manifest; default: FOLDER/manifest.json"
    )
    arguments.add_output(parser, Path("runs/scored"))


def run(options: argparse.Namespace) -> int:
    """Record and score a folder of restored images."""
    from bench.files import write_atomically
    from bench.harness import exchange, provenance, scores
    from bench.harness.names import check_method_name, check_text, presentable
    from bench.harness.session import Datasets
    from bench.harness.store import Store
    from bench.report import printed, tables

    check_method_name(options.name)
    check_text(options.origin, "--origin")
    manifest = exchange.read_manifest(options.manifest or options.folder / exchange.MANIFEST)
    datasets = Datasets()
    dataset = datasets(manifest["dataset"])
    origin = options.origin or presentable(f"scored from {options.folder.resolve().name}")
    found = exchange.outcomes(options.folder, manifest, dataset, options.name, origin, _say)
    entry = provenance.collect(
        {"scored": options.name, "origin": origin, "manifest": manifest["condition"]}
    )
    with Store(options.output, invocation=entry["invocation"]) as store:
        provenance.begin(options.output, entry, store.invocations())
        store.expect(outcome.cell for outcome in found)
        store.record(found)
        collected = scores.collect(store, datasets, progress=False)
        lacking = scores.lacking(collected, (outcome.cell for outcome in found))
        frame = scores.update(collected, options.output)
        table = tables.markdown(frame)
        write_atomically(options.output / "table.md", table)
        provenance.finish(options.output, entry)
    print(printed.text(frame[frame["method"] == options.name], wide=True, prior=True))
    print(f"Scores: {options.output / 'scores.csv'}\nTable:  {options.output / 'table.md'}")
    for (_, status, reason), count in lacking.items():
        print(f"bench: {options.name}: {count} {status}: {reason}", file=sys.stderr)
    return int(bool(lacking))


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr)
