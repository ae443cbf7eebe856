"""On the page Fields a cell is called something else, and the table of counts on the same page follows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import openpyxl
import pytest
from streamlit.testing.v1 import AppTest

from tests.own_batches import own_batches
from wbc_core.batches.listing import Upload
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic_fields import render_field
from wbc_core.services import field_runs
from wbc_core.services.field_corrections import add_cell, corrected_results
from wbc_core.services.roles import Action
from wbc_core.settings import ROOT
from wbc_core.ui.field_actions import CHOSEN, MISSED
from wbc_core.ui.field_downloads import fields_file
from wbc_core.ui.field_one import boxes_of

PAGE = str(ROOT / "pages" / "use" / "smear_field.py")


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A drawn field of three leukocytes, named by a tiny model."""
    drawn = render_field((("neutrophil", "lymphocyte"), ("platelet", "monocyte")), seed=3, side=200)
    data = cv2.imencode(".png", drawn[..., ::-1])[1].tobytes()
    with own_batches(tmp_path, monkeypatch, {"tiny": CELL_TYPES}):
        found = field_runs.submit_fields([Upload("drawn.png", data)])
        assert field_runs.runner().wait(found, 120)
        yield found
        field_runs.forget_fields(found)


def page(run_id: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params["fields"] = run_id
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption)).replace("\\", "")


def counts(app: AppTest) -> dict[str, int]:
    (table,) = (frame.value for frame in app.dataframe if "95 % limits" in frame.value)
    return {row["Cell"]: row["Count"] for _, row in table.iterrows() if row["Count"]}


def call_it(app: AppTest, label: str) -> None:
    (asked,) = (box for box in app.selectbox if str(box.key).startswith("field_class_"))
    asked.set_value(label).run()
    assert not app.exception


def test_a_cell_called_something_else_changes_the_counts_and_stays_so_after_a_reload(run_id: str) -> None:
    app = page(run_id)
    assert "0 of 3 cells reviewed. The count stays preliminary" in texts(app)
    app.session_state[CHOSEN] = 0
    app.run()
    call_it(app, "blast")
    assert counts(app)["Blasts"] == 1
    assert "1 of 3 cells reviewed, 1 corrected" in texts(app)
    assert "By hand; it was called" in texts(app)
    again = page(run_id)
    assert counts(again)["Blasts"] == 1, "another tab, or the same one reloaded"
    again.button(key="field_undo").click().run()
    assert "Blasts" not in counts(again)


def test_a_review_of_every_cell_changes_the_name_of_the_limits(run_id: str) -> None:
    app = page(run_id)
    app.button(key="field_next").click().run()
    for _ in range(3):
        number = app.session_state[CHOSEN]
        call_it(app, ("neutrophil", "lymphocyte", "not_a_cell")[number])
        if number < 2:
            assert "pre-classification, counting error only" in texts(app)
            app.button(key="field_next").click().run()
    assert "All 3 cells reviewed" in texts(app)
    assert "95 % limits: counting error only" in texts(app)
    assert counts(app) == {"Neutrophils": 1, "Lymphocytes": 1}
    assert "Not classed: 1" in texts(app)
    assert "field_next" not in [button.key for button in app.button]


def test_corrections_are_marked_in_picture_and_files(run_id: str) -> None:
    app = page(run_id)
    app.session_state[CHOSEN] = 1
    app.run()
    call_it(app, "smudge_cell")
    (result,) = corrected_results(field_runs.field_run(run_id))
    (box,) = (box for box in boxes_of(result, ["smudge_cell"]) if box.number == 1)
    assert box.style == "smudge_cell corrected"
    assert box.mark == "Smudge cell ✎"
    assert "By hand; it was called" in box.words
    rows = list(csv.DictReader(io.StringIO(fields_file(run_id, ".csv").decode())))
    assert (rows[1]["label"], rows[1]["reviewed"]) == ("smudge_cell", "True")
    assert rows[1]["corrected_from"] in {*CELL_TYPES, "unidentified"}
    assert rows[1]["model_label"] in CELL_TYPES
    content = json.loads(fields_file(run_id, ".json"))
    assert content["reviewed"] is False
    assert content["results"][1]["corrected_from"] == rows[1]["corrected_from"]
    sheet = openpyxl.load_workbook(io.BytesIO(fields_file(run_id, ".xlsx")))["Cells"]
    titles = [cell.value for cell in sheet[1]]
    assert sheet.cell(3, titles.index("reviewed") + 1).value is True
    assert sheet.cell(3, titles.index("label") + 1).value == "smudge_cell"


def test_a_table_of_the_cells_says_which_were_corrected_and_a_missed_one_can_be_added(run_id: str) -> None:
    app = page(run_id)
    app.selectbox(key=MISSED).set_value("eosinophil").run()
    assert not app.exception
    add_cell(run_id, 0, 200, 200, "eosinophil")  # what a click in the picture does; AppTest has no browser
    app.run()
    assert counts(app)["Eosinophils"] == 1
    (table,) = (frame.value for frame in app.dataframe if "By a person" in frame.value)
    assert list(table["By a person"])[-1] == "Added by hand: the search had missed it."


def test_a_technician_reads_how_far_the_review_is_and_which_role_it_takes(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("field_cell", "field_review"):
        monkeypatch.setattr(f"wbc_core.ui.{module}.may", lambda action: action is not Action.REVIEW)
    monkeypatch.setattr("wbc_core.ui.login.may", lambda action: action is not Action.REVIEW)
    app = page(run_id)
    assert "0 of 3 cells reviewed" in texts(app)
    assert any("takes the role reviewer" in box.value for box in app.info)
    assert not [box for box in app.selectbox if box.key == MISSED or str(box.key).startswith("field_class_")]
    assert not [button for button in app.button if button.key in ("field_rest", "field_undo", "field_remove")]
