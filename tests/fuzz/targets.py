"""The readers of the product, each with sound inputs to damage and a way to let it read them."""

from __future__ import annotations

import dataclasses
import functools
import io
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import scipy.io
import torch
from PIL import Image

from bench.datasets import levin, members, natural, official
from bench.datasets.arrays import read_npz
from bench.harness import provenance, session
from bench.methods.training import weights
from bench.methods.training.recipe import load_recipe
from bench.methods.training.store import ModelStore
from bench.registry import DATASETS
from bench.report import gallery
from bench.report.page import build_page
from tests.fuzz import preloaded
from tests.fuzz.damage import damage_bytes, damage_json, damage_png
from tests.fuzz.judging import call, command

Damage = Callable[[bytes, random.Random], bytes]
Files = Mapping[str, bytes]
ROOT = Path(__file__).resolve().parent.parent.parent
FAMILIES = ("feedforward", "generators", "kernel_net", "marginal")
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)

preloaded.load()


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader.

    Attributes
    ----------
    files : callable
        Returns sound files by their paths in the folder; all of them are there for ``act``.
    damaged : mapping of str to Damage
        Which of them are damaged, one at a time, and how.
    act : callable
        Reads them as a user would have it and returns an exit code.
    slowness : int
        Of so many inputs that others get, it gets one.
    """

    files: Callable[[], Files]
    damaged: Mapping[str, Damage]
    act: Callable[[Path], int]
    slowness: int = 1


def _photo(extension: str, **options: object) -> Files:
    stream = io.BytesIO()
    if extension == "png16":
        extension, deep = "png", PIXELS.astype(np.uint16) * 257
        return {"photo.png": cv2.imencode(".png", deep)[1].tobytes()}
    Image.fromarray(PIXELS).save(stream, format=extension, **options)
    return {f"photo.{extension}": stream.getvalue()}


def _oriented() -> Files:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _photo("jpeg", exif=exif.tobytes())


def _palette() -> Files:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).quantize(16).save(stream, format="gif")
    return {"photo.gif": stream.getvalue()}


def _deblur(folder: Path) -> int:
    (photo,) = folder.glob("photo.*")
    options = ("--method", "blurry", "--kernel-size", "5", "-o", "out/sharp.png")
    return command("deblur", photo.name, *options)


def photograph(make: Callable[[], Files], damage: Damage = damage_bytes) -> Target:
    (name,) = make()
    return Target(make, {name: damage}, _deblur)


@functools.cache
def run_folder() -> Files:
    """The files of a small results folder, made once, by a run in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        subprocess.run(
            [
                *(sys.executable, "-m", "bench", "run", "--methods", "blurry,known-kernel"),
                *("--datasets", "photos", "--images", "3", "--gallery", "2", "--workers", "1"),
                *("--output", "in", "--quiet"),
            ],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        folder = Path(place) / "in"
        with sqlite3.connect(folder / "cells.sqlite") as db:  # all of it in one file
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.execute("PRAGMA journal_mode=DELETE")
        db.close()
        names = (p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(("-shm", "k")))
        return {f"in/{path.relative_to(folder)}": path.read_bytes() for path in names}


def _scores_only() -> Files:
    return {"in/scores.csv": run_folder()["in/scores.csv"]}


def _store_only() -> Files:
    return {"in/cells.sqlite": run_folder()["in/cells.sqlite"]}


RESULTS = ("cells.sqlite", "scores.csv", "provenance.json")


def _two_results() -> Files:
    found = run_folder()
    return {f"{place}/{name}": found[f"in/{name}"] for place in ("in", "too") for name in RESULTS}


def _score_again(folder: Path) -> int:
    """What a resumed run does with a folder, but for computing."""
    shutil.copytree(folder / "in", folder / "out")
    return call(_scored, folder / "out")


def _scored(out: Path) -> None:
    from bench.harness import scores
    from bench.harness.store import Store

    with Store(out) as store:
        scores.update(scores.collect(store, session.Datasets(), progress=False), out)


def _provenance(folder: Path) -> int:
    shutil.copytree(folder / "in", folder / "out")
    entry = {"invocation": "x"}
    code = call(provenance.begin, folder / "out", entry, {})
    return max(code, call(provenance.finish, folder / "out", entry))


def _page(folder: Path) -> int:
    return call(build_page, folder / "in")


@functools.cache
def restored() -> Files:
    """An export that was restored by leaving it as it was, with a kernel."""
    from bench.harness import exchange
    from bench.physics.condition import Condition

    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        exchange.export(DATASETS.load("photos")(), Condition(), Path(place), images=2)
        files = {f"restored/{path.name}": path.read_bytes() for path in Path(place).iterdir()}
    first = sorted(files)[0]
    kernel = cv2.imencode(".png", np.eye(9, dtype=np.uint8) * 20)[1].tobytes()
    return {**files, first.replace(".png", "_kernel.png"): kernel}


def _score(folder: Path) -> int:
    return command("score", "restored", "--name", "mine", "--origin", "me", "--output", "out")


@functools.cache
def _models() -> Files:
    network = torch.nn.Linear(4, 3)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        folder = Path(place)
        weights.write_weights("model", {"network": network}, {"width": 0.5}, folder)
        return {f"models/{path.name}": path.read_bytes() for path in folder.iterdir()}


def _read_model(folder: Path) -> int:
    store = ModelStore(folder / "models", "model")
    return max(call(store.tensors, "model"), call(weights.read_weights, _weights(folder)))


def _weights(folder: Path) -> Path:
    return folder / "models" / "model.safetensors"


def recipe(family: str) -> Target:
    path = sorted((ROOT / "methods" / family / "recipes").glob("*.toml"))[0]
    return Target(
        lambda: {"mine.toml": path.read_bytes()},
        {"mine.toml": damage_bytes},
        lambda _: call(load_recipe, "mine.toml"),
    )


def _own_set() -> Files:
    toml = b'class = "natural"\nkernels = "motion"\nboundary = "valid"\nbits = 8\ntitle = "Mine"\n'
    picture = cv2.imencode(".png", np.tile(PIXELS, (2, 2, 1)))[1].tobytes()
    return {"mine/dataset.toml": toml, "mine/one.png": picture}


def _open_own_set(folder: Path) -> int:
    return command("export", f"folder:{folder / 'mine'}", "out")


def _npz() -> Files:
    stream = io.BytesIO()
    np.savez_compressed(stream, image=np.zeros((2, 8, 8, 3), np.uint8), kernel=np.ones((2, 3, 3)))
    return {"a.npz": stream.getvalue()}


def _zip() -> Files:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("1.png", "2.png"):
            archive.writestr(name, cv2.imencode(".png", PIXELS)[1].tobytes())
    return {"a.zip": stream.getvalue()}


def _mat() -> Files:
    stream = io.BytesIO()
    scipy.io.savemat(
        stream,
        {"x": np.zeros((255, 255)), "y": np.zeros((255, 255)), "f": np.ones((9, 9))},
        do_compression=True,
    )
    return {"a.mat": stream.getvalue()}


def _digits() -> Files:
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"X": np.zeros((32, 32, 3, 4), np.uint8)}, do_compression=True)
    return {"a.mat": stream.getvalue()}


def _read_digits(folder: Path) -> int:
    os.environ["BENCH_CACHE"] = str(folder / "out")
    return call(official._unpacked, folder / "a.mat")


def reads(function: Callable[..., object], name: str, *arguments: object) -> Callable[[Path], int]:
    return lambda folder: call(function, folder / name, *arguments)


def _png() -> Files:
    return {"a.png": cv2.imencode(".png", PIXELS)[1].tobytes()}


TARGETS = {
    "png": photograph(lambda: _photo("png"), damage_png),
    "png16": photograph(lambda: _photo("png16"), damage_png),
    "jpeg": photograph(lambda: _photo("jpeg")),
    "jpeg-turned": photograph(_oriented),
    "tiff": photograph(lambda: _photo("tiff")),
    "tiff-deflated": photograph(lambda: _photo("tiff", compression="tiff_deflate")),
    "webp": photograph(lambda: _photo("webp")),
    "bmp": photograph(lambda: _photo("bmp")),
    "gif": photograph(_palette),
    "scores": Target(
        _scores_only, {"in/scores.csv": damage_bytes}, lambda _: command("table", "in"), slowness=2
    ),
    "compared-scores": Target(
        lambda: {**_scores_only(), "old/scores.csv": run_folder()["in/scores.csv"]},
        {"in/scores.csv": damage_bytes},
        lambda _: command("compare", "old", "in"),
    ),
    "store": Target(
        _store_only, {"in/cells.sqlite": damage_bytes}, lambda _: command("table", "in")
    ),
    "scored-store": Target(_store_only, {"in/cells.sqlite": damage_bytes}, _score_again),
    "explained-store": Target(
        run_folder,
        {"in/cells.sqlite": damage_bytes},
        lambda _: command("explain", "in", "000", "-o", "out/sheet.png"),
    ),
    "merged": Target(
        _two_results,
        {
            "in/cells.sqlite": damage_bytes,
            "in/scores.csv": damage_bytes,
            "in/provenance.json": damage_json,
        },
        lambda _: command("merge", "in", "too", "-o", "out"),
        slowness=2,
    ),
    "provenance": Target(
        lambda: {"in/provenance.json": run_folder()["in/provenance.json"]},
        {"in/provenance.json": damage_json},
        _provenance,
    ),
    "gallery": Target(
        run_folder,
        {"in/gallery/gallery.json": damage_json},
        lambda folder: call(gallery.read_gallery, folder / "in"),
    ),
    "page": Target(
        run_folder,
        {
            "in/gallery/gallery.json": damage_json,
            "in/provenance.json": damage_json,
            "in/scores.csv": damage_bytes,
        },
        _page,
        slowness=6,
    ),
    "manifest": Target(restored, {"restored/manifest.json": damage_json}, _score, slowness=3),
    "restored": Target(
        restored,
        dict.fromkeys(("restored/000.png", "restored/000_kernel.png"), damage_png),
        _score,
        slowness=4,
    ),
    "card": Target(_models, {"models/model.json": damage_json}, _read_model),
    "weights": Target(_models, {"models/model.safetensors": damage_bytes}, _read_model),
    **{f"recipe-{family}": recipe(family) for family in FAMILIES},
    "dataset.toml": Target(_own_set, {"mine/dataset.toml": damage_bytes}, _open_own_set),
    "own-picture": Target(_own_set, {"mine/one.png": damage_png}, _open_own_set),
    "npz": Target(_npz, {"a.npz": damage_bytes}, reads(read_npz, "a.npz", ("image", "kernel"))),
    "zip": Target(_zip, {"a.zip": damage_bytes}, reads(members.read_images, "a.zip", (".png",))),
    "mat": Target(_mat, {"a.mat": damage_bytes}, reads(levin.read_pair, "a.mat")),
    "mat-digits": Target(_digits, {"a.mat": damage_bytes}, _read_digits),
    "kernels-npz": Target(
        lambda: _npz(), {"a.npz": damage_bytes}, reads(natural._kernel, "a.npz", "kernel")
    ),
    "picture": Target(_png, {"a.png": damage_png}, reads(natural.read_picture, "a.png")),
}
