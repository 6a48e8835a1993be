"""``python -m bench deblur`` on pictures as people have them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from bench.cli import main
from tests.conftest import Bench, picture

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("colour.png", PIXELS),
        ("colour.jpg", PIXELS),
        ("colour.tif", PIXELS),
        ("grey.png", PIXELS[..., 0]),
        ("rgba.png", np.dstack([PIXELS, PIXELS[..., :1] | 1])),
        ("deep.png", PIXELS.astype(np.uint16) * 257),
        ("deep.tif", PIXELS.astype(np.uint16) * 257),
        ("deep-rgba.png", np.dstack([PIXELS, PIXELS[..., :1] | 1]).astype(np.uint16) * 257),
    ],
)
def test_a_photograph_comes_back_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, pixels: np.ndarray
) -> None:
    photo, result = write(tmp_path / name, pixels), tmp_path / f"result{Path(name).suffix}"
    assert main(["deblur", str(photo), "--method", "blurry", "-o", str(result)]) == 0
    restored = picture(result)
    assert restored.shape == pixels.shape
    assert restored.dtype == pixels.dtype
    if not name.endswith("jpg"):
        assert np.array_equal(restored, pixels)
    assert (tmp_path / "result-comparison.jpg").exists()
    assert "alpha" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["turned.jpg", "turned.png", "turned.tif"])
def test_the_profile_stays_and_the_picture_stands_upright(tmp_path: Path, name: str) -> None:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "A camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    photo, result = tmp_path / name, tmp_path / f"out{Path(name).suffix}"
    Image.fromarray(PIXELS).save(photo, exif=tags, icc_profile=profile, quality=100)
    assert main(["deblur", str(photo), "--method", "blurry", "-o", str(result)]) == 0
    with Image.open(result) as written:
        assert written.size == (40, 48)
        assert written.info["icc_profile"] == profile
        assert written.getexif().get(0x0112, 1) == 1


def test_sixteen_bits_keep_their_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo, result = tmp_path / "deep.tif", tmp_path / "out.png"
    deep = PIXELS.astype(np.uint16) * 257
    tifffile.imwrite(photo, deep, photometric="rgb", iccprofile=profile)
    assert main(["deblur", str(photo), "--method", "blurry", "-o", str(result)]) == 0
    with Image.open(result) as written:
        assert written.info["icc_profile"] == profile
    assert np.array_equal(picture(result)[..., ::-1], deep)


def test_a_format_says_what_it_cannot_keep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write(tmp_path / "rgba.png", np.dstack([PIXELS, PIXELS[..., :1] | 1]))
    assert main(["deblur", str(photo), "--method", "blurry", "-o", str(tmp_path / "o.jpg")]) == 0
    assert ".jpg has no alpha channel" in capsys.readouterr().err


def test_several_photographs_go_into_a_folder_and_one_bad_one_costs_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (write(tmp_path / name, PIXELS) for name in ("a.png", "b.png"))
    bad = tmp_path / "bad.png"
    bad.write_text("not an image")
    photos = [str(path) for path in (first, bad, second)]
    out = tmp_path / "sharp"
    assert main(["deblur", *photos, "--method", "blurry", "-o", str(out)]) == 2
    assert "bad.png cannot be read as an image" in capsys.readouterr().err
    names = {path.name for path in out.iterdir()}
    assert {"a.png", "b.png", "a-comparison.jpg", "measures.csv"} <= names
    table = (out / "measures.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["photo", "a.png", "b.png"]
    assert main(["deblur", *photos, "--method", "blurry", "-o", str(tmp_path / "o.png")]) == 2
    assert "give a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["missing.png"], ["no photograph at missing.png"]),
        (["text.png"], ["cannot be read as an image"]),
        (["nan.tif"], ["NaN"]),
        (["range.tif"], ["spans [0, 255]"]),
        (["colour.png", "--kernel-size", "45"], ["45×45", "larger than the image of 40×48"]),
        (["colour.png", "--method", "known-kernel"], ["oracle", "needs the truth"]),
        (["colour.png", "--method", "blury"], ["did you mean 'blurry'"]),
        (["colour.png", "--noise", "7"], ["noise is 7"]),
        (["colour.png", "--method", "*"], ["give one"]),
    ],
)
def test_refusals(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "colour.png", PIXELS)
    (tmp_path / "text.png").write_text("not an image")
    broken = PIXELS.astype(np.float32) / 255
    write(tmp_path / "range.tif", np.where(broken > 0.5, np.float32(255), 0))
    broken[3, 4] = np.nan
    write(tmp_path / "nan.tif", broken)
    assert main(["deblur", "--method", "blurry", "-o", "out.png", *options]) == 2
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message
    assert not (tmp_path / "out.png").exists()


def test_an_output_without_a_format_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write(tmp_path / "colour.png", PIXELS)
    assert main(["deblur", str(photo), "-o", str(tmp_path / "out.xyz")]) == 2
    assert "names no image format" in capsys.readouterr().err


def test_a_method_that_raises_exits_1_without_a_traceback(bench: Bench) -> None:
    write(bench.folder / "bright.png", np.full((40, 40, 3), 200, np.uint8))
    done = bench("deblur", "bright.png", "--method", "raises", "-o", "out.png")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("bench: raises failed: RuntimeError: too bright for me (tiny_plugin.py:")


def test_a_plugin_that_ends_its_process_costs_the_photograph_only(bench: Bench) -> None:
    write(bench.folder / "bright.png", np.full((40, 40, 3), 200, np.uint8))
    done = bench("deblur", "bright.png", "--method", "dies", "-o", "out.png")
    assert done.returncode == 1
    assert done.stderr == "bench: dies failed. The worker process died (exit code 3).\n"
    assert not (bench.folder / "out.png").exists()


def test_the_kernel_is_written_beside_the_result(bench: Bench) -> None:
    write(bench.folder / "photo.png", PIXELS)
    done = bench("deblur", "photo.png", "--method", "half", "--kernel-size", "9", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    kernel = picture(bench.folder / "out-kernel.png")
    assert kernel.shape[:2] == (9, 9)
    assert kernel.max() == 255


def test_a_result_that_could_not_be_written_costs_no_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = write(tmp_path / "colour.png", PIXELS)
    monkeypatch.setattr(
        "bench.photo.files.read_photograph", lambda *_: pytest.fail("work was done")
    )
    assert main(["deblur", str(photo), "-o", "/proc/nowhere/out.png"]) == 2
    assert "/proc/nowhere/out.png cannot be written" in capsys.readouterr().err
    assert main(["deblur", str(photo), "-o", str(photo)]) == 2
    assert "is the photograph itself" in capsys.readouterr().err
