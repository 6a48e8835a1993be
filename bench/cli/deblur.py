"""``python -m bench deblur``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench deblur photo.jpg -o sharp.png
  python -m bench deblur night.tif --method dp --kernel-size 31 --noise 0.03 -o sharp.png
  python -m bench deblur face64.png --class celeba --boundary circular -o sharp.png

Grey, RGBA and 16-bit images and colour profiles are converted, with a notice. The estimated kernel
is written beside the result, as OUT-kernel.png, scaled to its own maximum.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("photo", type=Path, help="a PNG, JPEG or TIFF")
    parser.add_argument("--method", default="dp", help="default: %(default)s")
    parser.add_argument("-o", "--out", type=Path, required=True, help="where the result goes")
    parser.add_argument(
        "--class", dest="image_class", default="natural", help="svhn, shoes, celeba or natural"
    )
    parser.add_argument(
        "--kernel-size", type=arguments.positive, default=25, help="pixels; default: %(default)s"
    )
    parser.add_argument(
        "--noise", type=float, default=0.01, help="standard deviation in [0, 1); default: 0.01"
    )
    parser.add_argument(
        "--boundary", choices=["free", "circular"], default="free", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="METHOD.KEY=VALUE")


def run(options: argparse.Namespace) -> int:
    """Read, restore, write."""
    from bench import api, photo
    from bench.errors import BenchError
    from bench.harness import plan
    from bench.physics.observation import Condition
    from bench.protocol import Task

    arguments.check_device(options.device)
    photo.check_writable(options.out, options.photo)
    specs = plan.parse_methods(options.method, options.set)
    if len(specs) != 1:
        raise BenchError(f"--method names {len(specs)} methods; give one.")
    Condition(options.noise)  # refuses a noise out of range
    observation, notices = photo.read_photo(options.photo)
    for notice in notices:
        print(f"bench: {options.photo}: {notice}.", file=sys.stderr)
    task = Task(
        image_class=options.image_class,
        image_size=(observation.shape[1], observation.shape[2]),
        channels=observation.shape[0],
        kernel_size=(options.kernel_size, options.kernel_size),
        noise=options.noise,
        boundary=options.boundary,
        device=options.device,
        seed=options.seed,
    )
    try:
        restoration = api.restore(observation, specs[0], task)
    except BenchError:
        raise
    except Exception as error:  # the method's own, possibly a third party's
        print(f"bench: {specs[0]} failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    photo.write_photo(options.out, restoration.image[0].cpu())
    print(f"Image:  {options.out}")
    if restoration.kernel is not None:
        kernel = restoration.kernel[:1].cpu()
        path = photo.kernel_path(options.out)
        photo.write_photo(path, kernel / kernel.max().clamp_min(1e-12))
        print(f"Kernel: {path}")
    return 0
