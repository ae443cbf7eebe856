"""A person's word goes before the model's in a batch, too: counts and files follow, a restart forgets nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from tests.own_batches import own_batches
from wbc_core.batches.folder import batch_folder
from wbc_core.batches.listing import Upload
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.errors import WbcError
from wbc_core.services import batch_corrections as corrections
from wbc_core.services import batch_submission, batches
from wbc_core.services.batch_files import batch_file
from wbc_core.services.differential import count_answers, count_table
from wbc_core.settings import settings
from wbc_core.smear.case import Case
from wbc_core.ui.samples import drawn_cells


@pytest.fixture
def batch_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Six drawn cells of which one is there twice, and a torn picture."""
    with own_batches(tmp_path, monkeypatch, {"tiny": CELL_TYPES}):
        cells = list(drawn_cells().items())[:6]
        uploads = [*(Upload(*item) for item in cells), Upload("again.png", cells[0][1]), Upload("torn.png", b"\x89PNG")]
        found = batch_submission.submit_uploads(uploads)
        assert batches.worker().wait(found, 60)
        yield found


def named(batch_id: str) -> dict[str, tuple[str, bool, str]]:
    return {
        row.file: (row.label or "", row.reviewed, row.corrected_from) for row in corrections.corrected_rows(batch_id)
    }


def test_a_corrected_picture_changes_counts_files_and_its_repeat_and_can_be_taken_back(batch_id):
    before = named(batch_id)
    (first, second, *_) = before
    corrections.decide_pictures(batch_id, [first, second], "band_neutrophil")
    corrections.decide_pictures(batch_id, [second], "not_a_cell")
    after = named(batch_id)
    assert after[first][:2] == after["again.png"][:2] == ("band_neutrophil", True)
    assert after[first][2] in {*CELL_TYPES, "unidentified"}
    review = corrections.review_of_batch(batch_id)
    assert review.tally.labels["band_neutrophil"] == 1, "the repeat is not counted"
    assert (review.pictures, review.seen, review.corrected, review.steps) == (6, 2, 2, 2)
    assert not review.finished
    corrections.take_back_decision(batch_id)
    assert named(batch_id)[second][0] == "band_neutrophil"
    corrections.take_back_decision(batch_id)
    assert named(batch_id) == before
    assert not corrections.take_back_decision(batch_id)


def test_another_process_finds_the_corrections_and_the_rows_stay_as_the_model_wrote_them(batch_id):
    folder = batch_folder(settings().batches_dir, batch_id)
    rows = (folder.path / "rows.jsonl").read_bytes()
    assert b"reviewed" not in rows
    (first, *_) = named(batch_id)
    corrections.decide_pictures(batch_id, [first], "blast")
    with (folder.path / "decisions.jsonl").open("a") as stream:
        stream.write('{"labels": {"torn')  # by a power cut
    batches.worker.cache_clear()
    assert named(batch_id)[first][0] == "blast"
    corrections.decide_pictures(batch_id, [first], "plasma_cell")
    assert named(batch_id)[first][0] == "plasma_cell"
    assert (folder.path / "rows.jsonl").read_bytes() == rows
    batches.delete_batch(batch_id)
    assert not folder.path.exists()


def test_files_hold_both_names_and_count_like_the_page(batch_id):
    files = [file for file in named(batch_id) if file not in ("again.png", "torn.png")]
    corrections.confirm_pictures(batch_id, files)
    corrections.decide_pictures(batch_id, files[:2], "reactive_lymphocyte")
    table = batch_file(batch_id, ".csv")
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(table.decode()))}
    assert rows[files[0]]["label"] == "reactive_lymphocyte"
    assert rows[files[0]]["corrected_from"] in {*CELL_TYPES, "unidentified"}
    assert (rows[files[0]]["reviewed"], rows[files[0]]["confidence"]) == ("True", "")
    content = json.loads(batch_file(batch_id, ".json"))
    assert content["results"][0]["corrected_from"] == rows[files[0]]["corrected_from"]
    assert content["corrected by hand"] == 2
    sheet = openpyxl.load_workbook(io.BytesIO(batch_file(batch_id, ".xlsx")))["Pictures"]
    assert sheet.cell(2, [cell.value for cell in sheet[1]].index("reviewed") + 1).value is True

    corrections.decide_pictures(batch_id, files[2:], "monocyte")
    review = corrections.review_of_batch(batch_id)
    assert review.finished
    page = count_answers(
        CELL_TYPES, review.tally.labels, review.tally.reasons, Case(), failed=1, repeats=1, reviewed=True
    )
    assert count_table(batch_file(batch_id, ".csv"), "batch.csv", Case()) == page
    assert page.limits_are == "counting error only"


@pytest.mark.parametrize(
    ("files", "label", "message"),
    [
        (["nowhere.png"], "blast", "There is no picture nowhere.png in this batch."),
        (["again.png"], "blast", "again.png is the same picture as basophil_1.png."),
        (["torn.png"], "blast", "torn.png could not be read: nothing is counted of it."),
        ([], "hairy", '"hairy" is no name for a cell here.'),
    ],
)
def test_what_cannot_be_corrected_says_why(batch_id, files, label, message):
    first = next(iter(named(batch_id)))
    with pytest.raises(WbcError) as refused:
        corrections.decide_pictures(batch_id, files, label)
    assert refused.value.message.replace(first, "basophil_1.png") == message
    assert refused.value.hint
    assert corrections.review_of_batch(batch_id).steps == 0
