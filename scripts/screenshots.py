"""Write the pictures of the documentation: each page, on a desktop and a phone, in light and dark.

The pages about cells show drawn ones, so that no picture of a data set is published here. The training pages show a
laboratory made for the occasion, see scripts/demonstration.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import cv2
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.demonstration import Laboratory, make_laboratory
from scripts.running_app import CHROMIUM_ARGUMENTS, ROOT, chromium_path, running_app
from wbc_core.datasets.synthetic import render_cell

IMAGES = ROOT / "docs" / "images"
SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}
TALLEST = 4000  # px
SAMPLE = "Neutrophil"
CELLS, TRAINING = "cells", "training"
OF_FEW_COLOURS = (TRAINING, "batch", "compare")
"""Pages without large photographs, by the beginnings of their names."""

SMEAR = (*("neutrophil",) * 6, *("lymphocyte",) * 3, "monocyte", "eosinophil", "platelet")
TORN = 17


def main() -> None:
    """Serve the app and photograph its pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures; all are kept in another one")
    parser.add_argument("--address", help="address of an app that runs already, for the pages about cells alone")
    parser.add_argument("--only", choices=(CELLS, TRAINING), help="only the pages about cells, or about training")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.address:
        photograph(cell_pages, arguments.address, arguments.out)
        return
    if arguments.only != TRAINING:
        with running_app({"WBC_JOBS_WORKER": "false"}) as address:
            photograph(cell_pages, address, arguments.out)
    if arguments.only != CELLS:
        with tempfile.TemporaryDirectory() as root:
            laboratory = make_laboratory(Path(root))
            with running_app(laboratory.environment) as address:
                photograph(lambda page, base: training_pages(page, base, laboratory), address, arguments.out)
    if arguments.out == IMAGES:
        keep_those_shown()


def keep_those_shown() -> None:
    """Remove the pictures that no document shows."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = "\n".join(document.read_text(encoding="utf-8") for document in documents)
    for file in IMAGES.glob("*.png"):
        if file.name not in shown:
            file.unlink()


def photograph(pages: Callable[[Page, str], Iterator[str]], address: str, out: Path) -> None:
    """Write ``<page>-<screen>-<theme>.png`` for each page that is opened one after the other, screen and theme."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        for screen, size in SCREENS.items():
            for theme in ("light", "dark"):
                page = _open(browser, size, theme)
                for name in pages(page, address):
                    file = out / f"{name}-{screen}-{theme}.png"
                    _save(page, size, file)
                    if name.startswith(OF_FEW_COLOURS):
                        _reduce(file)
                page.context.close()
        browser.close()


def cell_pages(page: Page, address: str) -> Iterator[str]:
    """Open home, the result of a sample, a batch and the comparison; give the name of each once it is all there."""
    page.goto(f"{address}/")
    page.get_by_role("button", name="Platelet", exact=True).wait_for()
    yield "home"
    page.goto(f"{address}/single_image")
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name=SAMPLE, exact=True).click()
    page.get_by_role("button", name="Download as JSON").wait_for()
    page.locator("canvas, svg.marks").first.wait_for()
    yield "single_image"
    page.goto(f"{address}/batch")
    page.locator("input[type=file]").first.set_input_files(
        {"name": "drawn cells.zip", "mimeType": "application/zip", "buffer": drawn_archive()}
    )
    page.get_by_role("button", name="Classify them").click()
    page.get_by_text("Take the results along").wait_for()
    yield "batch"
    page.goto(f"{address}/compare_models")
    page.get_by_role("button", name="Figures as CSV").wait_for()
    yield "compare_models"


def drawn_archive() -> bytes:
    """Return a zip of 60 drawn cells, in about the shares of a smear, and a file that is torn."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(60):
            label = SMEAR[number % len(SMEAR)]
            data = cv2.imencode(".png", render_cell(label, seed=number)[..., ::-1])[1].tobytes()
            archive.writestr(f"{number:03}.png", data[:400] if number == TORN else data)
    return target.getvalue()


def training_pages(page: Page, address: str, laboratory: Laboratory) -> Iterator[str]:
    """Open the list of jobs, the form, a finished job, and two trainings over each other."""
    laboratory.keep_alive()
    page.goto(f"{address}/training_jobs")
    page.get_by_role("progressbar").first.wait_for()
    yield "training_jobs"
    page.get_by_role("tab", name="New training").click()
    page.get_by_text("What it will take").wait_for()
    yield "training_form"
    page.goto(f"{address}/training_jobs?job={laboratory.compared}")
    page.get_by_text("Last lines of the log").wait_for()
    page.locator("canvas, svg.marks").nth(2).wait_for()
    yield "training_job"
    page.goto(f"{address}/training_curves?run={laboratory.finished}&run={laboratory.compared}")
    page.get_by_text("The same as text").wait_for()
    page.locator("canvas, svg.marks").nth(2).wait_for()
    yield "training_curves"


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


def _reduce(file: Path) -> None:
    """Keep 256 colours, which a page without photographs does not exceed by much: a third of the size."""
    with Image.open(file) as image:
        image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            file, optimize=True
        )


if __name__ == "__main__":
    main()
