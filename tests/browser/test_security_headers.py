"""No page asks for anything that the content security policy forbids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from scripts.running_app import ROOT

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
SLOW_MS = 60_000
ROUTES = ("", *sorted(path.stem for path in (ROOT / "pages").glob("*/*.py")))

RECORD = """
window.violations = [];
document.addEventListener('securitypolicyviolation',
    event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


def settled(page: Page) -> None:
    """Wait until the page has been drawn."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("For Research Use Only.").first).to_be_visible(timeout=SLOW_MS)


def violations(page: Page) -> list[str]:
    return list(page.evaluate("window.violations"))


def test_no_page_violates_the_policy(new_page: NewPage, address: str, console_errors: list[str]) -> None:
    page = new_page()
    page.add_init_script(RECORD)
    for route in ROUTES:
        page.goto(f"{address}/{route}")
        settled(page)
        assert violations(page) == [], route
    page.goto(f"{address}/single_image")  # and with a result: its picture, its chart and its downloads
    settled(page)
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name="Lymphocyte", exact=True).click()
    expect(page.get_by_role("button", name="Download as JSON")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    assert violations(page) == []
    assert [error for error in console_errors if "Content Security Policy" in error] == []


def test_the_recorder_notices_a_violation(new_page: NewPage, address: str) -> None:
    page = new_page()
    page.add_init_script(RECORD)
    page.goto(address)
    settled(page)
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://foreign.example/x.png'}))")
    page.wait_for_function("window.violations.length > 0")
    assert violations(page) == ["img-src https://foreign.example/x.png"]
