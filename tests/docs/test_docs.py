"""The documentation: its commands exist, its example runs, the site builds with sound links."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench import cli
from tests.conftest import ROOT, Bench

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands(page: Path) -> list[str]:
    """Every ``python -m bench …`` of a page's shell blocks, without comments."""
    lines = (line for block in SHELL.findall(page.read_text()) for line in block.splitlines())
    return [line for line in lines if re.match(r"(\w+=\S+ )?python -m bench ", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_a_page_is_one_that_there_is(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        given = words[words.index("bench") + 1 :]
        cli._parser(given).parse_args(given)  # exits with 2 for an unknown command or option


def test_pages_have_commands_to_check() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 15


def test_the_example_of_a_data_set_runs_as_it_is_written(bench: Bench) -> None:
    text = (ROOT / "docs" / "own-data.md").read_text()
    marked = text.partition("<!-- a test runs this example as it is written -->")[2]
    code = re.search(r"```python\n(.*?)```", marked, re.DOTALL)
    points = re.search(r'bench.datasets"\]\n(\w+) = "(.*?)"', text)
    assert code
    assert points
    plugin = bench.folder / "plugin"
    info = plugin / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (plugin / "mine.py").write_text(code[1])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bench.datasets]\n{points[1]} = {points[2]}\n")
    bench.find(plugin)
    done = bench("run", "--methods", "blurry,known-kernel", "--datasets", "coins", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "coins, noise" in done.stdout


def test_the_site_builds_and_its_links_hold(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site needs the docs extra: pip install -e '.[docs]'")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    done = subprocess.run(
        build, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "index.html").read_text()
    loaded = re.findall(r'(?:<script[^>]* src|<link[^>]* href)="(https?:[^"]*)"', page)
    assert not loaded, "the site needs no network"
