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
    page.locator("#charts figure").last.scroll_into_view_if_needed()
    page.wait_for_selector("#charts figure:last-child .bk-Figure")
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
    legend = page.locator('figure[data-chart="noise/svhn"] .legend code')
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
        .flatMap((plot) => plot.renderers).filter((renderer) => renderer.visible).length"""
    everything = page.evaluate(count)
    page.fill("#search", "dds")
    assert page.evaluate(count) * 5 == everything
    page.click("[data-metric=ssim]")
    assert page.locator("[data-metric=ssim]").get_attribute("aria-pressed") == "true"
    page.click("[data-metric=psnr]")


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
