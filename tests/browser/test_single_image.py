"""What a technician does: drop a picture in, read the type, or read what is wrong with the file."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from scripts.running_app import running_app
from tests.oversized import huge_png

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
HEALTH_PROBES = 2


def upload(page: Page, name: str, data: bytes, kind: str = "image/jpeg") -> None:
    """Give the page a file as a visitor does, whichever file is there already."""
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def opened(page: Page, address: str) -> Page:
    page.goto(f"{address}/single_image")
    expect(page.get_by_role("heading", name="What cell is this?")).to_be_visible()
    return page


def unexpected(errors: list[str]) -> list[str]:
    """Return the console's errors less the two probes for the server that a deep link sends below its own path."""
    probes = [error for error in errors if "404 (Not Found)" in error]
    return [error for error in errors if error not in probes] + probes[HEALTH_PROBES:]


def test_a_real_cell_gets_type_confidence_and_biology(
    new_page: NewPage, address: str, eosinophil_jpeg: bytes, console_errors: list[str]
) -> None:
    page = opened(new_page(), address)
    upload(page, "film 12.jpg", eosinophil_jpeg)
    expect(page.get_by_role("heading", name="Eosinophil", exact=True)).to_be_visible()
    expect(page.get_by_text("calibrated confidence")).to_contain_text("sure", ignore_case=True)
    expect(page.get_by_text("calibrated confidence")).to_contain_text("%")
    expect(page.get_by_role("heading", name="About eosinophils")).to_be_visible()
    expect(page.get_by_text("0.02–0.5 × 10⁹/L")).to_be_visible()
    expect(page.get_by_role("heading", name="What speaks against it")).to_be_visible()
    expect(page.get_by_text("For Research Use Only. Not for use in diagnostic procedures.").first).to_be_visible()
    expect(page.get_by_role("img", name="Your picture with a ring around the located cell")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    assert '"label": "eosinophil"' in download.value.path().read_text()
    assert unexpected(console_errors) == []


def test_text_renamed_to_jpg_gets_a_sentence_and_a_hint(
    new_page: NewPage, address: str, console_errors: list[str]
) -> None:
    page = opened(new_page(), address)
    upload(page, "notes.jpg", b"These are notes on a smear, not a picture.")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("notes.jpg")
    expect(alert).to_contain_text("looks like a text file.")
    expect(alert).to_contain_text("Use a JPEG, PNG, BMP, TIFF or WebP picture.")
    expect(page.get_by_text("Traceback")).to_have_count(0)
    assert unexpected(console_errors) == []


def test_a_picture_of_400_megapixels_is_refused_and_the_next_one_works(
    new_page: NewPage, address: str, eosinophil_jpeg: bytes
) -> None:
    page = opened(new_page(), address)
    upload(page, "huge.png", huge_png(), "image/png")
    expect(page.get_by_role("alert")).to_contain_text("huge.png")
    expect(page.get_by_role("alert")).to_contain_text("20,000")
    upload(page, "cell.jpg", eosinophil_jpeg)
    expect(page.get_by_role("heading", name="Eosinophil", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_above_the_limit_is_refused_before_it_is_sent(new_page: NewPage, address: str, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(27 * 1024 * 1024)
    page = opened(new_page(), address)
    expect(page.get_by_text("up to 25 MB")).to_be_visible()
    page.locator("input[type=file]").set_input_files(large)
    expect(page.get_by_text("File must be 25.0MB or smaller")).to_be_visible()


def test_a_fresh_server_answers_a_deep_link_and_keeps_no_upload_on_its_disk(new_page: NewPage, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1400, 1400, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(noise).save(written, "PNG")
    assert len(written.getvalue()) > 5_000_000  # above the size from which the server spools a part
    with running_app({"TMPDIR": str(tmp_path)}) as fresh:
        page = opened(new_page(), fresh)  # its first request of all
        expect(page.get_by_text("Page not found")).to_have_count(0)
        expect(page.get_by_text("No picture yet.")).to_be_visible()
        before = set(tmp_path.rglob("*"))  # what libraries leave there when they are loaded
        upload(page, "noise.png", written.getvalue(), "image/png")
        expect(page.get_by_role("button", name="Download as JSON")).to_be_visible()
        assert set(tmp_path.rglob("*")) == before


def test_a_file_name_with_html_is_shown_and_not_run(new_page: NewPage, address: str, eosinophil_jpeg: bytes) -> None:
    page = opened(new_page(), address)
    name = "<img src=x onerror=document.title='run'>.jpg"
    upload(page, name, b"no picture")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror=")
    upload(page, name, eosinophil_jpeg)
    expect(page.get_by_role("heading", name="Eosinophil", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stText")).to_contain_text("<img src=x onerror=")
    assert page.locator("img[src=x]").count() == 0
    assert "run" not in page.title()


def test_a_phone_has_no_sideways_scroll(new_page: NewPage, address: str, eosinophil_jpeg: bytes) -> None:
    page = new_page(390, 844)
    for path, ready in (("/", "The eight types it knows"), ("/single_image", "What cell is this?")):
        page.goto(f"{address}{path}")
        expect(page.get_by_role("heading", name=ready)).to_be_visible()
        assert sideways(page) == 0
    upload(page, "a" * 120 + ".jpg", eosinophil_jpeg)
    expect(page.get_by_role("button", name="Download as JSON")).to_be_visible()
    assert sideways(page) == 0
    page.get_by_role("tab", name="Samples").click()
    expect(page.get_by_role("button", name="Platelet", exact=True)).to_be_visible()
    assert sideways(page) == 0


def sideways(page: Page) -> int:
    """Return by how many pixels the widest part of the page exceeds what is visible."""
    return int(
        page.evaluate(
            "Math.max(...[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth - e.clientWidth))"
        )
    )


def test_the_keyboard_alone_leads_from_home_to_a_result(
    new_page: NewPage, address: str, console_errors: list[str]
) -> None:
    page = new_page()
    page.goto(address)
    start = page.get_by_role("button", name="Classify a picture")
    expect(start).to_be_visible()
    tab_to(page, start)
    page.keyboard.press("Enter")
    expect(page.get_by_text("No picture yet.")).to_be_visible()
    tab_to(page, page.get_by_role("tab", name="Upload"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    sample = page.get_by_role("button", name="Lymphocyte", exact=True)
    expect(sample).to_be_visible()
    tab_to(page, sample)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Synthetic sample")).to_be_visible()
    expect(page.get_by_role("button", name="Download as JSON")).to_be_visible()
    assert unexpected(console_errors) == []


def tab_to(page: Page, target: object, most: int = 60) -> None:
    """Press Tab until an element has the focus; fails after `most` presses."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):  # type: ignore[attr-defined]
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} presses of Tab did not reach the element")


def test_the_health_route_answers_and_every_answer_forbids_foreign_scripts(address: str) -> None:
    with urllib.request.urlopen(f"{address}/healthz", timeout=5) as response:
        assert response.read() == b'{"status":"ok"}'
        policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'self'" in policy
