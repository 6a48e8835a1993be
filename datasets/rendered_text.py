"""16 rendered pages of text as a shaking camera sees them, to develop on what ``text`` tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar, NamedTuple

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from bench.datasets.photos import FOLDER
from bench.datasets.places import place_of
from bench.datasets.shaken_photos import WIDTHS, thickened, tremor
from bench.photo import read_photo
from bench.protocol import Dataset, Location, NoiseModel, Sample
from bench.seeds import generator

KERNEL_SEED = 4242
SIZES = (13, 15, 17, 19, 21, 23, 25, 27)
OVERSAMPLING = 3
"""A scan is drawn so many times larger and then averaged."""
WORDS = (
    "the of and a to in is that it as was for with be by on not he his but at are this have from "
    "which or had an they you were their one all we can her has there been if more when will would "
    "who so no light camera exposure hand shutter Sensor image Kernel Edge Letters printed page "
    "book column reading 1964 2,048 3.5% Fourier transform; observation, sharpness Motion between "
    "through question answer? Every paper (see below) number newspaper headline against water"
)
Colour = tuple[int, int, int]


class Style(NamedTuple):
    """How a page looks.

    Attributes
    ----------
    size : (int, int)
        Height and width in pixels.
    paper, inks : colours
        Paragraphs take turns with the inks.
    font : str
        One of matplotlib's, without ``.ttf``.
    points : (int, ...)
        Sizes of the letters in pixels: paragraphs take turns with them too.
    scanned : bool
        Drawn larger, averaged, on paper with grain; otherwise as a screen shows it.
    picture : str
        A photograph of scikit-image set into the page, or none.
    box : colour, optional
        Of a panel behind the second paragraph.
    """

    size: tuple[int, int]
    paper: Colour
    inks: tuple[Colour, ...]
    font: str
    points: tuple[int, ...]
    scanned: bool = False
    picture: str = ""
    box: Colour | None = None


BLACK, WHITE, NAVY, RED = (0, 0, 0), (255, 255, 255), (18, 32, 96), (196, 24, 32)
CREAM, GREY, YELLOW, GREEN = (246, 238, 214), (60, 60, 60), (250, 214, 40), (16, 92, 52)
STYLES = (
    Style((540, 445), WHITE, (BLACK,), "DejaVuSerif", (26,), scanned=True),
    Style((518, 630), WHITE, (BLACK, RED), "DejaVuSans", (21, 48)),
    Style((300, 450), NAVY, (WHITE, YELLOW), "DejaVuSans-Bold", (39, 27)),
    Style((480, 600), CREAM, (GREY,), "STIXGeneral", (33,), scanned=True),
    Style((380, 536), WHITE, (NAVY, BLACK), "STIXGeneralBol", (45, 30), picture="chelsea.png"),
    Style((442, 612), BLACK, (GREEN, WHITE), "DejaVuSansMono", (22,)),
    Style((520, 558), CREAM, (BLACK,), "cmr10", (28,), scanned=True, picture="coins.png"),
    Style((351, 502), WHITE, (BLACK,), "DejaVuSansMono-Bold", (20,)),
    Style((294, 600), YELLOW, (BLACK, RED), "DejaVuSans-Bold", (60, 33)),
    Style((300, 600), WHITE, (GREY, NAVY), "DejaVuSans", (18, 27), box=(214, 226, 240)),
    Style((409, 600), (228, 228, 228), (RED, BLACK), "STIXGeneralBolIta", (39,), scanned=True),
    Style((520, 550), WHITE, (BLACK,), "STIXGeneral", (24, 42), picture="rocket.jpg"),
    Style((455, 668), GREEN, (WHITE,), "DejaVuSerif-Bold", (36,), box=(120, 20, 60)),
    Style((540, 400), WHITE, (GREY,), "cmss10", (30,), scanned=True),
    Style((320, 568), (168, 200, 232), (NAVY, WHITE), "DejaVuSerif", (30, 51)),
    Style((480, 480), WHITE, (BLACK, GREEN), "DejaVuSans-Oblique", (27, 36), box=CREAM),
)


class RenderedTextDevelopment(Dataset):
    """Pages in colour that the project draws, by the model of ``text``, no two with one kernel.

    Letters, papers and inks of many kinds, some with a picture or a panel, blurred by hands that
    tremble as in ``trembling-photos-val``. Fonts are matplotlib's, pictures scikit-image's; another
    version of Pillow's FreeType may draw other last digits.
    """

    name = "rendered-text-val"
    title = "16 rendered pages of text with camera shake of changing speed, no noise, for tuning"
    image_class = "natural"
    image_size = (540, 668)
    boundary = "replicate"
    noise_model = NoiseModel("none")
    noise = 0.00113
    """The rounding to 8 bits, 1/(255 √12)."""
    bits = 8
    alignment = "half kernel"
    reads_data = True
    seed: ClassVar[int] = KERNEL_SEED
    sizes: ClassVar[tuple[int, ...]] = SIZES

    @classmethod
    def location(cls) -> Location:
        """Look for the photographs that scikit-image brings."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(STYLES)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self.sizes[3 * index % len(self.sizes)]
        path = tremor(size, generator("rendered text", self.seed, index))
        return Sample(
            index=index,
            name=f"{index:02d}",
            image=page(STYLES[index], generator("page", self.seed, index)),
            kernel=thickened(path, WIDTHS[index % len(WIDTHS)]),
            kernel_id=f"rendered-text-{self.seed}-{index:02d}",
            blur_length=size - 4,
        )


class LargeRenderedTextDevelopment(RenderedTextDevelopment):
    """Other pages in the same styles through kernels of 23 to 31 pixels, which are hard to find."""

    name = "large-rendered-text-val"
    title = "16 rendered pages of text with camera shake of 23 to 31 pixels, no noise, for tuning"
    seed = 5151
    sizes = (23, 27, 31, 25, 29)


def page(style: Style, draw: torch.Generator) -> Tensor:
    """Draw a page.

    Parameters
    ----------
    style : Style
    draw : torch.Generator
        Of the words and of the paper's grain.

    Returns
    -------
    Tensor, float32, shape (3, H, W), in [0, 1], on the 256 levels
    """
    factor = OVERSAMPLING if style.scanned else 1
    large = style._replace(
        size=(style.size[0] * factor, style.size[1] * factor),
        points=tuple(factor * points for points in style.points),
    )
    pixels = torch.from_numpy(_drawn(large, draw)).permute(2, 0, 1).float()
    if style.scanned:
        pixels = torch.nn.functional.avg_pool2d(pixels, factor)
        pixels = pixels + torch.randn(pixels.shape[1:], generator=draw)
    return pixels.round().clamp(0, 255) / 255


@dataclasses.dataclass
class _Sheet:
    """A page in the making."""

    style: Style
    draw: torch.Generator
    image: Image.Image
    brush: ImageDraw.ImageDraw
    margin: int
    top: int

    @property
    def right(self) -> int:
        return self.style.size[1] - self.margin


def _drawn(style: Style, draw: torch.Generator) -> np.ndarray:
    height, width = style.size
    image = Image.new("RGB", (width, height), style.paper)
    margin = width // 24
    sheet = _Sheet(style, draw, image, ImageDraw.Draw(image), margin, margin)
    number = 0
    while sheet.top < height:
        if number == 1 and style.picture:
            _picture(sheet)
        _paragraph(sheet, number)
        number += 1
    return np.array(image)


def _paragraph(sheet: _Sheet, number: int) -> None:
    style = sheet.style
    points = style.points[number % len(style.points)]
    ink = style.inks[number % len(style.inks)]
    lines = 3 if points < 2 * sheet.margin else 2
    font, words = _font(style.font, points), WORDS.split()
    pitch = round(1.35 * points)
    if style.box is not None and number == 1:
        corner = (sheet.right + sheet.margin // 2, sheet.top + lines * pitch + pitch // 4)
        sheet.brush.rectangle((sheet.margin // 2, sheet.top - pitch // 4, *corner), fill=style.box)
    for _ in range(lines):
        text = ""
        while True:
            word = words[int(torch.randint(len(words), (1,), generator=sheet.draw))]
            if sheet.brush.textlength(f"{text} {word}", font) > sheet.right - sheet.margin:
                break
            text = f"{text} {word}".strip()
        sheet.brush.text((sheet.margin, sheet.top), text, fill=ink, font=font)
        sheet.top += pitch
    sheet.top += pitch // 2


def _picture(sheet: _Sheet) -> None:
    pixels = read_photo(FOLDER / sheet.style.picture, to_srgb=False)[0]
    picture = Image.fromarray((pixels.permute(1, 2, 0) * 255).round().byte().numpy().squeeze())
    side = sheet.style.size[0] // 3
    sheet.image.paste(picture.resize((2 * side, side)).convert("RGB"), (sheet.margin, sheet.top))
    sheet.top += side + sheet.margin


def _font(name: str, points: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(str(path), points, layout_engine=ImageFont.Layout.BASIC)
