"""What an import refuses, asks for, and leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.drawn_cells import cell, write, write_table
from tests.made_fields import field_of
from tests.made_sets import MAKERS
from wbc_core.datasets.importers import voc_boxes
from wbc_core.datasets.importers.all_idb1 import SIDE
from wbc_core.datasets.importers.labelling import parse_meanings
from wbc_core.datasets.installing import Wishes, install, name_for
from wbc_core.datasets.records import read_rows
from wbc_core.errors import DatasetError
from wbc_core.services.datasets import import_dataset
from wbc_core.settings import settings


def classes(folder: Path, *names: str) -> Path:
    for at, name in enumerate(names):
        write(folder / name / "0.png", cell("monocyte", at))
        write(folder / name / "1.png", cell("neutrophil", at))
    return folder


def refusal(source: Path, target: Path, wishes: Wishes | None = None) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        install(source, target, wishes or Wishes())
    assert not target.exists()
    assert not list(target.parent.glob(f".{target.name}*"))
    return caught.value


def test_an_unknown_label_names_the_closest_and_both_ways_out(tmp_path):
    error = refusal(classes(tmp_path / "cells", "monozyte", "basophil"), tmp_path / "set")
    assert error.message == '"monozyte" (2 pictures) is not a known cell type.'
    assert error.hint.startswith("The closest: monocyte")
    assert error.hint.endswith(
        "Say what it means with --label monozyte=<cell type>, or leave it out with --skip-label monozyte."
    )


def test_a_label_means_what_the_user_says_and_unwanted_ones_are_left_out(tmp_path):
    source = classes(tmp_path / "cells", "A", "B", "basophil")
    record = install(source, tmp_path / "set", Wishes(labels={"a": "monocyte"}, leave_out=["b"]))
    assert record.labels == {"A": "monocyte", "basophil": "basophil"}
    assert [(left.count, left.reason) for left in record.left_out] == [(2, 'labelled "B", which was to be left out')]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["neutrophil"], "does not say what a label means"),
        (["=neutrophil"], "does not say what a label means"),
        (["1=unicorn"], '"unicorn" is not a known cell type'),
        (["1=monocyte", "1=basophil"], 'The label "1" is given two meanings'),
    ],
)
def test_a_meaning_that_makes_no_sense_is_refused(options, words):
    with pytest.raises(DatasetError, match=words):
        parse_meanings(options)


def test_a_meaning_for_a_label_that_does_not_occur_lists_those_that_do(tmp_path):
    error = refusal(
        classes(tmp_path / "cells", "monocyte", "basophil"), tmp_path / "set", Wishes(labels={"7": "monocyte"})
    )
    assert str(error) == 'No picture is labelled "7". Labels found: basophil, monocyte.'


def test_an_empty_class_folder_is_refused_until_it_is_left_out(tmp_path):
    source = classes(tmp_path / "cells", "monocyte", "basophil")
    (source / "eosinophil").mkdir()
    assert refusal(source, tmp_path / "set").message == 'The class folder "eosinophil" holds no picture.'
    assert install(source, tmp_path / "set", Wishes(leave_out=["eosinophil"])).pictures == 4


def test_a_class_without_one_readable_picture_is_refused_with_the_reason(tmp_path):
    source = classes(tmp_path / "cells", "monocyte", "basophil")
    for path in (source / "basophil").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    error = refusal(source, tmp_path / "set")
    assert error.message == (
        'None of the 2 pictures labelled "basophil" could be read: basophil/0.png is cut off, damaged or an unusual '
        "kind of PNG."
    )


def test_nothing_to_read_says_what_lies_there_and_which_layouts_exist(tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "letter.docx").write_bytes(b"x")
    (tmp_path / "cells" / "top.png").write_bytes(b"x")
    error = refusal(tmp_path / "cells", tmp_path / "set")
    assert error.message == "cells has no layout that is known here; it holds 1 .png, 1 .docx."
    assert "class-folders" in error.hint
    assert "cnmc" in error.hint


def test_two_layouts_that_fit_equally_are_both_named(tmp_path):
    source = classes(tmp_path / "cells", "monocyte", "basophil")
    files = [f"{name}/{at}.png" for name in ("monocyte", "basophil") for at in range(2)]
    write_table(source / "labels.csv", [("file", "label"), *((file, "eosinophil") for file in files)])
    error = refusal(source, tmp_path / "set")
    assert str(error) == "cells can be read as class-folders and as csv. Choose one: --layout class-folders."
    assert install(source, tmp_path / "set", Wishes(layout="csv")).counts == {"eosinophil": {"": 4}}


def test_a_layout_that_is_unknown_or_finds_nothing_is_named(tmp_path):
    source = classes(tmp_path / "cells", "monocyte")
    assert "There is no layout 'kagle'. The closest: kaggle." in str(
        refusal(source, tmp_path / "set", Wishes(layout="kagle"))
    )
    assert refusal(source, tmp_path / "set", Wishes(layout="kaggle")).message == (
        "cells holds no picture in the layout kaggle; it holds 2 .png."
    )


def test_kaggles_whole_download_is_read_as_kaggle_and_not_as_boxes(tmp_path):
    MAKERS["kaggle"](tmp_path / "both" / "dataset2-master", ".jpg")
    MAKERS["voc"](tmp_path / "both" / "dataset-master", ".jpg")
    record = install(tmp_path / "both", tmp_path / "set")
    assert record.layout == "kaggle"
    assert any("has no place in the layout Kaggle" in left.reason for left in record.left_out)


def test_raabins_numbers_need_to_be_told(tmp_path):
    for part in ("Train", "TestA"):
        for number in (1, 2):
            write(tmp_path / "raabin" / part / f"{number}_95-8-22-5_{number}_1.jpg", cell("monocyte", number))
    error = refusal(tmp_path / "raabin", tmp_path / "set")
    assert error.message == '"1" (2 pictures), "2" (2 pictures) are not known cell types.'
    assert "--label 1=<cell type>" in error.hint
    record = install(tmp_path / "raabin", tmp_path / "set", Wishes(labels={"1": "neutrophil", "2": "lymphocyte"}))
    assert record.counts == {"lymphocyte": {"test": 1, "train": 1}, "neutrophil": {"test": 1, "train": 1}}
    assert {row["group"] for row in read_rows(tmp_path / "set" / "split.csv")[0]} == {"95-8-22-5"}


def test_a_table_reports_missing_and_contradictory_rows_and_reads_semicolons(tmp_path):
    classes(tmp_path, "pictures")
    rows = ["file;label", "pictures/0.png;MONO", "pictures\\1.png;mono", "pictures/1.png;neutrophil", "gone.png;mono"]
    (tmp_path / "cells.csv").write_text("\n".join([*rows, "../outside.png;mono"]), encoding="utf-8-sig")
    record = install(tmp_path / "cells.csv", tmp_path / "sets" / "set")
    assert record.counts == {"monocyte": {"": 1}}
    assert {(left.reason, left.files) for left in record.left_out} == {
        ("is named in cells.csv, but is not there", ("gone.png", "../outside.png")),
        ("stands under two labels in cells.csv", ("pictures/1.png",)),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"file,label\n\xff\xfe.png,mono\n", "cells.csv is not written in UTF-8"), (b"a,b\n1,2\n", "no layout")],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, content, message):
    (tmp_path / "cells.csv").write_bytes(content)
    assert message in refusal(tmp_path / "cells.csv", tmp_path / "set").message


def test_names_that_differ_only_in_case_or_are_very_long_become_distinct_files(tmp_path):
    source = tmp_path / "cells.zip"
    picture = cv2.imencode(".png", cell("monocyte", 1))[1].tobytes()
    names = ["monocyte/a.png", "Monocyte/A.PNG", "monocyte/" + "x" * 230 + "1.png", "monocyte/" + "x" * 230 + "2.png"]
    with zipfile.ZipFile(source, "w") as archive:
        for name in [*names, "monocyte/été ü:*?.png"]:
            archive.writestr(name, picture)
    install(source, tmp_path / "set")
    files = [row["file"] for row in read_rows(tmp_path / "set" / "split.csv")[0]]
    assert len({file.lower() for file in files}) == 5
    assert all((tmp_path / "set" / file).is_file() and len(Path(file).name) <= 100 for file in files)
    assert not any(set(':*?"<>|') & set(file) for file in files)


@pytest.mark.parametrize("name", ["../up", "a b", "", ".hidden", "x" * 65, "a/b"])
def test_a_name_that_no_recipe_could_use_is_refused(tmp_path, name):
    source = classes(tmp_path / "cells", "monocyte")
    with pytest.raises(DatasetError, match="cannot name a data set"):
        import_dataset(source, name=name, to=tmp_path / "sets")
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_a_sets_name_comes_from_its_source(tmp_path):
    (tmp_path / "My cells (2024).tar.gz").touch()
    assert name_for(tmp_path / "My cells (2024).tar.gz") == "My-cells-2024"
    assert name_for(tmp_path / "___") == "set"


def test_a_name_that_the_data_folder_has_already_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_DATA_DIR", str(tmp_path / "shared"))
    monkeypatch.setenv("WBC_DATASETS_DIR", str(tmp_path / "sets"))
    settings.cache_clear()
    try:
        write_table(tmp_path / "shared" / "pbc" / "split.csv", [("file", "label")])
        (tmp_path / "sets" / "mine").mkdir(parents=True)
        source = classes(tmp_path / "cells", "monocyte")
        with pytest.raises(DatasetError, match="recipes would use that one"):
            import_dataset(source, name="pbc")
        with pytest.raises(DatasetError, match="exists and was not imported here"):
            import_dataset(source, name="mine", replace=True)
        folder, record = import_dataset(source, licence="CC BY 4.0")
        assert (folder, record.licence) == (tmp_path / "sets" / "cells", "CC BY 4.0")
    finally:
        settings.cache_clear()


def test_too_little_space_is_said_before_anything_is_copied(tmp_path, monkeypatch):
    source = classes(tmp_path / "cells", "monocyte")
    size = sum(path.stat().st_size for path in source.rglob("*.png"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": size - 1})())
    error = refusal(source, tmp_path / "set")
    assert error.message.startswith(f"Importing set takes about {size:,} bytes in")
    assert error.message.endswith("1 bytes are missing.")


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path, monkeypatch):
    source = classes(tmp_path / "cells", "monocyte")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert refusal(source, tmp_path / "set").message == f"There is no space left in {tmp_path}."


def test_what_a_killed_import_left_behind_goes_with_the_next(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    stale = tmp_path / f".set.{int(done.stdout)}.partial"
    stale.mkdir()
    foreign = tmp_path / f".set.{os.getppid()}.partial"
    foreign.mkdir()
    install(classes(tmp_path / "cells", "monocyte"), tmp_path / "set")
    assert not stale.exists()
    assert foreign.exists()


def test_a_single_class_and_folders_of_patients_are_understood(tmp_path):
    for patient in ("p1", "p2"):
        write(tmp_path / "neutrophil" / patient / "0.png", cell("neutrophil", 1))
    record = install(tmp_path / "neutrophil", tmp_path / "a", Wishes(labels={"p1": "monocyte", "p2": "monocyte"}))
    assert record.pictures == 2  # the folder named is around the classes: its own name says nothing
    write(tmp_path / "around" / "neutrophil" / "p1" / "0.png", cell("neutrophil", 1))
    install(tmp_path / "around", tmp_path / "b")
    (row,) = read_rows(tmp_path / "b" / "split.csv")[0]
    assert (row["label"], row["group"]) == ("neutrophil", "p1")


def test_a_preview_beside_the_class_folders_is_left_out(tmp_path):
    classes(tmp_path / "download" / "cells", "monocyte", "basophil")
    write(tmp_path / "download" / "cells" / "preview.png", cell("monocyte", 9))
    record = install(tmp_path / "download", tmp_path / "set")
    assert record.labels == {"basophil": "basophil", "monocyte": "monocyte"}
    assert [(left.reason, left.files) for left in record.left_out] == [
        ("lies in no class folder", ("cells/preview.png",))
    ]


def test_blasts_are_cut_around_their_centroids(tmp_path):
    pixels = field_of({(300, 310): cell("lymphocyte", 1, 140), (30, 590): np.zeros((10, 10, 3), np.uint8)})
    write(tmp_path / "idb" / "Im001_1.png", pixels)
    (tmp_path / "idb" / "Im001_1.xyc").write_text("300 310\n30 590\n9999 5\n")
    record = install(tmp_path / "idb", tmp_path / "set")
    images = {path.name: cv2.imread(str(path))[..., ::-1] for path in (tmp_path / "set" / "images").iterdir()}
    half = SIDE / 2
    left, top = round(300 - half), round(310 - half)
    assert np.array_equal(images["Im001_1-1.png"], pixels[top : top + SIDE, left : left + SIDE])
    assert images["Im001_1-2.png"].shape == (138, 159, 3)  # cut at the border
    assert [(left.reason, left.files) for left in record.left_out] == [
        ("shows nothing to cut out there", ("Im001_1.png#3",))
    ]


def test_a_field_without_a_stained_cell_is_left_out(tmp_path):
    MAKERS["all_idb1"](tmp_path / "idb", ".jpg")
    write(tmp_path / "idb" / "im" / "Im009_0.jpg", field_of({}))
    record = install(tmp_path / "idb", tmp_path / "set")
    assert [left.files for left in record.left_out] == [("im/Im009_0.jpg",)]


def test_fields_without_any_centroids_are_taken_whole_and_said_to_be(tmp_path):
    for name in ("Im001_1", "Im002_0"):
        write(tmp_path / "idb" / f"{name}.jpg", field_of({(300, 310): cell("lymphocyte", 1, 140)}))
    record = install(tmp_path / "idb", tmp_path / "set")
    assert record.layout == "all-idb1"
    assert any("whole fields" in note for note in record.notes)


def test_boxes_get_a_margin_and_impossible_ones_are_left_out(tmp_path):
    pixels = np.arange(200 * 300 * 3, dtype=np.uint32).reshape(200, 300, 3).astype(np.uint8)
    cut = voc_boxes.cut_box(pixels, box=(40.0, 50.0, 80.0, 70.0))
    assert cut is not None
    assert np.array_equal(cut, pixels[40:80, 30:90])
    for box in (
        (50.0, 50.0, 50.0, 70.0),
        (-5.0, 0.0, 10.0, 10.0),
        (400.0, 0.0, 410.0, 10.0),
        (0.0, float("nan"), 9.0, 9.0),
    ):
        assert voc_boxes.cut_box(pixels, box=box) is None


def test_annotations_that_unfold_or_are_no_annotations_are_left_out(tmp_path):
    MAKERS["voc"](tmp_path / "voc", ".jpg")
    folder = tmp_path / "voc" / "BCCD" / "Annotations"
    (folder / "bomb.xml").write_text('<!DOCTYPE a [<!ENTITY b "ha">]><annotation>&b;</annotation>')
    (folder / "broken.xml").write_text("<annotation><object></annotation>")
    (folder / "lonely.xml").write_text("<annotation></annotation>")
    record = install(tmp_path / "voc", tmp_path / "set")
    reasons = {left.reason: left.count for left in record.left_out}
    assert reasons["is not an annotation of boxes"] == 2
    assert reasons["its picture is not there"] == 1


def test_boxes_of_leukocytes_count_once_their_type_is_told(tmp_path):
    MAKERS["voc"](tmp_path / "voc", ".jpg")
    record = install(tmp_path / "voc", tmp_path / "set", Wishes(labels={"WBC": "neutrophil"}))
    assert record.counts["neutrophil"] == {"test": 1, "train": 1}


def test_numbers_of_another_medmnist_set_are_not_taken_for_blood_cells(tmp_path):
    frames = np.zeros((7, 28, 28, 3), np.uint8)
    arrays = {f"{part}_images": frames for part in ("train", "val", "test")}
    arrays |= {f"{part}_labels": np.arange(7)[:, None] for part in ("train", "val", "test")}
    np.savez(tmp_path / "dermamnist.npz", **arrays)
    assert '"0" (3 pictures)' in refusal(tmp_path / "dermamnist.npz", tmp_path / "set").message


@pytest.mark.parametrize("kind", ["objects", "grey", "short"])
def test_arrays_that_are_not_bloodmnists_are_refused(tmp_path, kind):
    MAKERS["medmnist"](tmp_path, ".jpg")
    with np.load(tmp_path / "bloodmnist.npz") as loaded:
        arrays = dict(loaded)
    if kind == "objects":
        arrays["train_labels"] = np.array([{}], dtype=object)
    elif kind == "grey":
        arrays["train_images"] = arrays["train_images"][..., 0]
    else:
        arrays["train_images"] = arrays["train_images"][:3]
    np.savez(tmp_path / "bloodmnist.npz", **arrays)
    message = refusal(tmp_path / "bloodmnist.npz", tmp_path / "set").message
    assert ("not 8-bit colour" if kind == "grey" else "is not a whole MedMNIST file") in message
