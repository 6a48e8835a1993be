"""The wheel: one import package, small, and no harm to distributions with other names."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

LARGEST = 3 * 2**20
STAND_INS = ("datasets", "methods", "utils")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site-packages folder with the wheel, beside another distribution's ``datasets``."""
    pytest.importorskip("setuptools", reason="building the wheel needs setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", clone], check=True)
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(clone)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    for name in STAND_INS:
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text(f"OWNER = 'somebody else, {name}'\n")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"bench"}
        archive.extractall(site)
    assert wheel.stat().st_size < LARGEST
    return site


def test_the_wheel_runs_beside_other_datasets_and_methods(installed: Path, tmp_path: Path) -> None:
    """Also from a folder that has its own ``datasets``, ``methods.py`` and ``bench.toml``."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "methods.py").write_text("raise SystemExit('mine')\n")
    (tmp_path / "bench.toml").write_text("mine = true\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "BENCH_WEIGHTS": str(tmp_path),
        "BENCH_CACHE": str(tmp_path / "cache"),
    }
    command = ["run", "--methods", "blurry,unet", "--datasets", "photos", "--images", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *command, "--quiet"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "\nblurry" in done.stdout, done.stderr
    code = "import datasets, methods, utils; print(datasets.OWNER, methods.OWNER, utils.OWNER)"
    owners = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert owners.stdout.count("somebody else") == len(STAND_INS)


def test_the_gate_outside_a_clone_says_what_it_could_not_check(
    installed: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "check", "--methods", "tv,evidence of svhn,cnn", "--quiet"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(installed), "BENCH_WEIGHTS": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("ok ") == 2  # tv, which needs no weights
    assert "6 could not be checked" in done.stdout


def test_the_folders_refuse_to_be_imported_under_their_old_names() -> None:
    for name in ("datasets", "methods"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {name}"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert f"This package is 'bench.{name}'" in done.stderr
