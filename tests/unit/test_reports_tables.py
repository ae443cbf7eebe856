"""Tables leave as typed cells, and no text becomes a formula."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest

from wbc_core.reports.tables import as_csv, as_json, as_workbook, safe_text

COLUMNS = ("file", "confidence", "same_as")
NASTY = ['=HYPERLINK("http://x","y")', "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", NASTY)
def test_a_csv_text_that_begins_like_a_formula_is_disarmed(text):
    assert safe_text(text) == f"'{text}"
    (row,) = csv.DictReader(io.StringIO(as_csv([{"file": text, "confidence": 0.5}], COLUMNS), newline=""))
    assert row["file"].startswith("'")


def test_numbers_stay_numbers_in_csv_even_negative_ones():
    assert as_csv([{"file": "a", "confidence": -0.5, "same_as": None}], COLUMNS).splitlines() == [
        "file,confidence,same_as",
        "a,-0.5,",
    ]


def test_a_workbook_holds_typed_cells_and_no_formula():
    records = [{"file": text, "confidence": 0.25, "same_as": ""} for text in [*NASTY, "plain.png"]]
    book = openpyxl.load_workbook(
        io.BytesIO(as_workbook({"Pictures": (COLUMNS, records)}, {"model": "=1+1", "pictures": 7}))
    )
    assert book.sheetnames == ["Pictures", "About"]
    cells = list(book["Pictures"].iter_rows(min_row=2))
    assert [line[0].data_type for line in cells] == ["s"] * 7
    assert [line[1].data_type for line in cells] == ["n"] * 7
    assert cells[0][0].value == NASTY[0]
    assert book["About"]["B1"].data_type == "s"
    assert book["About"]["B2"].value == 7


def test_a_workbook_cuts_a_text_that_no_cell_can_hold():
    book = openpyxl.load_workbook(io.BytesIO(as_workbook({"T": (("file",), [{"file": "x" * 40_000}])}, {})))
    assert len(book["T"]["A2"].value) == 32_767


def test_json_says_what_it_is_about():
    content = json.loads(as_json([{"file": "é"}], {"model": "m"}))
    assert content == {"model": "m", "results": [{"file": "é"}]}
