"""200 real cells and three real fields go in: progress, counts, limits, reasons; a closed tab stops nothing."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from script_times import ScriptTimes

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.data]
NewPage = Callable[..., Page]
SLOW_MS = 120_000  # a machine that trains beside it is not a broken promise
BROKEN = (5, 50, 150)


@pytest.fixture(scope="module")
def cells(data_dir: Path) -> bytes:
    """200 cells of the test part of PBC, three of them torn, and a text, as a zip archive."""
    split = pd.read_csv(data_dir / "pbc" / "split.csv")
    files = list(split[split["split"] == "test"].sample(200, random_state=1)["file"])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number, file in enumerate(files):
            data = (data_dir / "pbc" / file).read_bytes()
            archive.writestr(f"{number:03}.webp", data[:300] if number in BROKEN else data)
        archive.writestr("notes.txt", "no picture")
    return target.getvalue()


def test_a_zip_becomes_counts_with_limits_while_the_tab_may_be_closed(
    address: str, new_page: NewPage, cells: bytes, console_errors: list[str]
) -> None:
    page = new_page()
    assert any(_progress_is_seen(page, address, cells) for _ in range(3)), "a busy machine may end a batch unseen, once"
    began = time.perf_counter()
    there = page.url
    assert re.search(r"[?&]batch=\d{8}-[0-9a-f]{16}$", there)
    page.close()

    again = new_page()
    times = ScriptTimes(again)
    again.goto(there, timeout=SLOW_MS)
    expect(again.get_by_text("Take the results along")).to_be_visible(timeout=SLOW_MS)
    print(f"\n200 pictures from the first progress to the finished page: {time.perf_counter() - began:.1f} s")
    print(times.words)
    figures = {
        metric.locator("[data-testid=stMetricLabel]").inner_text(): metric.locator(
            "[data-testid=stMetricValue]"
        ).inner_text()
        for metric in again.get_by_test_id("stMetric").all()
    }
    assert figures["Failed"] == "3"
    assert figures["Left out"] == "1"
    assert int(figures["Classified"]) + int(figures["Unidentified"]) == 197
    expect(again.get_by_text("pre-classification, counting error only")).to_be_visible()
    table = again.get_by_test_id("stDataFrame").first
    expect(table.locator("td", has_text=re.compile(r"^\d+ to \d+ %$")).first).to_be_attached()
    limits = [text for text in table.locator("td").all_text_contents() if " to " in text]
    assert len(limits) >= 5 and all(re.fullmatch(r"\d+ to \d+ %", text) for text in limits)
    expect(again.get_by_text(re.compile(r"005\.webp.* is cut off, damaged"))).to_be_visible()
    expect(again.get_by_text("The pictures behind the numbers")).to_be_visible()
    images = again.locator("[data-testid=stHtml] img")
    expect(images.first).to_be_visible()
    assert images.evaluate_all("all => all.every(image => image.complete && image.naturalWidth > 0)")
    with again.expect_download(timeout=SLOW_MS) as download:
        again.get_by_role("button", name="CSV", exact=True).click()
    table = pd.read_csv(download.value.path())
    assert list(table.columns[:6]) == ["file", "label", "confidence", "status", "reason", "error"]
    assert len(table) == 200
    assert list(table.index[table["status"] == "failed"]) == list(BROKEN)
    probes = [error for error in console_errors if "404 (Not Found)" in error]
    assert [error for error in console_errors if error not in probes] == []
    assert len(probes) <= 8, "each deep link sends two probes for the server below its own path"


def _progress_is_seen(page: Page, address: str, cells: bytes) -> bool:
    """Hand in the cells; return whether the page shows how far they are before all are done."""
    page.goto(f"{address}/batch", timeout=SLOW_MS)
    expect(page.get_by_text("No pictures yet.")).to_be_visible(timeout=SLOW_MS)
    upload = {"name": "smear 12.zip", "mimeType": "application/zip", "buffer": cells}
    page.locator("input[type=file]").first.set_input_files(upload)  # type: ignore[arg-type]
    page.get_by_role("button", name="Classify them").click(timeout=SLOW_MS)
    progress = page.get_by_text(re.compile(r"\d+ of 200 pictures"))
    expect(progress.or_(page.get_by_text("Take the results along")).first).to_be_visible(timeout=SLOW_MS)
    return progress.is_visible()


def test_three_real_fields_give_cells_that_can_be_looked_at(address: str, new_page: NewPage, data_dir: Path) -> None:
    page = new_page(height=1600)
    times = ScriptTimes(page)
    page.goto(f"{address}/smear_field", timeout=SLOW_MS)
    expect(page.get_by_text("No fields yet.")).to_be_visible(timeout=SLOW_MS)
    files = sorted((data_dir / "bccd" / "JPEGImages").glob("*.jpg"))[:3]
    page.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]
    page.get_by_role("button", name="Find the cells").click(timeout=SLOW_MS)
    expect(page.get_by_text("Take the results along")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text(re.compile(r"\d+ of 100 leukocytes"))).to_be_visible()
    box = page.locator("rect.wbc").first
    expect(box).to_be_visible()
    began = time.perf_counter()
    box.click()
    expect(page.get_by_alt_text(re.compile("The cell as the model saw it"))).to_be_visible()
    print(f"\nfrom the click on a box to its cell: {1e3 * (time.perf_counter() - began):.0f} ms")
    began = time.perf_counter()
    page.get_by_label("It is something else").click()
    page.get_by_role("option", name="Plasma cell").click()
    expect(page.get_by_text(re.compile(r"1 of \d+ cells reviewed, 1 corrected"))).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("rect.corrected")).to_have_count(1)
    print(f"from the list of classes to the corrected counts: {1e3 * (time.perf_counter() - began):.0f} ms")
    page.reload(timeout=SLOW_MS)
    expect(page.locator("rect.corrected")).to_have_count(1, timeout=SLOW_MS)
    with page.expect_download(timeout=SLOW_MS) as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = pd.read_csv(download.value.path())
    assert list(rows.loc[rows["corrected_from"].notna(), "label"]) == ["plasma_cell"]
    print(times.words)
