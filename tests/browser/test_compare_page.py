"""Six models on 2,220 pictures: how soon they stand there, and how soon a click leads to the pictures behind them.

What a browser needs for any page of Streamlit is measured beside it, on a page of one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from scripts.running_app import running_app
from tests.compared_models import draw_pictures, install_predicting_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.ui.compare_view import PARTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]
PICTURES, MODELS = 2220, 6
FIGURES = "[data-testid=stHtml] table"
ONE_LINE = "import streamlit as st\n\nst.write('One line.')\n"
LINE = "[data-testid=stMarkdown]"
SLOW_MS = 120_000  # a machine that trains beside it is not a broken promise

# Counts from the click to the first frame in which all pictures of the cell are drawn.
WATCH = """() => {
    const gallery = () => document.querySelector('[data-testid=stHtml]:has(figure)');
    const before = gallery()?.innerHTML;
    delete document.documentElement.dataset.took;
    document.addEventListener('click', () => {
        const start = performance.now();
        const look = () => {
            const now = gallery();
            const drawn = now && [...now.querySelectorAll('img')].every(image => image.complete);
            if (!drawn || now.innerHTML === before) { requestAnimationFrame(look); return; }
            document.documentElement.dataset.took = performance.now() - start;
        };
        look();
    }, {capture: true, once: true});
}"""


# Counts from the click on a link to the first frame in which an element stands there.
FOLLOW = """(link, wanted) => new Promise(resolve => {
    const start = performance.now();
    const look = () => {
        if (document.querySelector(wanted)) resolve(performance.now() - start);
        else requestAnimationFrame(look);
    };
    link.click();
    look();
})"""


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app with six models and a set of 2,220 drawn pictures."""
    root = tmp_path_factory.mktemp("laboratory")
    folders = {name: root / name for name in ("data", "datasets", "runs", "cache", "models")}
    for number in range(MODELS):
        install_predicting_model(
            folders["models"],
            f"model-{number}",
            f"Model {number + 1}",
            CELL_TYPES,
            pictures=PICTURES,
            noise=1.0 + 0.3 * number,
            seed=number,
            images_per_second=20.0 * (number + 1),
        )
    draw_pictures(folders["data"], CELL_TYPES, PICTURES)
    variables = {f"WBC_{name.upper()}_DIR": str(folder) for name, folder in folders.items()}
    with running_app(variables | {"WBC_DEFAULT_MODEL": "model-0"}) as address:
        yield address


@pytest.fixture(scope="module")
def page_of_one_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app that shows one line and nothing else."""
    script = tmp_path_factory.mktemp("one_line") / "one_line.py"
    script.write_text(ONE_LINE, encoding="utf-8")
    with running_app(script=script) as address:
        yield address


def opened(page: Page, address: str, part: str = "") -> None:
    page.set_default_timeout(SLOW_MS)
    page.goto(f"{address}/compare_models")
    expect(page.locator(FIGURES)).to_be_visible(timeout=SLOW_MS)
    if part:
        page.get_by_role("tab", name=part, exact=True).click()


def shown_ms(page: Page, address: str, wanted: str = FIGURES) -> float:
    """Return the time from the call of an address until an element, such as the table of figures, stands there."""
    page.set_default_timeout(SLOW_MS)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(wanted, timeout=SLOW_MS)
    return float(page.evaluate("performance.now()"))


def followed_ms(page: Page, address: str) -> float:
    """Return the time from a click in the navigation of the app's first page until the figures stand there."""
    page.goto(address)
    expect(page.get_by_role("button", name="Platelet", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.wait_for_timeout(500)  # no run of the page is under way any more
    return float(page.get_by_role("link", name="Compare models").first.evaluate(FOLLOW, FIGURES))


def test_six_models_stand_side_by_side_and_a_click_on_a_cell_leads_to_its_pictures(
    new_page: NewPage, laboratory: str, page_of_one_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = f"{laboratory}/compare_models"
    first = shown_ms(new_page(), compare)
    shown_ms(new_page(), page_of_one_line, LINE)
    one_line = shown_ms(new_page(), page_of_one_line, LINE)
    page = new_page()
    new = shown_ms(page, compare)
    known = shown_ms(page.context.new_page(), compare)
    followed = followed_ms(page, laboratory)
    expect(page.get_by_text("2,220 pictures")).to_be_visible()
    assert page.url.count("model=") == MODELS
    page.get_by_role("tab", name="Confusion", exact=True).click()
    expect(page.locator("figure").first).to_be_visible(timeout=SLOW_MS)
    cells = page.get_by_test_id("stVegaLiteChart").first.locator("g.mark-rect path")
    expect(cells).to_have_count(len(CELL_TYPES) ** 2, timeout=SLOW_MS)
    took = []
    for place in (0, 4, 7):  # on the diagonal, where every class has its pictures
        page.wait_for_timeout(500)  # no run of the page is under way any more
        page.evaluate(WATCH)
        cells.nth(place * (len(CELL_TYPES) + 1)).click(force=True)
        html = page.locator("html")
        expect(html).to_have_attribute("data-took", re.compile(r"\d"), timeout=SLOW_MS)
        took.append(float(html.get_attribute("data-took") or "nan"))
    expect(page.get_by_text("where the truth is")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)
    with capsys.disabled():
        print(f"\nfirst paint, {MODELS} models, {PICTURES:,} pictures:")
        print(f"  by the navigation, in a browser that has the app open: {followed:.0f} ms")
        print(f"  by its address, in a browser that has seen the app before: {known:.0f} ms")
        print(f"  by its address, in a browser that has never seen the app: {new:.0f} ms")
        print(f"  the same for a page of one line, for comparison: {one_line:.0f} ms")
        print(f"  by its address, for the first visitor after the server's start: {first:.0f} ms")
        print(f"from a click on a cell to its pictures: {', '.join(f'{ms:.0f}' for ms in took)} ms")


def test_a_mistake_is_looked_at_closely_and_its_label_noted(new_page: NewPage, laboratory: str) -> None:
    page = new_page(390, 844)
    page.set_default_timeout(SLOW_MS)
    page.goto(f"{laboratory}/error_gallery?model=model-5")
    closer = page.get_by_role("button", name="Look closer")
    expect(closer.first).to_be_visible(timeout=SLOW_MS)
    assert "set=drawn" in page.url
    closer.first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The set says")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Label looks wrong").click()
    expect(page.get_by_role("heading", name="Labels noted as wrong")).to_be_visible(timeout=SLOW_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Noted labels as CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "file,truth,suggested,probability,note"
    assert len(lines) == 2
    assert sideways(page) == 0
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_the_keyboard_leads_to_the_pictures_of_a_cell(new_page: NewPage, laboratory: str) -> None:
    page = new_page()
    opened(page, laboratory)
    page.get_by_role("tab", name="Figures", exact=True).focus()
    for _ in range(list(PARTS).index("Confusion")):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    truth = page.get_by_role("combobox", name=re.compile("True class"))
    expect(truth).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=SLOW_MS)  # a rerun would take the focus
    for _ in range(5):  # on a busy machine a late redraw may close the list once
        truth.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.type("Platelet")
        try:
            expect(page.get_by_role("option")).to_have_count(1, timeout=SLOW_MS / 20)
            break
        except AssertionError:
            page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_text("where the truth is platelet")).to_be_visible(timeout=SLOW_MS)


def test_no_part_scrolls_sideways_on_a_phone_or_shows_a_traceback(new_page: NewPage, laboratory: str) -> None:
    page = new_page(390, 844)
    opened(page, laboratory)
    for part in PARTS:
        page.get_by_role("tab", name=part, exact=True).click()
        expect(page.get_by_role("tab", name=part, exact=True)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel", name=part).locator("p").first).to_be_visible(timeout=SLOW_MS)
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=SLOW_MS)
        assert sideways(page) == 0, part
    expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.get_by_text("could not be shown")).to_have_count(0)


def sideways(page: Page) -> int:
    return int(
        page.evaluate(
            "Math.max(...[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth - e.clientWidth))"
        )
    )
