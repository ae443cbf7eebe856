"""Write the pictures of the documentation: each page, on a desktop and a phone, in light and dark.

The single-image page shows a drawn sample, so that no picture of a data set is published here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.running_app import CHROMIUM_ARGUMENTS, ROOT, chromium_path, running_app

SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}
TALLEST = 4000  # px
SAMPLE = "Neutrophil"


def main() -> None:
    """Serve the app and photograph its pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="folder of the pictures")
    parser.add_argument("--address", help="address of an app that runs already")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.address:
        photograph(arguments.address, arguments.out)
    else:
        with running_app() as address:
            photograph(address, arguments.out)


def photograph(address: str, out: Path) -> None:
    """Write ``<page>-<screen>-<theme>.png`` for each page, screen and theme."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        for screen, size in SCREENS.items():
            for theme in ("light", "dark"):
                page = _open(browser, size, theme)
                page.goto(f"{address}/")
                page.get_by_role("button", name="Platelet", exact=True).wait_for()
                _save(page, size, out / f"home-{screen}-{theme}.png")
                page.goto(f"{address}/single_image")
                page.get_by_role("tab", name="Samples").click()
                page.get_by_role("button", name=SAMPLE, exact=True).click()
                page.get_by_role("button", name="Download as JSON").wait_for()
                page.locator("canvas, svg.marks").first.wait_for()
                _save(page, size, out / f"single_image-{screen}-{theme}.png")
                page.context.close()
        browser.close()


def _open(browser: Browser, size: tuple[int, int], theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    return context.new_page()


def _save(page: Page, size: tuple[int, int], file: Path) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)  # the header's shadow, and pictures that fade in
    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": max(size[1], min(tall, TALLEST))})
    page.wait_for_timeout(700)
    page.screenshot(path=file)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    print(file.name)


if __name__ == "__main__":
    main()
