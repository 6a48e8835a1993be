"""The command line: one module per command, each with ``add_parser`` and ``run``."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import select
import sys
from collections.abc import Sequence

from bench import __version__
from bench.cli.parser import Parser
from bench.errors import BenchError

COMMANDS = {
    "run": "measure methods on datasets and print a table",
    "sweep": "measure methods against noise, blur length, outliers or kernel size",
    "table": "print the table of a finished or unfinished run",
    "report": "make the tables, figures and the page of a run, the paper's or the natural track's",
    "check": "hold every method against the reference: the gate",
    "compare": "show what differs significantly between two results folders",
    "merge": "make one results folder from two",
    "export": "write observations for restoring elsewhere",
    "publish": "write a results folder as Parquet files with a dataset card",
    "score": "score images restored elsewhere",
    "decompose": "measure what each method loses to its kernel and to its non-blind step",
    "realign": "score restorations without their alignment, and with parts of it",
    "explain": "show what every restart found for one image",
    "list": "show methods, what each knows, and datasets",
    "data": "show what data is here, or fetch the published test images",
    "doctor": "check Octave, packages, weights and data, and say what to do",
    "selftest": "run the tests of a clone, those that take hours too",
    "deblur": "restore a photograph of your own",
    "train": "train a model by its recipe",
    "tune": "find parameters on splits of the training data",
    "benchmark": "time parts of the project, or measure them",
    "import-weights": "convert the authors' Keras weights of a generator",
}
EXAMPLES = """\
examples:
  python -m bench run                                  the embedded default: needs no data
  python -m bench run --methods dp,known-kernel --datasets shoes,celeba --images 20
  python -m bench data fetch                           get the published test images
  python -m bench deblur photo.jpg --method dp -o sharp.png
  python -m bench COMMAND --help                       more on a command, with examples
"""
OK, BROKEN, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0; 1 if some cells failed or something broke; 2 if what was asked for makes no sense or
        needs what is not here; 130 after Ctrl-C.
    """
    _print_whatever_comes()
    try:
        given = sys.argv[1:] if arguments is None else [*arguments]
        options = _parser(given).parse_args(_with_settings(given))
        code = int(options.run(options))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("bench: stopped; what was recorded is safe.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError as error:
        if not _reader_has_left():
            print(f"bench: A pipe broke that was not the output's ({error}).", file=sys.stderr)
            return BROKEN
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # as `| head` does
        return OK


def _with_settings(given: Sequence[str]) -> list[str]:
    """Read the TOML file that describes a run, if one is named."""
    if not given or given[0] != "run":
        return [*given]
    from bench.cli import run, settings

    parser = Parser()
    run.add_arguments(parser)
    return ["run", *settings.expand(parser, given[1:])]


def _print_whatever_comes() -> None:
    """Have characters that the terminal cannot show escaped rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _reader_has_left() -> bool:
    """Return whether standard output is a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return bool(poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _parser(given: Sequence[str]) -> Parser:
    """Build the parser; of a command that is not asked for, only its one line."""
    parser = Parser(
        prog="python -m bench",
        description="Measure blind image deblurring, honestly.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name, purpose in COMMANDS.items():
        if name not in given:
            commands.add_parser(name, help=purpose)
            continue
        module = importlib.import_module(f"bench.cli.{name.replace('-', '_')}")
        command = commands.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
