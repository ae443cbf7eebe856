"""What an instructor does: write a recipe on the page, start it, watch it, and use the model that comes of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import cv2
import pytest
from playwright.sync_api import Page, expect

from scripts.running_app import ROOT, running_app
from tests.drawn_cells import draw_set
from wbc_core.datasets.synthetic import render_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]
TRAINING_MS = 240_000  # TensorFlow alone takes ten seconds to start
LABELS = ("lymphocyte", "neutrophil")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app that has a data set of 32 drawn cells, the default model, and a worker."""
    root = tmp_path_factory.mktemp("laboratory")
    folders = {name: root / name for name in ("data", "datasets", "runs", "cache", "models")}
    draw_set(folders["data"] / "drawn-cells", labels=LABELS, train=8, val=4, test=4, size=96)
    shutil.copytree(ROOT / "models" / "wbc8-lite0", folders["models"] / "wbc8-lite0")
    with running_app({f"WBC_{name.upper()}_DIR": str(folder) for name, folder in folders.items()}) as address:
        yield address


def fill(page: Page, label: str, value: str) -> None:
    """Enter a value as a visitor does, who leaves the field afterwards."""
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Tab")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()


def test_two_epochs_are_submitted_watched_drawn_promoted_and_used(new_page: NewPage, laboratory: str) -> None:
    page = new_page()
    page.goto(f"{laboratory}/training_jobs")
    expect(page.get_by_role("heading", name="Train a model")).to_be_visible()
    expect(page.get_by_text("drawn-cells (16 training pictures)").first).to_be_visible()
    fill(page, "Title", "Two drawn types")
    fill(page, "Id of the model", "two-drawn-types")
    choose(page, "Network", "Baseline CNN")
    fill(page, "Input size in pixels", "32")
    fill(page, "Epochs", "2")
    fill(page, "Pictures in a batch", "8")
    expect(page.get_by_text("2 epochs")).to_be_visible()
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_role("heading", name="Two drawn types")).to_be_visible()
    expect(page.get_by_role("button", name="Use this model")).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_text("Right on pictures it never saw")).to_be_visible()
    expect(page.get_by_role("heading", name="Curves")).to_be_visible()
    expect(page.locator("canvas, svg.marks").first).to_be_visible()
    job = page.url.split("job=")[1]

    page.get_by_role("link", name="Compare with other trainings").click()
    expect(page.get_by_role("heading", name="How did the training go?")).to_be_visible()
    expect(page.locator("canvas, svg.marks").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Values as CSV").click()
    assert download.value.path().read_text().count("\n") > 2

    page.goto(f"{laboratory}/training_jobs?job={job}")
    page.get_by_role("button", name="Use this model").click()
    expect(page.get_by_text("In the model chooser")).to_be_visible()
    page.get_by_role("button", name="Classify a picture with it").click()
    expect(page.get_by_role("heading", name="What cell is this?")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile("Two drawn types"))
    page.locator("input[type=file]").set_input_files(
        {"name": "cell.png", "mimeType": "image/png", "buffer": drawn_png("neutrophil", 99)}
    )
    expect(page.get_by_text("calibrated confidence")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def drawn_png(label: str, seed: int) -> bytes:
    """A drawn cell that the training has not seen, as a PNG file."""
    done, encoded = cv2.imencode(".png", render_cell(label, seed=seed, size=192)[..., ::-1])
    assert done
    return encoded.tobytes()
