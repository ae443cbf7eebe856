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
    page.goto(f"{address}/batch")
    expect(page.get_by_text("No pictures yet.")).to_be_visible(timeout=SLOW_MS)
    upload = {"name": "smear 12.zip", "mimeType": "application/zip", "buffer": cells}
    page.locator("input[type=file]").first.set_input_files(upload)  # type: ignore[arg-type]
    began = time.perf_counter()
    page.get_by_role("button", name="Classify them").click(timeout=SLOW_MS)
    expect(page.get_by_text(re.compile(r"\d+ of 200 pictures"))).to_be_visible(timeout=SLOW_MS)
    there = page.url
    assert re.search(r"[?&]batch=\d{8}-[0-9a-f]{16}$", there)
    page.close()

    again = new_page()
    again.goto(there)
    expect(again.get_by_text("Take the results along")).to_be_visible(timeout=SLOW_MS)
    print(f"\n200 pictures from the click to the finished page: {time.perf_counter() - began:.1f} s")
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
    assert len(probes) <= 4, "each deep link sends two probes for the server below its own path"


def test_three_real_fields_give_cells_that_can_be_looked_at(address: str, new_page: NewPage, data_dir: Path) -> None:
    page = new_page(height=1600)
    page.goto(f"{address}/smear_field")
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
