"""A name is a name: no export makes a formula of it, no page and no report a tag, a link or a script."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from tests.compared_models import install_predicting_model
from wbc_core.batches.folder import BatchFolder, Request, Standing
from wbc_core.batches.rows import BatchRow
from wbc_core.cli import detect
from wbc_core.cli import main as commands
from wbc_core.reports.tables import as_csv, as_json, as_workbook, safe_text
from wbc_core.runs.curves import read_history
from wbc_core.services.batch_files import batch_file
from wbc_core.services.batches import view_batch
from wbc_core.services.compare_report import as_rows
from wbc_core.services.comparing import compare_models
from wbc_core.services.curves import curves_csv
from wbc_core.services.error_gallery import NotedLabel, noted_csv
from wbc_core.services.single_image import ImageResult
from wbc_core.settings import settings
from wbc_core.ui.batch_pictures import _figure
from wbc_core.ui.compare_thumbnails import figure_html
from wbc_core.ui.wording import plain, short_name, with_commands

FORMULAS = (
    '=HYPERLINK("http://evil.example","x").png',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "＠SUM(A1)",
)
TAGS = (
    "<script>alert(1)</script>.png",
    "<img src=x onerror=alert(1)>.png",
    '"><svg onload=alert(1)>.png',
    "'><b>x</b>.png",
    "[click](javascript:alert(1)).png",
    "![x](http://evil.example/x.png)",
    "&lt;script&gt;.png",
    ":red[x] $x^2$ :material/home:",
    "a\u202egnp.exe",
)


def runs_as_formula(cell: str) -> bool:
    """Tell whether a spreadsheet takes the text of a cell of a CSV file for a formula."""
    return cell.lstrip(" \u00a0\ufeff\t\r\n").startswith(tuple("=+-@＝＋－＠")) and not _is_number(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def refuse_formulas(text: str) -> None:
    """Fail where a cell of a table is a formula."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) > 1
    assert [cell for row in rows for cell in row if runs_as_formula(cell)] == []


class Tags(HTMLParser):
    """Notes what a browser would make of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def refuse_tags(html: str, allowed: Sequence[str]) -> None:
    """Fail where foreign text became a tag, an attribute that runs, or an address that does."""
    found = Tags(html)
    assert set(found.names) <= set(allowed)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    for name, value in found.attributes:
        if name in ("href", "src", "action"):
            assert value.startswith(("data:image/", "#")), value


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("MODELS", "BATCHES", "DATA", "DATASETS", "CACHE", "RUNS"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


def batch_of(folder: Path, names: Sequence[str]) -> str:
    request = Request(
        id="a-batch",
        title=names[0],
        created=1.7e9,
        model_id="tiny",
        model_title=names[0],
        network="0" * 64,
        labels=("monocyte", "neutrophil"),
        chosen=False,
    )
    standing = Standing(state="finished", total=len(names) + 1)
    batch = BatchFolder.create(folder, request, standing, {name: f"{name} is no picture" for name in names})
    batch.add(
        [
            BatchRow(at, name, 9, "d" * 64, "monocyte", 0.9, "classified", probabilities=(0.9, 0.1))
            for at, name in enumerate(names)
        ]
    )
    batch.add([BatchRow(99, "z.png", 9, "", None, 0.0, "failed", error=names[0], hint=names[0])])
    return "a-batch"


def cells_of(book: bytes) -> list[tuple[object, str]]:
    opened = openpyxl.load_workbook(io.BytesIO(book))
    return [(cell.value, cell.data_type) for sheet in opened for row in sheet.iter_rows() for cell in row]


def test_no_file_of_a_batch_holds_a_formula(places: Path) -> None:
    batch_id = batch_of(places / "batches", FORMULAS)
    refuse_formulas(batch_file(batch_id, ".csv").decode())
    cells = cells_of(batch_file(batch_id, ".xlsx"))
    assert "f" not in {kind for _, kind in cells}
    assert FORMULAS[0] in {value for value, _ in cells}  # as a text, unchanged
    assert {row["file"] for row in json.loads(batch_file(batch_id, ".json"))["results"]} >= set(FORMULAS)


def test_no_table_holds_a_formula_in_its_cells_or_its_heading() -> None:
    records = [{"file": name, name: name} for name in FORMULAS]
    columns = ["file", *FORMULAS]
    refuse_formulas(as_csv(records, columns))
    book = as_workbook({"T": (columns, records)}, dict.fromkeys(FORMULAS, "=1+1"))
    assert "f" not in {kind for _, kind in cells_of(book)}
    assert json.loads(as_json(records, {}))["results"] == records


@pytest.mark.parametrize("name", FORMULAS)
def test_what_begins_like_a_formula_gets_an_apostrophe(name: str) -> None:
    assert safe_text(name) == f"'{name}"


@pytest.mark.parametrize("name", ["cell.png", "a=b", "1-2.png", "", "é.png", "'=1"])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert safe_text(name) == name


def test_training_curves_of_others_bring_no_formula_by_a_name_or_a_column() -> None:
    for name in FORMULAS:
        column = name.replace(",", ";").replace('"', "").strip() or "x"
        curve = read_history(f"epoch,loss,{column}\n0,1.0,5\n1,0.5,6\n".encode(), name)
        refuse_formulas(curves_csv({name: curve}))


def test_noted_labels_bring_no_formula() -> None:
    noted = {name: NotedLabel(name, "monocyte", name, 0.5, name) for name in FORMULAS}
    refuse_formulas(noted_csv(noted))


def test_the_tables_of_the_commands_bring_no_formula() -> None:
    stream = io.StringIO()
    failed = (ImageResult(name, None, 0.0, "failed", error=name, hint=name) for name in FORMULAS)
    assert commands._write_csv(stream, failed, ("monocyte", "neutrophil")) == (len(FORMULAS), len(FORMULAS))
    refuse_formulas(stream.getvalue())
    stream = io.StringIO()
    detect._write(stream, [{"file": name, "xmin": -1, "label": name} for name in FORMULAS], None)
    refuse_formulas(stream.getvalue())


def test_a_comparison_brings_no_formula_and_no_tag(places: Path) -> None:
    labels = ("monocyte", "neutrophil")
    install_predicting_model(places / "models", "one", "=1+1<script>alert(1)</script>", labels, pictures=24, noise=2)
    install_predicting_model(places / "models", "two", TAGS[1], labels, pictures=24, noise=3, seed=1)
    comparison = compare_models(("one", "two"))
    rows = as_rows(comparison)
    refuse_formulas(as_csv(rows, list(rows[0])))

    from wbc_core.ui.compare_choice import Compared
    from wbc_core.ui.compare_print import page_to_print

    names = {"one": "=1+1<script>alert(1)</script>", "two": TAGS[1]}
    given = {"comparison": comparison, "names": names, "shown": tuple(names.values())}
    compared = object.__new__(Compared)
    for name in Compared.__dataclass_fields__:
        object.__setattr__(compared, name, given.get(name, ()))
    page = page_to_print(compared, {TAGS[0]: "<svg></svg>"})
    plain_tags = ("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "strong", "ul", "li")
    refuse_tags(page, (*plain_tags, "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("name", TAGS)
def test_a_picture_with_a_tag_for_a_name_is_shown_by_its_letters(places: Path, name: str) -> None:
    figure = figure_html(name, name, None, [name])
    refuse_tags(figure, ("figure", "div", "figcaption", "strong", "ul", "li", "span"))
    view = view_batch(batch_of(places / "batches", [name]))
    row = BatchRow(0, name, 9, "", "monocyte", 0.9, "classified", probabilities=(0.9, 0.1))
    refuse_tags(_figure(view, row, 1), ("figure", "div", "figcaption", "br", "span", "b"))


@pytest.mark.parametrize("write", [plain, with_commands, lambda name: plain(short_name(name))])
@pytest.mark.parametrize("name", TAGS)
def test_markdown_in_a_name_is_shown_by_its_letters(name: str, write: Callable[[str], str]) -> None:
    shown = write(name)
    # Every mark of Markdown, HTML and Streamlit's directives has a backslash before it.
    assert not re.search(r"(?<!\\)[<>\[\]()!$:*_`&]", shown)
    assert shown.isprintable()
    assert "\u202e" not in shown
