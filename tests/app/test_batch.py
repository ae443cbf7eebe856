"""The page Batch: from an upload to counts and the pictures behind them; what has ended early can go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.own_batches import own_batches
from wbc_core.batches.folder import batch_folder
from wbc_core.batches.listing import Upload
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.services import batch_submission, batches
from wbc_core.settings import ROOT, settings
from wbc_core.ui.samples import drawn_cells

PAGE = str(ROOT / "pages" / "use" / "batch.py")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_batches(tmp_path, monkeypatch, {"tiny": CELL_TYPES, "study": ("lymphoblast", "normal_precursor")}):
        yield


def page(batch_id: str = "") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    if batch_id:
        app.query_params["batch"] = batch_id
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.header))


def done(uploads: dict[str, bytes], model: str = "tiny") -> str:
    batch_id = batch_submission.submit_uploads([Upload(*item) for item in uploads.items()], model_id=model)
    assert batches.worker().wait(batch_id, 60)
    return batch_id


def test_an_empty_page_says_what_to_do():
    app = page()
    assert not app.exception
    assert "No pictures yet" in texts(app)
    assert [button.label for button in app.button] == []


def test_an_upload_becomes_a_batch_with_an_address_and_the_uploader_is_emptied():
    app = page()
    cells = drawn_cells()
    app.file_uploader(key="batch_files_0").set_value(
        [(name, data, "image/png") for name, data in list(cells.items())[:5]]
    ).run()
    assert "5 files" in texts(app)
    app.button(key="batch_begin").click().run()
    assert not app.exception
    batch_id = app.query_params["batch"]
    batch_id = batch_id[0] if isinstance(batch_id, list) else batch_id
    assert batches.worker().wait(batch_id, 60)
    assert app.session_state["batch_turn"] == 1
    app.run()
    assert {metric.label: metric.value for metric in app.metric}["Failed"] == "0"


def test_counts_percentages_and_limits_stand_in_a_table_and_sum_to_a_hundred():
    app = page(done(drawn_cells()))
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "95 % limits" in frame.value)
    assert list(table.columns) == ["Cell", "Count", "%", "95 % limits"]
    assert sum(int(text) for text in table["%"]) == 100
    assert "classification, counting error only" in texts(app).replace("\\", "")
    app.number_input(key="smear_leukocytes").set_value(7.2).run()
    table = next(frame.value for frame in app.dataframe if "95 % limits" in frame.value)
    assert "10⁹/L" in table.columns


def test_failures_and_files_left_out_are_named_with_their_reason():
    app = page(done({"torn.png": b"\x89PNG", "notes.txt": b"x", **dict(list(drawn_cells().items())[:2])}))
    assert "torn" in texts(app)
    frames = [frame.value for frame in app.dataframe]
    left = next(frame for frame in frames if list(frame.columns) == ["File", "Why"])
    assert left.to_numpy().tolist() == [["notes.txt", "is no picture: files ending in .txt are left out"]]


def test_a_study_of_bone_marrow_gets_numbers_and_no_differential():
    app = page(done(dict(list(drawn_cells().items())[:6]), "study"))
    assert not app.exception
    assert all("95 % limits" not in frame.value for frame in app.dataframe)
    assert any(isinstance(frame.value, pd.DataFrame) and "Pictures" in frame.value for frame in app.dataframe)


def test_an_unknown_address_says_so_and_leads_back():
    app = page("20260101-0000000000000000")
    assert not app.exception
    assert app.error
    app.button(key="batch_back").click().run()
    assert "No pictures yet" in texts(app)


def test_after_a_restart_the_page_asks_for_the_same_files_again():
    files = dict(list(drawn_cells().items())[:4])
    batch_id = done(files)
    folder = batch_folder(settings().batches_dir, batch_id)
    lines = (folder.path / "rows.jsonl").read_text().splitlines(keepends=True)
    (folder.path / "rows.jsonl").write_text("".join(lines[:2]))
    folder.write_standing(folder.standing().model_copy(update={"state": "running"}))
    batches.worker.cache_clear()
    app = page(batch_id)
    assert "The server was ended while it worked on this batch" in app.info[0].title
    app.file_uploader(key="batch_again").set_value([(name, data, "image/png") for name, data in files.items()]).run()
    app.button(key="batch_continue").click().run()
    assert batches.worker().wait(batch_id, 60)
    assert len(batches.batch_rows(batch_id)) == 4


def test_a_deleted_batch_is_gone():
    batch_id = done(dict(list(drawn_cells().items())[:2]))
    app = page(batch_id)
    app.button(key="batch_delete").click().run()
    assert not app.exception
    assert not batches.exists(batch_id)
    assert "batch" not in app.query_params


def test_pictures_called_something_else_change_the_counts_and_stay_so_after_a_reload():
    batch_id = done(dict(list(drawn_cells().items())[:6]))
    app = page(batch_id)
    (wrong,) = (asked for asked in app.get("button_group") if str(asked.key).startswith("batch_wrong_"))
    wrong.set_value([1, 2]).run()
    (called,) = (asked for asked in app.selectbox if str(asked.key).startswith("batch_class_"))
    assert called.label == "These 2 pictures show"
    called.set_value("plasma_cell").run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "95 % limits" in frame.value)
    assert dict(zip(table["Cell"], table["Count"], strict=True))["Plasma cells"] == 2
    assert "2 of 6 pictures reviewed, 2 corrected" in texts(page(batch_id))
    app.button(key="batch_undo").click().run()
    assert "0 of 6 pictures reviewed" in texts(app)
