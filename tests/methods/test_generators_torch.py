"""Import of the authors' PyTorch weights, on small models of that layout saved by real modules."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.cli import main
from bench.errors import InvalidInput, Unavailable
from bench.methods.generators.architectures import MotionBlur32Decoder
from bench.methods.generators.loading import load_generator
from bench.methods.generators.progressive import PGGANDecoder
from bench.methods.generators.torch_import import load_torch, read_state

WIDTHS = (6, 5, 4, 4, 3, 2)
BLUR_MODULE = """
from torch import nn
from torch.nn import functional

class blur(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(50, 980)
        self.upsamp1 = nn.Upsample(scale_factor=2, mode="nearest")
        self.conv2Dt1 = nn.ConvTranspose2d(20, 20, 2)
        self.upsamp2 = nn.Upsample(scale_factor=2, mode="nearest")
        self.conv2Dt2 = nn.ConvTranspose2d(20, 20, 2)
        self.conv2Dt3 = nn.ConvTranspose2d(20, 1, 2)

    def forward(self, z):
        x = functional.relu(self.dense(z)).view(-1, 7, 7, 20).permute(0, 3, 1, 2)
        x = functional.relu(self.conv2Dt1(self.upsamp1(x)))
        x = functional.relu(self.conv2Dt2(self.upsamp2(x)))
        return functional.relu(self.conv2Dt3(x))
"""


def norm(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


class Scale(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale, self.b = nn.Parameter(torch.rand(1) + 0.5), nn.Parameter(torch.randn(size))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.b.view(1, -1, 1, 1)


class Block(nn.Module):
    """Pixel norm, perhaps a doubling, convolution, scale and bias."""

    def __init__(self, inputs: int, outputs: int, size: int, padding: int, up: bool = False):
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(inputs, outputs, size, padding=padding, bias=False)
        self.wscale = Scale(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = norm(x)
        x = functional.interpolate(x, scale_factor=2.0) if self.up else x
        return self.wscale(self.conv(x))


class Published(nn.Module):
    """The published generator's layout: ``features.N.conv``, ``.wscale``, and ``output``."""

    def __init__(self, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        blocks = [Block(latent, widths[0], 4, 3), Block(widths[0], widths[0], 3, 1)]
        for parent, child in pairwise(widths):
            blocks += [Block(parent, child, 3, 1, up=True), Block(child, child, 3, 1)]
        self.features = nn.Sequential(*blocks)
        self.output = nn.Sequential(
            OrderedDict(conv=nn.Conv2d(widths[-1], 3, 1, bias=False), wscale=Scale(3))
        )

    def forward(self, z: Tensor) -> Tensor:
        x = z[:, :, None, None]
        for block in self.features:
            x = functional.leaky_relu(block(x), 0.2)
        return self.output(norm(x))


class Small(PGGANDecoder):
    latent_size, widths = 7, WIDTHS


@pytest.mark.parametrize("zipped", [True, False])
def test_the_published_generator_is_imported_to_the_digit(tmp_path: Path, zipped: bool) -> None:
    torch.manual_seed(0)
    theirs, ours = Published(7, WIDTHS), Small()
    path = tmp_path / "pggan_generator.pth"
    torch.save(theirs.state_dict(), path, _use_new_zipfile_serialization=zipped)
    load_torch(ours, read_state(path))
    z = torch.randn(2, 7)
    with torch.no_grad():
        expected, found = theirs(z), ours(z)
    assert found.shape == (2, 3, 128, 128)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.fixture
def blur(tmp_path: Path) -> Iterator[Any]:
    """The authors' class in a module of the authors' name."""
    path = tmp_path / "blur_model.py"
    path.write_text(BLUR_MODULE)
    spec = importlib.util.spec_from_file_location("blur_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["blur_model"] = module
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    yield module.blur()
    del sys.modules["blur_model"]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_module_is_read_without_its_class(
    tmp_path: Path, blur: Any, zipped: bool
) -> None:
    path = tmp_path / "blur_generator.pt"
    torch.save(blur, path, _use_new_zipfile_serialization=zipped)
    z = torch.randn(3, 50)
    with torch.no_grad():
        expected = blur(z)
    hidden = sys.modules.pop("blur_model")
    decoder = MotionBlur32Decoder()
    load_torch(decoder, read_state(path))
    sys.modules["blur_model"] = hidden
    with torch.no_grad():
        assert torch.allclose(decoder(z), expected, atol=1e-6)
    assert expected.shape == (3, 1, 32, 32)


def test_the_command_imports_and_the_store_loads(
    tmp_path: Path, blur: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "blur_generator.pt"
    torch.save(blur, path)
    command = ["import-weights", str(path), "motion-blur-32", "--folder", str(tmp_path)]
    assert main(command) == 0
    assert "motion-blur-32-published" in capsys.readouterr().out
    prior = load_generator("motion-blur-32-published", folder=tmp_path)
    z = torch.randn(2, 50)
    with torch.no_grad():
        assert torch.allclose(prior(z), blur(z), atol=1e-6)


class Evil:
    """What a pickle can do: call anything."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path, target = tmp_path / "evil.pth", tmp_path / "made"
    torch.save({"w": Evil(target)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(Unavailable, match=r"evil\.pth is no PyTorch weights file"):
        read_state(path)
    assert not target.exists()


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    state = dict(Published(7, WIDTHS).state_dict())
    with pytest.raises(InvalidInput, match=r"has convs\.0\.weight of shape \(6, 6, 3, 3\)"):
        load_torch(
            type("Other", (Small,), {"widths": (8, *WIDTHS[1:])})(),
            state
            | {
                "features.0.conv.weight": torch.zeros(8, 7, 4, 4),
                "features.0.wscale.b": torch.zeros(8),
            },
        )
    del state["features.3.wscale.b"]
    with pytest.raises(InvalidInput, match=r"no features\.3\.wscale\.b"):
        load_torch(Small(), state)
    (tmp_path / "text.pth").write_text("no zip")
    with pytest.raises(Unavailable, match="no PyTorch weights file"):
        read_state(tmp_path / "text.pth")
