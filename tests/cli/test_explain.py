"""``python -m bench explain`` as a user sees it."""

from __future__ import annotations

from tests.conftest import Bench, picture

RUN = (
    "run",
    "--methods",
    "dd,dds,blurry",
    "--datasets",
    "svhn-samples",
    "--images",
    "1",
    "--quiet",
)
BRIEF = [
    item
    for method in ("dd", "dds")
    for key, value in (("restarts", 3), ("search_steps", 4), ("steps", 5))
    for item in ("--set", f"{method}.{key}={value}")
]


def test_restarts_of_an_image_are_tabled_and_drawn(bench: Bench) -> None:
    assert bench(*RUN, *BRIEF, "--output", "out").returncode == 0
    done = bench("explain", "out", "000", "--method", "dd[*")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| *") == 1  # one restart is kept
    assert "Selection regret:" in done.stdout
    assert "generator evaluations" in done.stdout
    sheet = picture(bench.folder / "out" / "explain-000.png")
    assert sheet.shape[1] > sheet.shape[0] > 100


def test_what_has_no_restarts_is_explained(bench: Bench) -> None:
    assert bench(*RUN, "--methods", "blurry", "--output", "out").returncode == 0
    done = bench("explain", "out", "000")
    assert done.returncode == 2
    assert "no finished cell of image '000'" in done.stderr
    assert "Traceback" not in done.stderr
