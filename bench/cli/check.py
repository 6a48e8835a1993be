"""``python -m bench check``."""

from __future__ import annotations

import argparse

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench check                     every method, two images of each of three sets
  python -m bench check --methods 'd*'
  python -m bench check --update            write results/reference.csv anew
  python -m bench check --update --methods cnn,unet      only their lines

Exit code 1 if a method's mean PSNR fell by more than its tolerance, or it no longer runs. Whoever
updates the reference says why in CHANGELOG.md, with the digits that --update prints.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--methods", default="*", help="names or patterns, by commas")
    parser.add_argument("--update", action="store_true", help="write the reference anew")
    parser.add_argument(
        "--workers", type=arguments.positive, metavar="N", help="processes; default: cores"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Check, or update the reference."""
    import hashlib

    from bench import check

    if options.update:
        frame = check.update(options.methods, options.workers, options.quiet)
        digits = hashlib.sha256(check.REFERENCE.read_bytes()).hexdigest()[:8]
        print(f"{len(frame)} lines written to {check.REFERENCE}; CHANGELOG.md must name {digits}.")
        return 0
    findings = check.check(options.methods, options.workers, options.quiet)
    fallen = [finding for finding in findings if not finding.ok]
    for finding in findings:
        print(("fell  " if finding in fallen else "ok    ") + str(finding))
    print(f"{len(findings) - len(fallen)} of {len(findings)} hold.")
    return int(bool(fallen))
