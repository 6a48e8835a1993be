"""``python -m bench deblur``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import arguments

if TYPE_CHECKING:
    from bench.photo.deblurring import Request

EXAMPLES = """\
examples:
  python -m bench deblur photo.jpg -o sharp.jpg
  python -m bench deblur *.jpg -o sharpened/
  python -m bench deblur night.tif --kernel-size 31 --noise 0.03 -o sharp.tif
  python -m bench deblur photo.jpg --method dp -o sharp.png
  python -m bench deblur face64.png --class celeba --boundary circular -o sharp.png

Without --kernel-size the size is searched, and without --noise the noise is measured. The methods
that estimate a kernel apart from the image, and so restore photographs of any size, are
sparse-edges, l0, dp, ep, oh and df; the last four measure the noise themselves, and --noise changes
nothing for them but which kernel size is found. Others get the photograph as a whole and may want
images of their class and size. What a photograph is written with (colour profile, alpha, 16 bits,
what the camera noted) is kept where the format of the result can. Beside OUT are written
OUT-kernel.png, scaled to its own maximum, and OUT-comparison.jpg.
Exit codes: 0 all restored (warnings are printed), 1 a method failed, 2 nothing could be done.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("photos", type=Path, nargs="+", help="PNG, JPEG or TIFF files")
    parser.add_argument(
        "--method",
        default="auto",
        help="a blind method's name; auto: sparse-edges, or one that has learned --class",
    )
    arguments.add_output(parser, help="the result; for several, a folder", required=True)
    parser.add_argument(
        "--class", dest="image_class", default="natural", help="svhn, shoes, celeba or natural"
    )
    parser.add_argument(
        "--kernel-size", type=arguments.positive, help="pixels; default: it is searched"
    )
    parser.add_argument(
        "--noise", type=float, help="standard deviation in [0, 1); default: it is measured"
    )
    parser.add_argument(
        "--boundary",
        choices=["free", "circular"],
        default="free",
        help="how the photograph ends; default: %(default)s",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of whatever the method draws")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, …; default: %(default)s")
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.add_argument(
        "--set", action="append", default=[], metavar="METHOD.KEY=VALUE", help="set a parameter"
    )


def run(options: argparse.Namespace) -> int:
    """Read, restore, write, one photograph after the other."""
    from bench.errors import BenchError
    from bench.harness import plan
    from bench.photo.deblurring import AUTOMATIC, Request
    from bench.photo.results import places, write_measures

    arguments.check_device(options.device)
    outs = places(options.photos, options.output)
    name, parameters = options.method, dict[str, bool | int | float | str]()
    if name != AUTOMATIC:
        specs = plan.parse_methods(name, options.set)
        if len(specs) != 1:
            raise BenchError(f"--method names {len(specs)} methods; give one.")
        name, parameters = specs[0].name, dict(specs[0].parameters)
    elif options.set:
        raise BenchError("--set needs a --method whose parameters it sets.")
    request = Request(
        name,
        parameters,
        options.kernel_size,
        options.noise,
        options.boundary,
        options.image_class,
        options.seed,
        options.device,
    )
    codes, rows = [], list[dict[str, object]]()
    for photo, out in zip(options.photos, outs, strict=True):
        try:
            codes.append(_restore(photo, out, request, options.quiet, rows))
        except BenchError as error:
            if len(outs) == 1:
                raise
            print(f"bench: {photo}: {error}", file=sys.stderr)
            codes.append(error.exit_code)
    if rows and outs != [options.output]:
        print(f"Measures without the truth: {write_measures(outs[0].parent, rows)}")
    return max(codes)


def _restore(
    photo: Path, out: Path, request: Request, quiet: bool, rows: list[dict[str, object]]
) -> int:
    from bench import api
    from bench.errors import BenchError
    from bench.photo.files import read_photograph
    from bench.photo.progress import Progress
    from bench.photo.results import measures, write

    before, notices = read_photograph(photo)
    _say(photo, notices)
    progress = Progress(photo.name, quiet)
    try:
        found = api.restore_photograph(before.image, request, progress)
    except BenchError:
        raise
    except Exception as error:  # the method's own, possibly a third party's
        print(f"bench: {request.method} failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        progress.clear()
    rows.append(measures(photo, before, found))
    written, lost = write(out, before, found)
    _say(photo, [*lost, *found.warnings])
    size = "" if found.kernel is None else f", kernel size {found.kernel.shape[-1]}"
    searched = f" (of {len(found.candidates)} tried)" if found.candidates else ""
    residual = f", residual {found.residual:.4f}" if found.residual == found.residual else ""
    print(f"Method: {found.method}{size}{searched}, noise {found.noise:.4f}{residual}")
    for label, path in written.items():
        print(f"{label + ':':7} {path}")
    return 0


def _say(photo: Path, notices: list[str]) -> None:
    for notice in notices:
        print(f"bench: {photo}: {notice}.", file=sys.stderr)
