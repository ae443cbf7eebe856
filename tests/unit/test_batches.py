"""A batch loses no picture, does none twice, counts none twice, and says what became of each."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.own_batches import own_batches
from tests.packed_pictures import noise as png
from tests.packed_pictures import zipped
from wbc_core.batches.folder import BatchFolder, Request, Standing, forget_older
from wbc_core.batches.listing import Upload, list_uploads
from wbc_core.batches.rows import BatchRow, repeated, row_of_line
from wbc_core.batches.tally import Tally
from wbc_core.batches.worker import BatchWorker, Work
from wbc_core.errors import WbcError
from wbc_core.inference.cards import load_card, save_card
from wbc_core.services import batch_submission, batches
from wbc_core.settings import settings


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_batches(tmp_path, monkeypatch, {"tiny": ("neutrophil", "lymphocyte")}):
        yield


def finished(batch_id: str) -> batches.BatchView:
    assert batches.worker().wait(batch_id, 60)
    return batches.view_batch(batch_id)


def test_every_picture_of_an_upload_gets_a_row_in_its_order():
    archive = zipped({f"cells/{number:02}.png": png(number) for number in range(40)})
    view = finished(batch_submission.submit_uploads([Upload("cells.zip", archive), Upload("one.PNG", png(99))]))
    assert view.standing.state == "finished"
    names = [row.file for row in batches.batch_rows(view.request.id)]
    assert names == [*(f"cells.zip/cells/{number:02}.png" for number in range(40)), "one.PNG"]
    assert view.tally.done == view.standing.total == 41
    assert view.missing == 0


def test_what_cannot_be_read_is_named_and_stops_nothing():
    torn = zipped({"good.png": png(1), "torn.png": png(2)[:100], "text.png": b"no picture", "doc.docx": b"x"})
    nested = zipped({"inner.zip": zipped({"a.png": png(3)}), "b.png": png(4)})
    view = finished(
        batch_submission.submit_uploads(
            [Upload("a.zip", torn), Upload("b.zip", nested), Upload("c.zip", b"PK no archive"), Upload("d.pdf", b"x")]
        )
    )
    assert {row.file: row.error for row in view.tally.failures}.keys() == {"a.zip/torn.png", "a.zip/text.png", "c.zip"}
    assert all(row.error and row.hint for row in view.tally.failures)
    assert view.left_out == {
        "a.zip/doc.docx": "is no picture: files ending in .docx are left out",
        "b.zip/inner.zip": "is an archive inside; unpack it and hand in its pictures",
        "d.pdf": "is no picture: files ending in .pdf are left out",
    }
    assert view.tally.done == 5


def test_an_encrypted_entry_says_so():
    data = bytearray(zipped({"a.png": png(1)}))
    for start in (data.find(b"PK\x03\x04") + 6, data.find(b"PK\x01\x02") + 8):
        data[start] |= 1
    view = finished(batch_submission.submit_uploads([Upload("a.zip", bytes(data))]))
    assert view.tally.failures[0].error == "a.zip/a.png is encrypted."
    assert view.tally.failures[0].hint == "Pack the pictures without a password."


def test_an_entry_larger_than_the_limit_is_refused_however_small_it_claims_to_be(monkeypatch):
    monkeypatch.setenv("WBC_MAX_UPLOAD_MB", "1")
    settings.cache_clear()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 3_000_000)
    honest = target.getvalue()
    view = finished(batch_submission.submit_uploads([Upload("a.zip", honest)]))
    assert view.tally.failures[0].error == "a.zip/bomb.png has 3 MB; the limit is 1 MB."
    lying = bytearray(honest)
    where = lying.find(b"PK\x01\x02") + 24
    lying[where : where + 4] = (1000).to_bytes(4, "little")
    view = finished(batch_submission.submit_uploads([Upload("a.zip", bytes(lying))]))
    assert view.tally.statuses["failed"] == 1


def test_two_files_of_one_name_are_two_pictures():
    listing = list_uploads([Upload("a.png", png(1)), Upload("a.png", png(2)), Upload("a.png", png(3))])
    assert [picture.name for picture in listing.pictures] == ["a.png", "a.png (2)", "a.png (3)"]
    assert [picture.read() for picture in listing.pictures] == [png(1), png(2), png(3)]


def test_a_picture_handed_in_twice_is_noticed_and_counts_once():
    view = finished(
        batch_submission.submit_uploads([Upload("a.png", png(1)), Upload("b.png", png(2)), Upload("c.png", png(1))])
    )
    assert view.tally.repeats == 1
    assert view.tally.statuses.total() == 2
    assert repeated(batches.batch_rows(view.request.id)) == {"c.png": "a.png"}


def test_nothing_to_classify_is_said_before_anything_is_kept():
    with pytest.raises(WbcError) as refused:
        batch_submission.submit_uploads([Upload("notes.txt", b"x"), Upload("b.pdf", b"x")])
    assert refused.value.message == (
        "There is no picture among what was handed in; notes.txt is no picture: files ending in .txt are left out, and"
        " 1 more."
    )
    assert list(batches.list_batches()) == []


def test_uploads_that_do_not_fit_into_memory_are_refused_and_leave_nothing(monkeypatch):
    monkeypatch.setenv("WBC_BATCH_MEMORY_MB", "10")
    settings.cache_clear()
    batches.worker.cache_clear()
    with pytest.raises(WbcError, match=r"The pictures have 11 MB, and other batches hold 0 MB of the 10 MB"):
        batch_submission.submit_uploads([Upload("a.png", bytes(11_000_000))])
    assert list(batches.list_batches()) == []


def test_a_cancelled_batch_keeps_what_is_done_and_goes_on_when_asked(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(200):
        (pictures / f"{number:03}.png").write_bytes(png(number))
    batch_id = batch_submission.submit_paths([pictures])
    assert batches.cancel_batch(batch_id)
    view = finished(batch_id)
    assert view.standing.state == "cancelled"
    before = batches.batch_rows(batch_id)
    assert len(before) < 200
    batch_submission.continue_batch(batch_id)
    assert finished(batch_id).standing.state == "finished"
    after = batches.batch_rows(batch_id)
    assert len(after) == len({row.file for row in after}) == 200
    assert len(list(BatchFolder(tmp_path / "batches" / batch_id).rows())) == 200, "none was done twice"


def test_after_a_restart_an_upload_goes_on_when_it_is_handed_in_again():
    files = {f"{number:02}.png": png(number) for number in range(80)}
    upload = [Upload("cells.zip", zipped(files))]
    batch_id = batch_submission.submit_uploads(upload)
    finished(batch_id)
    folder = batches.batch_folder(settings().batches_dir, batch_id)
    lines = (folder.path / "rows.jsonl").read_text().splitlines(keepends=True)
    (folder.path / "rows.jsonl").write_text("".join(lines[:30]) + lines[30][:50])  # as a power cut leaves it
    folder.write_standing(folder.standing().model_copy(update={"state": "running"}))
    batches.worker.cache_clear()

    view = batches.view_batch(batch_id)
    assert (view.standing.state, view.tally.done, view.missing) == ("interrupted", 30, 50)
    assert view.standing.hint == "Hand in the same files again: what is done is kept and not done again."
    assert batches.read_picture(batch_id, batches.batch_rows(batch_id)[0]) is None
    with pytest.raises(WbcError, match="no longer has the pictures"):
        batch_submission.continue_batch(batch_id)
    with pytest.raises(WbcError, match="None of the pictures handed in belongs to this batch"):
        batch_submission.continue_batch(batch_id, [Upload("other.png", png(1))])
    batch_submission.continue_batch(batch_id, upload)
    assert finished(batch_id).standing.state == "finished"
    rows = list(folder.rows())
    assert [row.to_line() for row in rows] == lines
    assert batches.read_picture(batch_id, rows[7]) == files["07.png"]


def test_a_server_continues_by_itself_what_lies_on_its_disk(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    batch_id = batch_submission.submit_paths([tmp_path / "a.png"])
    finished(batch_id)
    folder = batches.batch_folder(settings().batches_dir, batch_id)
    (folder.path / "rows.jsonl").unlink()
    folder.write_standing(folder.standing().model_copy(update={"state": "running"}))
    batches.worker.cache_clear()
    assert batch_submission.continue_interrupted() == 1
    assert finished(batch_id).tally.done == 1


def test_another_network_may_not_go_on_with_a_batch(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    batch_id = batch_submission.submit_paths([tmp_path / "a.png"])
    finished(batch_id)
    model = tmp_path / "models" / "tiny"
    card = load_card(model)
    other = {**card.files, "model.onnx": card.files["model.onnx"].model_copy(update={"sha256": "0" * 64})}
    folder = batches.batch_folder(settings().batches_dir, batch_id)
    (folder.path / "batch.json").write_text(
        folder.request().model_copy(update={"network": other["model.onnx"].sha256}).model_dump_json()
    )
    save_card(card, model)
    batch_submission.continue_batch(batch_id)
    view = finished(batch_id)
    assert view.standing.state == "failed"
    assert view.standing.message == "The model tiny was replaced since the batch was begun."


def test_a_deleted_batch_is_gone_from_disk_and_memory(tmp_path):
    batch_id = batch_submission.submit_uploads([Upload("a.png", png(1))])
    batches.delete_batch(batch_id)
    assert not (tmp_path / "batches" / batch_id).exists()
    assert batches.worker().work(batch_id) is None
    with pytest.raises(WbcError, match=f"There is no batch {batch_id}"):
        batches.view_batch(batch_id)


@pytest.mark.parametrize("name", ["../models", "a/b", "", ".", "..", "A" * 80, "a\0b"])
def test_an_id_never_leads_out_of_the_folder_of_batches(name):
    with pytest.raises(WbcError, match="There is no batch"):
        batches.view_batch(name)


def test_old_results_are_deleted_and_running_ones_are_not(tmp_path):
    batch_id = batch_submission.submit_uploads([Upload("a.png", png(1))])
    finished(batch_id)
    assert forget_older(tmp_path / "batches", days=1) == 0
    assert forget_older(tmp_path / "batches", days=-1) == 1
    assert not (tmp_path / "batches" / batch_id).exists()


def test_no_picture_is_written_to_the_folder_of_a_batch(tmp_path):
    data = png(5)
    batch_id = batch_submission.submit_uploads([Upload("a.png", data)])
    finished(batch_id)
    written = b"".join(path.read_bytes() for path in (tmp_path / "batches" / batch_id).iterdir())
    assert data[40:120] not in written
    assert b"IDAT" not in written


@pytest.mark.parametrize(
    ("text", "message"),
    [("..", "no such folder"), ("/etc", "no such folder"), ("missing", "no such folder"), ("link", "no such folder")],
)
def test_a_path_of_the_server_stays_inside_the_open_folder(tmp_path, monkeypatch, text, message):
    root = tmp_path / "open"
    (root / "cells").mkdir(parents=True)
    (root / "link").symlink_to("/etc")
    monkeypatch.setenv("WBC_BATCH_ROOT", str(root))
    settings.cache_clear()
    assert batch_submission.allowed_path("cells") == root / "cells"
    with pytest.raises(WbcError, match=message):
        batch_submission.allowed_path(text)


def test_no_path_of_the_server_is_open_unless_the_administrator_says_so():
    with pytest.raises(WbcError, match="not open to this page"):
        batch_submission.allowed_path("cells")


def row(place: int, **values: object) -> BatchRow:
    return replace(BatchRow(place, f"{place}.png", 1, f"{place:064x}", "neutrophil", 0.9, "classified"), **values)


def test_a_row_survives_the_way_to_the_disk_whatever_its_name():
    odd = row(3, file='na"me\n\u2028é\ud800.png', probabilities=(0.25, 0.75), error="x", hint="y")
    assert row_of_line(odd.to_line()) == odd
    assert odd.to_line().count("\n") == 1


def test_the_rate_is_that_of_the_last_seconds():
    tally = Tally()
    tally.add([row(number) for number in range(100)], now=0.0)
    tally.start_clock(now=0.0)
    assert tally.rate is None
    tally.add([row(number) for number in range(100, 120)], now=2.0)
    assert tally.rate == pytest.approx(10)
    for second in range(3, 60):
        tally.add([row(1000 + second)], now=float(second))
    assert tally.rate == pytest.approx(1, rel=0.1)


def test_batches_take_turns(tmp_path):
    turns, both = [], threading.Barrier(2, timeout=30)

    def rows_of(name):
        def make(folder, listing):
            for place in range(96):
                if place == 0 and name == "one":
                    both.wait()  # until the second is handed in
                turns.append(name)
                yield row(place)

        return make

    worker = BatchWorker(memory=1_000_000)
    for name in ("one", "two"):
        request = Request(
            id=f"batch-{name}",
            title=name,
            created=0,
            model_id="tiny",
            model_title="",
            network="",
            labels=(),
            chosen=False,
        )
        folder = BatchFolder.create(tmp_path / "batches", request, Standing(state="waiting", total=96), {})
        worker.submit(Work(folder, list_uploads([]), rows_of(name), 0, folder.standing()))
    both.wait()
    assert worker.wait("batch-one", 30)
    assert worker.wait("batch-two", 30)
    worker.end()
    assert turns.index("two") <= 64, "the second did not wait for the end of the first"
    assert json.loads((tmp_path / "batches" / "batch-two" / "state.json").read_text())["state"] == "finished"
