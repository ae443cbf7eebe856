"""What stands in a page's address is compared with what there is: it opens no file, and is shown by its letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_ins import texts
from streamlit.testing.v1 import AppTest

from tests.compared_models import install_predicting_model
from wbc_core.runs.folder import HISTORY, SPEC

pytestmark = pytest.mark.usefixtures("folders")

EVIL = (
    "../../secret",
    "/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "model:../../secret",
    "x" * 3000,
    "a\0b",
)
PAGES = {
    "batch": ("../../pages/use/batch.py", ("batch",)),
    "smear field": ("../../pages/use/smear_field.py", ("fields",)),
    "compare models": ("../../pages/lab/compare_models.py", ("model", "set")),
    "error gallery": ("../../pages/lab/error_gallery.py", ("model", "set")),
    "training curves": ("../../pages/lab/training_curves.py", ("run",)),
    "training jobs": ("../../pages/lab/training_jobs.py", ("job",)),
}


@pytest.fixture
def something_to_find(folders: Path) -> None:
    """Two models with predictions, and beside all folders what no address may reach: a run, and a secret."""
    for number, model_id in enumerate(("one", "two")):
        labels = ("monocyte", "neutrophil")
        install_predicting_model(
            folders / "models", model_id, f"{model_id} <b>x</b>", labels, pictures=24, noise=2, seed=number
        )
    for place in (folders / "secret", folders.parent / "secret"):
        place.mkdir(exist_ok=True)
        (place / HISTORY).write_text("epoch,loss\n0,1.0\n1,0.5\n")
        (place / SPEC).write_text("title: a-secret-title\n")


def raw(page: AppTest) -> str:
    """Return what the page shows as Markdown and HTML, with the escapes that it holds."""
    kinds = (page.title, page.header, page.subheader, page.markdown, page.caption)
    found = [str(element.value) for kind in kinds for element in kind]
    found += [f"{alert.proto.title}\n{alert.value}" for alert in [*page.error, *page.warning]]
    return "\n".join([*found, *(html.proto.body for html in page.html)])


@pytest.mark.parametrize("name", PAGES)
def test_no_address_of_a_page_leads_anywhere_or_becomes_a_tag(
    name: str, open_home: Callable[[], AppTest], something_to_find: None
) -> None:
    path, parameters = PAGES[name]
    page = open_home().switch_page(path)
    for evil in EVIL:
        for parameter in parameters:
            page.query_params[parameter] = evil
        page.run(timeout=120)
        assert not page.exception, (evil, page.exception)
        shown = raw(page)
        assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(javascript|(?<!\\)<b>x", shown), evil
        assert "a-secret-title" not in texts(page)
        assert "root:x:" not in shown
