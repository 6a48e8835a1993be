"""Observations go out, restored images come back and are scored."""

import dataclasses
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bench.cli import main
from bench.datasets.generated import SVHNSamples
from bench.errors import BenchError, InvalidInput, UnknownName
from bench.harness import exchange
from bench.harness.names import check_method_name
from bench.harness.packing import unpack
from bench.harness.store import Outcome
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.protocol import Restoration
from tests.conftest import picture


@pytest.fixture(scope="module")
def dataset():
    class Few(SVHNSamples):
        count = 3

    return Few()


def restored(outcome: Outcome) -> Restoration:
    assert outcome.restoration is not None
    return unpack(outcome.restoration)


@pytest.fixture
def exported(dataset, tmp_path):
    path = exchange.export(dataset, Condition(noise=0.02), tmp_path, images=3)
    return tmp_path, exchange.read_manifest(path)


def test_an_observation_survives_the_way_out_and_back(dataset, exported):
    folder, manifest = exported
    assert len(manifest["images"]) == 3
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "a test")
    for outcome in found:
        assert outcome.cell.origin == "a test"
        image = restored(outcome).image
        y = observe(dataset, outcome.cell.index, Condition(noise=0.02)).observation
        assert (image[0] - y).abs().max() < 1e-4


def test_kernels_come_back_normalised(dataset, exported):
    folder, manifest = exported
    name = next(iter(manifest["images"]))
    kernel = np.zeros((28, 28), np.uint8)
    kernel[10:14, 14] = 200
    cv2.imwrite(str(folder / f"{name}_kernel.png"), kernel)
    outcome = exchange.outcomes(folder, manifest, dataset, "elsewhere", "")[0]
    found = restored(outcome).kernel
    assert found is not None
    assert found.shape == (1, 28, 28)
    assert torch.isclose(found.sum(), torch.tensor(1.0))
    assert found[0, 10, 14] == pytest.approx(0.25)


def test_a_missing_image_is_a_failed_cell_and_none_at_all_is_refused(dataset, exported):
    folder, manifest = exported
    first, *others = manifest["images"]
    (folder / f"{first}.png").unlink()
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "")
    assert [outcome.status for outcome in found] == ["failed", "ok", "ok"]
    for name in others:
        (folder / f"{name}.png").unlink()
    with pytest.raises(InvalidInput, match="none of the images"):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")


def test_names_and_sizes_that_cannot_be_are_refused(dataset, exported):
    folder, manifest = exported
    with pytest.raises(UnknownName, match="is a method of this project"):
        exchange.outcomes(folder, manifest, dataset, "dd", "")
    name = next(iter(manifest["images"]))
    cv2.imwrite(str(folder / f"{name}.png"), np.zeros((20, 32, 3), np.uint8))
    with pytest.raises(InvalidInput, match="32×20"):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")


def test_a_broken_manifest_is_no_manifest(tmp_path):
    with pytest.raises(BenchError, match="with a manifest"):
        exchange.read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(json.dumps({"images": {}}))
    with pytest.raises(BenchError, match="is no manifest"):
        exchange.read_manifest(tmp_path / "manifest.json")


def renamed(names):
    """Digits whose first images have other names."""

    class Renamed(SVHNSamples):
        def __len__(self):
            return len(names)

        def __getitem__(self, index):
            return dataclasses.replace(super().__getitem__(index), name=names[index])

    return Renamed()


@pytest.mark.parametrize(
    "name",
    [
        *("{folder}/sharp", "../sharp", "a/../../sharp", "..", ".", "", "a//b", "a/"),
        *("..\\sharp", "C:sharp", "a\0b", "a\nb", "caf\udce9", "x" * 300),
    ],
)
def test_names_that_leave_the_folder_are_refused_before_anything_is_written(tmp_path, name):
    sharp = tmp_path / "sharp.png"
    sharp.write_bytes(b"the only copy")
    named = renamed(["good", name.format(folder=tmp_path)])
    with pytest.raises(InvalidInput, match="name"):
        exchange.export(named, Condition(), tmp_path / "out")
    assert sharp.read_bytes() == b"the only copy"
    assert list(tmp_path.iterdir()) == [sharp]


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a", "a"], "Two images are named 'a'"), (["a", "a_kernel"], "the kernel of 'a'")],
)
def test_images_do_not_write_over_each_other(tmp_path, names, words):
    with pytest.raises(InvalidInput, match=words):
        exchange.export(renamed(names), Condition(), tmp_path / "out")


def test_an_export_writes_over_nothing_but_itself(tmp_path):
    nested = renamed(["boats/1", "boats/2"])
    exchange.export(nested, Condition(), tmp_path, images=1)
    manifest = exchange.read_manifest(exchange.export(nested, Condition(), tmp_path))
    assert set(manifest["images"]) == {"boats/1", "boats/2"}
    assert len(exchange.outcomes(tmp_path, manifest, nested, "elsewhere", "")) == 2
    mine = tmp_path / "boats" / "2.png"
    mine.write_bytes(b"restored, or another picture")
    with pytest.raises(InvalidInput, match=r"boats/2.png is there already"):
        exchange.export(nested, Condition(), tmp_path)
    assert mine.read_bytes() == b"restored, or another picture"
    (tmp_path / "manifest.json").write_text('{"name": "of a web page"}')
    with pytest.raises(BenchError, match="is no manifest"):
        exchange.export(nested, Condition(), tmp_path)


@pytest.mark.parametrize("folder", ["/proc/nowhere", "x" * 300])
def test_a_folder_that_takes_no_files_is_refused(dataset, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="cannot be written"):
        exchange.export(dataset, Condition(), Path(folder))
    with pytest.raises(BenchError, match="with a manifest"):
        exchange.read_manifest(Path(folder) / "manifest.json")


def noisier(manifest):
    manifest["condition"]["noise"] = 0.04


def emptied(manifest):
    first = next(iter(manifest["images"].values()))
    first["sha256"] = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (noisier, "is not the one that 'svhn-samples' has with noise 0.04"),
        (emptied, "its checksum is another"),
        (lambda m: m["condition"].update(seed=1), "its checksum is another"),
        (lambda m: m["condition"].update(blur_length=9), "its checksum is another"),
        (lambda m: m.update(dataset_version="0"), "is of version '0'"),
        (lambda m: m["images"].update({"999": m["images"]["000"]}), "'999', which"),
    ],
)
def test_restorations_of_other_observations_are_refused(dataset, exported, edit, words):
    folder, manifest = exported
    edit(manifest)
    with pytest.raises(InvalidInput, match=words):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m.update(images={}),
        lambda m: m.update(images=[]),
        lambda m: m["images"].update({"000": {}}),
        lambda m: m.pop("dataset_version"),
        lambda m: m.update(dataset=7),
        lambda m: m["condition"].update(seed="0"),
        lambda m: m["condition"].update(noise="much"),
        lambda m: m["condition"].update(noise=float("nan")),
    ],
)
def test_a_manifest_of_other_types_is_no_manifest(exported, edit):
    folder, manifest = exported
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BenchError, match=r"is no manifest|noise is nan"):
        exchange.read_manifest(folder / "manifest.json")


def test_a_manifest_that_an_editor_saved_with_a_mark_is_read(exported):
    folder, manifest = exported
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8-sig")
    assert exchange.read_manifest(folder / "manifest.json") == manifest


@pytest.mark.parametrize("name", ["dd", "dd[preset=published]", "DD [x]", " blurry"])
def test_the_name_of_a_method_of_the_project_is_taken(name):
    with pytest.raises(UnknownName, match="is a method of this project"):
        check_method_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "  ", "[x]", "=1+1", "+x", "-x", "@x", "a|b", "a\nb", "a\rb", "a\tb"),
        *("a\x1b[31mb", "a\u202eb", "a\udce9", "<script>", "x" * 500, "x "),
    ],
)
def test_a_name_that_a_table_could_not_show_is_refused(name):
    with pytest.raises(InvalidInput, match="--name"):
        check_method_name(name)
    check_method_name("Müller's method (β=2)[steps=3]")


def test_what_is_odd_about_the_files_is_said(dataset, exported):
    folder, manifest = exported
    first, second, third = manifest["images"]
    image = picture(folder / f"{second}.png")
    cv2.imwrite(str(folder / f"{second}.png"), 65535 - image)
    cv2.imwrite(str(folder / f"{first}_kernel.png"), np.zeros((28, 28), np.uint8))
    cv2.imwrite(str(folder / f"{second}_kernel.png"), np.ones((33, 9), np.uint8))
    (folder / f"{third}_kernel.png").write_bytes(b"no picture")
    said: list[str] = []
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "", said.append)
    assert [restored(outcome).kernel for outcome in found] == [None] * 3
    text = "\n".join(said)
    for words in (
        f"{first}.png and 1 more: identical to the observation",
        f"{first}_kernel.png: scored without this kernel: it is black",
        f"{second}_kernel.png: scored without this kernel: it is 9×33, larger than the image",
        f"{third}_kernel.png: scored without this kernel: ",
    ):
        assert words in text


def test_files_of_other_suffixes_are_named(dataset, exported):
    folder, manifest = exported
    for name, suffix in zip(manifest["images"], (".PNG", ".tif", ".TIFF"), strict=True):
        (folder / f"{name}.png").rename(folder / f"{name}{suffix}")
    with pytest.raises(InvalidInput, match=r"000\.PNG; save it as 000\.png"):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")
    (folder / "000.PNG").rename(folder / "000.png")
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "")
    assert "001.tif; save it as 001.png" in found[1].reason


def test_a_wide_kernel_is_scored_and_the_origin_is_text(tmp_path, capsys):
    folder = tmp_path / "observations"
    assert main(["export", "photos", str(folder), "--images", "2"]) == 0
    kernel = np.zeros((31, 31), np.uint8)
    kernel[15, 13:18] = 255
    cv2.imwrite(str(folder / "000_kernel.png"), kernel)
    out = tmp_path / "scored"
    command = ["score", str(folder), "--name", "elsewhere", "--output", str(out)]
    assert main([*command, "--origin", "=cmd()"]) == 2
    assert "The --origin '=cmd()'" in capsys.readouterr().err
    assert not out.exists()
    manifest = json.loads((folder / "manifest.json").read_text())
    noisier(manifest)
    (tmp_path / "edited.json").write_text(json.dumps(manifest))
    assert main([*command, "--manifest", str(tmp_path / "edited.json")]) == 2
    assert "with noise 0.04" in capsys.readouterr().err
    assert not out.exists()
    assert main(command) == 0
    assert "identical to the observation" in capsys.readouterr().err
    assert "| elsewhere |" in (out / "table.md").read_text()
    assert not any(row.startswith("=") for row in (out / "scores.csv").read_text().split(","))
