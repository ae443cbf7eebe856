"""Pictures of one's own: read from archives, files and folders, and models that run on them beside the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packed_pictures import png
from tests.packed_pictures import zipped as packed
from tests.tiny_models import install_tiny_model
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import DatasetError
from wbc_core.services.comparing import compare_tables
from wbc_core.services.live_run import LiveRun
from wbc_core.services.live_set import LiveSet, set_at, uploaded_set
from wbc_core.settings import settings

LABELS = ("eosinophil", "neutrophil")
WAIT_S = 120  # for a busy machine


@pytest.fixture(scope="module")
def cell() -> bytes:
    return png(render_cell("eosinophil", seed=1, size=96))


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "one")
    settings.cache_clear()
    for model_id in ("one", "two"):
        install_tiny_model(tmp_path / "models", model_id, model_id.title(), LABELS)
    install_tiny_model(tmp_path / "models", "other", "Other", ("monocyte", "platelet"))
    yield
    settings.cache_clear()


def table(*rows: str) -> bytes:
    return ("\n".join(["file,label", *rows]) + "\n").encode()


def labels(live: LiveSet) -> dict[str, str]:
    return {image.file: image.label for image in live.images}


@pytest.mark.parametrize("around", ["", "set/", "a/b/"])
def test_an_archive_of_class_folders_is_read_whatever_stands_around_them(
    tmp_path: Path, cell: bytes, around: str
) -> None:
    names = [f"{around}Neutrophils/slide 1/a.png", f"{around}eosinophil/b.png"]
    live = uploaded_set([("cells.zip", packed(dict.fromkeys(names, cell)))], tmp_path)
    assert sorted(labels(live).values()) == ["eosinophil", "neutrophil"]
    assert live.name == "cells (run here)"
    assert live.path_of(live.name, live.images[0].file) == live.images[0].path
    assert live.path_of("pbc", live.images[0].file) is None
    assert live.named_unlike(["cells (run here)"]).images[0].source == "cells (run here) 2"


def test_one_class_alone_is_a_class_and_not_what_stands_around(tmp_path: Path, cell: bytes) -> None:
    files = {"neutrophil/slide 1/a.png": cell, "neutrophil/slide 2/b.png": cell}
    assert set(labels(uploaded_set([("n.zip", packed(files))], tmp_path)).values()) == {"neutrophil"}


def test_several_files_and_a_table_are_read_and_what_is_left_out_is_said(tmp_path: Path, cell: bytes) -> None:
    rows = table("a.png,eosinophil", "b.png,hairy cell", "../../etc/passwd,eosinophil", "c.png,Segmented neutrophil")
    files = [("a.png", cell), ("b.png", cell), ("c.png", cell), ("d.png", cell), ("labels.csv", rows)]
    live = uploaded_set(files, tmp_path)
    assert labels(live) == {"a.png": "eosinophil", "c.png": "neutrophil"}
    assert live.notes == (
        "1 picture of labels.csv left out, such as ../../etc/passwd: no such file.",
        "1 picture left out: labels.csv does not name them.",
        "1 picture labelled 'hairy cell' left out: no class bears that name.",
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.png": b"x"}, "The pictures have no labels."),
        ({"a.csv": b"file,label\n"}, "There is no picture in uploaded pictures."),
        ({"a.png": b"x", "a.csv": table("b.png,monocyte")}, "None of the pictures that a.csv names is here."),
        ({"a.png": b"x", "a.csv": b"name,label\n"}, "a.csv lacks the column file."),
        ({"a.png": b"x", "a.csv": b"\xff\xfe\x00"}, "a.csv cannot be read as a table."),
        (
            {"a.png": b"x", "a.csv": table("a.png,monocyte", "a.png,platelet")},
            "a.csv gives a.png two labels.",
        ),
        ({"a.png": b"x", "a.csv": table("a.png,hairy")}, "None of the labels is known: 'hairy'."),
        (
            {"a.png": b"x", "a.csv": table(), "b.csv": table()},
            "There are 2 CSV files; which one holds the labels is not clear.",
        ),
        ({"a.zip": b"no archive"}, "a.zip cannot be read: it is cut off, damaged or no archive of its kind."),
    ],
)
def test_what_holds_no_labelled_picture_is_refused_in_words(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        uploaded_set(list(files.items()), tmp_path)
    assert caught.value.message.startswith(words)
    assert caught.value.hint


def test_a_folder_is_read_and_nothing_outside_it(tmp_path: Path, cell: bytes) -> None:
    folder = tmp_path / "mine"
    (folder / "neutrophil").mkdir(parents=True)
    (folder / "neutrophil" / "a.png").write_bytes(cell)
    (tmp_path / "secret.png").write_bytes(cell)
    (folder / "neutrophil" / "b.png").symlink_to(tmp_path / "secret.png")
    assert labels(set_at(folder)) == {"neutrophil/a.png": "neutrophil"}
    (folder / "mine.csv").write_bytes(table("neutrophil/a.png,eosinophil"))
    assert labels(set_at(folder / "mine.csv")) == {"neutrophil/a.png": "eosinophil"}
    with pytest.raises(DatasetError, match="There is no folder or CSV file at"):
        set_at(tmp_path / "none")


def some_pictures(folder: Path, cell: bytes, count: int) -> LiveSet:
    files = {f"{LABELS[number % 2]}/{number}.png": cell for number in range(count)}
    folder.mkdir()
    return uploaded_set([("cells.zip", packed(files | {"neutrophil/broken.png": b"no picture"}))], folder)


def test_models_run_beside_the_page_and_one_that_cannot_leaves_the_others_alone(tmp_path: Path, cell: bytes) -> None:
    run = LiveRun(some_pictures(tmp_path / "set", cell, 12), ["one", "other", "two"])
    run.start()
    run.wait(WAIT_S)
    assert run.state == "done"
    assert list(run.tables) == ["one", "two"]
    assert run.failures["other"].message.startswith("No picture of other has a label that its predictions know")
    assert run.progress == (39, 39)
    comparison = compare_tables(list(run.tables.values()))
    assert comparison.source == "cells (run here)"
    assert len(comparison.lineup) == 12
    assert any("1 picture could not be read, such as neutrophil/broken.png" in note for note in comparison.lineup.notes)


def test_a_cancelled_run_keeps_the_models_that_are_done(tmp_path: Path, cell: bytes) -> None:
    run = LiveRun(some_pictures(tmp_path / "set", cell, 4), ["one", "two"])
    run.cancel()
    run.start()
    run.wait(WAIT_S)
    assert run.state == "cancelled"
    assert not run.tables
    assert not run.failures
