"""The HTML page in a real browser, without a screen: what a reader does with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.report.page import build_page

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install playwright"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no browser: apt-get install chromium", allow_module_level=True)

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 15_000
"""Milliseconds to wait for anything; a busy machine is slow."""


@pytest.fixture(scope="module")
def address(results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(build_page(results), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, env=environment)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def loaded(browser: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """One page for all tests, and what it should never do: log, fail or ask for anything."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)

    def note_request(request: Any) -> None:
        if not request.url.startswith(("data:", "blob:")) and request.url != address:
            complaints.append(f"request: {request.url}")

    page.on("console", lambda message: complaints.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("request", note_request)
    page.goto(address)
    page.locator("#sweeps").scroll_into_view_if_needed()
    page.wait_for_selector("#charts figure .bk-Figure")
    yield page, complaints
    page.close()


@pytest.fixture
def page(loaded: tuple[Any, list[str]]) -> Iterator[Any]:
    page, complaints = loaded
    if page.locator("#viewer").evaluate("dialog => dialog.open"):
        page.keyboard.press("Escape")
    page.fill("#search", "")
    page.click("#gallery [data-panel=group-0]")
    yield page
    found = [*complaints]
    complaints.clear()
    assert found == []


def methods(page: Any, table: str) -> list[str]:
    """Methods whose rows are visible, from top to bottom."""
    rows = page.locator(f"{table} tr[data-method]:visible")
    return [row.get_attribute("data-method") for row in rows.all()]


def wait_until_drawn(page: Any, what: str) -> None:
    page.wait_for_selector(f'#viewer[data-drawn="{what}"]')


def test_a_heading_sorts_and_says_so(page: Any) -> None:
    heading = page.locator("#table-1 th", has_text="PSNR").first
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    apart = ["published-dd", "known-kernel"]
    assert methods(page, "#table-1") == ["dds", "blurry", "dp", *apart]  # dp has no mean here
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert methods(page, "#table-1") == ["blurry", "dds", "dp", *apart]
    page.locator("#table-1 th", has_text="method").locator("button").click()
    assert heading.get_attribute("aria-sort") == "none"
    assert methods(page, "#table-1") == ["blurry", "dds", "dp", *apart]


def test_the_filter_acts_on_table_gallery_and_charts(page: Any) -> None:
    page.fill("#search", "dd")
    found = ["dds", "published-dd"]
    assert page.text_content("#shown") == "2 of 5 methods"
    assert sorted(methods(page, "#table-1")) == found
    assert sorted(methods(page, "#gallery")) == found
    legend = page.locator('figure[data-chart="noise/svhn/0"] .legend code')
    assert sorted(legend.all_text_contents()) == found
    page.fill("#search", "")
    page.click("#chooser summary")
    page.click("[data-choose=oracle]")
    assert methods(page, "#table-1") == ["known-kernel"]
    page.uncheck("#chooser input[value=known-kernel]")
    assert methods(page, "#table-1") == []
    page.click("[data-choose=all]")
    assert len(methods(page, "#table-1")) == 5
    page.keyboard.press("Escape")
    assert not page.locator("#chooser .choices").is_visible()


def test_curves_of_hidden_methods_leave_the_charts(page: Any) -> None:
    count = """() => Bokeh.documents.flatMap((one) => one.roots())
        .filter((plot) => plot.name === "sweep").flatMap((plot) => plot.renderers)
        .filter((renderer) => renderer.visible).length"""
    everything = page.evaluate(count)
    page.fill("#search", "dds")
    assert page.evaluate(count) * 5 == everything
    page.click("[data-metric=ssim]")
    assert page.locator("[data-metric=ssim]").get_attribute("aria-pressed") == "true"
    page.click("[data-metric=psnr]")


def test_columns_are_chosen_and_kept_in_the_address(page: Any) -> None:
    heading = page.locator("#table-1 th[data-column=gmsd]").first
    assert not heading.is_visible()
    page.click("#columns summary")
    page.check("#columns input[value=gmsd]")
    assert heading.is_visible()
    across = page.locator("#table-1 th.span").first.get_attribute("colspan")
    assert across == "3"
    assert "columns=psnr+ssim+gmsd" in page.evaluate("location.hash")
    page.uncheck("#columns input[value=gmsd]")
    page.keyboard.press("Escape")
    assert "columns" not in page.evaluate("location.hash")


def test_two_methods_are_compared_image_by_image(page: Any, results: Path) -> None:
    page.locator("#pairs").scroll_into_view_if_needed()
    page.wait_for_selector("#pair-scatter .bk-Figure")
    page.select_option("#pair-first", "dds")
    page.select_option("#pair-second", "blurry")
    assert "+9.00 dB [+9.00, +9.00]" in page.text_content("#pair-sentence")
    assert "better on 4 of 4 images" in page.text_content("#pair-sentence")
    page.click("#pair-swap")
    assert "−9.00 dB" in page.text_content("#pair-sentence")
    rows = page.locator("#pair-pictures tbody tr")
    names = [row.locator("th").text_content() for row in rows.all()]
    assert names == ["observation", "blurry", "dds", "truth"]
    page.click("#pair-numbers summary")
    assert page.locator("#pair-numbers tbody tr").count() == 4
    page.locator("#pair-metric").focus()
    page.select_option("#pair-metric", "ssim")
    assert "SSIM (volume)" in page.text_content("#pair-sentence")
    page.click("#pair-numbers summary")


def test_a_link_shows_what_was_shown(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(
        f"{address}#search=dd&hidden=published-dd&details-of=view-celeba-noise-0.01-seed-0&columns=ssim"
    )
    assert methods(page, "#table-1") == ["dds"]
    assert page.locator("#view-celeba-noise-0\\.01-seed-0").is_visible()
    assert not page.locator("#table-1 th[data-column=psnr]").first.is_visible()
    pair = "pair=view-svhn-noise-0.01-seed-0|ssim|blurry|dp"
    page.goto(f"{address}#{pair}&at=pairs&image=group-0/002/dds")  # as a link on the page would
    wait_until_drawn(page, "svhn/002/dds")
    page.keyboard.press("Escape")
    page.wait_for_function(
        "document.getElementById('pair-sentence').textContent.startsWith('blurry − dds')"
    )  # dp lacks an image, so it cannot be chosen
    assert methods(page, "#table-1")[0] == "blurry"
    page.close()


def test_an_empty_filter_says_so(page: Any) -> None:
    page.fill("#search", "nobody")
    assert page.is_visible("#empty")
    page.locator("#unfilter").press("Enter")
    assert not page.is_visible("#empty")
    assert len(methods(page, "#table-1")) == 5


CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (text) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (channels) => channels.slice(0, 3)
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const found = rgba(getComputedStyle(at).backgroundColor);
            if (found[3] === 255) return found;
        }
        return rgba(getComputedStyle(document.body).backgroundColor);
    };
    const worst = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
        const [a, b] = [rgba(getComputedStyle(element).color), ground(element)].map(light);
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const name = `${element.tagName}.${element.className}: ${node.data.trim().slice(0, 20)}`;
        if (ratio <= 4.5) worst.set(name, ratio);
    }
    return [...worst];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_it_stands_on(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.click("#columns summary")
    try:
        assert page.evaluate(CONTRASTS) == []
        page.click(".mosaic button >> nth=0")
        page.wait_for_selector("#viewer[open]")
        assert page.evaluate(CONTRASTS) == []
    finally:
        page.emulate_media(color_scheme="light")


def test_an_image_opens_with_everything_known_of_it(page: Any) -> None:
    page.click('.mosaic tr[data-method="dds"] button >> nth=1')
    wait_until_drawn(page, "svhn/001/dds")
    assert page.text_content("#viewer-title") == "svhn, image 001"
    assert "27.30 dB" in page.text_content("#viewer-scores")
    names = ("observation", "restored", "truth", "error", "kernel", "true-kernel")
    for name in names:
        pixels = page.locator(f"#stage-{name}").evaluate(
            """canvas => new Set(canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data).size"""
        )
        assert pixels > 10, name
    page.wait_for_selector("#viewer-loss .bk-Figure")
    assert page.locator("#viewer-methods button").count() == 5
    page.click('#viewer-methods [data-choice="dp"]')
    wait_until_drawn(page, "svhn/001/dp")
    assert page.is_visible("#viewer-no-loss")


def test_the_error_map_of_a_perfect_image_is_black(page: Any) -> None:
    brightest = """canvas => Math.max(...canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 < 3))"""
    page.click('.mosaic tr[data-method="known-kernel"] button >> nth=0')
    wait_until_drawn(page, "svhn/000/known-kernel")
    assert page.locator("#stage-error").evaluate(brightest) <= 4
    page.click('#viewer-methods [data-choice="dds"]')
    wait_until_drawn(page, "svhn/000/dds")
    assert page.locator("#stage-error").evaluate(brightest) > 200


def test_the_keyboard_goes_through_the_gallery(page: Any) -> None:
    page.click("#gallery [data-panel=group-1]")
    first = page.locator("#group-1 button.tile").first
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_until_drawn(page, "celeba/001/blurry")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_until_drawn(page, "celeba/003/blurry")
    assert page.get_attribute("#viewer-next", "aria-disabled") == "true"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    wait_until_drawn(page, "celeba/002/blurry")
    assert page.text_content("#viewer-position") == "3 of 4"
    page.keyboard.press("Escape")
    assert not page.is_visible("#viewer")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("Image 001, blurry")


def test_the_scores_can_be_downloaded(page: Any, results: Path) -> None:
    with page.expect_download() as waiting:
        page.click("[data-file='scores.csv']")
    assert waiting.value.suggested_filename == "scores.csv"
    assert Path(waiting.value.path()).read_bytes() == (results / "scores.csv").read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 800})
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.click(".mosaic button >> nth=0")
        page.wait_for_selector("#viewer[open]")
        assert page.evaluate("document.querySelector('.viewer-body').scrollWidth") <= 400
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})
