"""The page Smear field: from camera pictures to boxes, a differential over all fields, and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from wbc_core.batches.listing import Upload
from wbc_core.errors import WbcError
from wbc_core.services import field_runs
from wbc_core.services.field_results import COLUMNS, MORE_COLUMNS, REVIEW_COLUMNS
from wbc_core.services.field_totals import totals_of
from wbc_core.settings import ROOT
from wbc_core.smear.fields.cells import KINDS
from wbc_core.ui.field_downloads import fields_file
from wbc_core.ui.field_one import boxes_of

PAGE = str(ROOT / "pages" / "use" / "smear_field.py")


def page(run_id: str = "") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    if run_id:
        app.query_params["fields"] = run_id
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.header)).replace("\\", "")


@pytest.fixture(scope="module")
def fields(data_dir: Path) -> tuple[Upload, ...]:
    """Two camera fields, and a text that only claims to be one."""
    files = sorted((data_dir / "bccd" / "JPEGImages").glob("*.jpg"))[:2]
    return (*(Upload(file.name, file.read_bytes()) for file in files), Upload("torn.jpg", b"\xff\xd8no picture"))


@pytest.fixture(scope="module")
def run_id(fields: tuple[Upload, ...]) -> Iterator[str]:
    found = field_runs.submit_fields(fields)
    assert field_runs.runner().wait(found, 120)
    yield found
    field_runs.forget_fields(found)


def test_an_empty_page_says_what_to_do() -> None:
    app = page()
    assert not app.exception
    assert "No fields yet" in texts(app)
    assert "field_begin" not in [button.key for button in app.button]


def test_fields_become_a_run_with_an_address(fields: tuple[Upload, ...]) -> None:
    app = page()
    app.file_uploader(key="field_files_0").set_value([(fields[0].name, fields[0].data, "image/jpeg")]).run()
    app.button(key="field_begin").click().run()
    assert not app.exception
    found = app.query_params["fields"]
    found = found[0] if isinstance(found, list) else found
    assert field_runs.runner().wait(found, 120)
    app.run()
    assert "Platelets" in [header.value for header in app.subheader]
    field_runs.forget_fields(found)


def test_every_leukocyte_counts_once_and_what_failed_is_named(run_id: str) -> None:
    app = page(run_id)
    assert not app.exception
    run = field_runs.field_run(run_id)
    totals = totals_of(run.results)
    leukocytes = sum(len(result.counted("wbc")) for result in run.results)
    assert leukocytes > 0
    assert totals.fields == 2
    assert sum(totals.classified.values()) + sum(totals.reasons.values()) == leukocytes
    assert "torn.jpg" in texts(app)
    assert any("95 % limits" in frame.value for frame in app.dataframe)


def test_every_cell_shown_has_a_box_and_small_ones_lie_on_top(run_id: str) -> None:
    result = field_runs.field_run(run_id).results[0]
    boxes = boxes_of(result, list(KINDS))
    assert sorted(box.number for box in boxes) == list(range(len(result.cells)))
    sizes = [(box.xmax - box.xmin) * (box.ymax - box.ymin) for box in boxes]
    assert sizes == sorted(sizes, reverse=True)


def test_the_files_hold_one_row_a_cell(run_id: str) -> None:
    run = field_runs.field_run(run_id)
    cells = sum(len(result.cells) for result in run.results) + 1  # the one that could not be read has a row
    rows = list(csv.DictReader(io.StringIO(fields_file(run_id, ".csv").decode())))
    assert len(rows) == cells
    assert tuple(rows[0]) == (*COLUMNS, *REVIEW_COLUMNS)
    content = json.loads(fields_file(run_id, ".json"))
    assert len(content["results"]) == cells
    assert [field["status"] for field in content["fields"]] == ["counted", "counted", "failed"]
    book = openpyxl.load_workbook(io.BytesIO(fields_file(run_id, ".xlsx")))
    assert book.sheetnames == ["Cells", "Fields", "About"]
    assert pd.DataFrame(book["Cells"].values).shape == (cells + 1, len((*COLUMNS, *MORE_COLUMNS, *REVIEW_COLUMNS)))


def test_an_estimate_of_platelets_needs_the_laboratorys_own_factor(run_id: str) -> None:
    app = page(run_id)
    assert "an estimate from" not in texts(app)
    app.number_input(key="field_platelet_factor").set_value(15.0).run()
    assert "an estimate from 2 fields" in texts(app)


def test_what_is_forgotten_is_gone(fields: tuple[Upload, ...]) -> None:
    found = field_runs.submit_fields(fields[2:])
    assert field_runs.runner().wait(found, 60)
    app = page(found)
    app.button(key="field_forget").click().run()
    assert "fields" not in app.query_params
    with pytest.raises(WbcError, match="The server no longer has these fields"):
        field_runs.field_run(found)


def test_nothing_to_look_at_is_said_at_once() -> None:
    with pytest.raises(WbcError, match=r"There is no picture among what was handed in; notes\.txt is no picture"):
        field_runs.submit_fields([Upload("notes.txt", b"x")])
