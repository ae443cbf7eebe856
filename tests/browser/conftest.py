"""The real app in the system's Chromium: one server for the run, a fresh page for each test."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.running_app import CHROMIUM_ARGUMENTS, chromium_path, running_app

WAIT_MS = 30_000  # a busy machine is not a broken promise
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium; skips where there is none, fails in CI."""
    path = chromium_path()
    if path is None:
        reason = "Chromium is not installed: apt-get install chromium."
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """The app's address."""
    with running_app() as url:
        yield url


@pytest.fixture
def console_errors() -> list[str]:
    """What the pages of this test wrote to the console as errors."""
    return []


@pytest.fixture
def new_page(browser: Browser, console_errors: list[str]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an empty page, by default at desktop width."""
    contexts = []

    def opened(width: int = 1280, height: int = 900) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda entry: console_errors.append(entry.text) if entry.type == "error" else None)
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def eosinophil_jpeg(data_dir: Path) -> bytes:
    """A real eosinophil of the test part of PBC, as a JPEG file."""
    split = pd.read_csv(data_dir / "pbc" / "split.csv")
    file = split[(split["split"] == "test") & (split["label"] == "eosinophil")]["file"].iloc[0]
    written = io.BytesIO()
    with Image.open(data_dir / "pbc" / file) as image:
        image.convert("RGB").save(written, "JPEG", quality=95)
    return written.getvalue()
