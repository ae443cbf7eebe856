"""Every importer keeps the same promises, on small sets drawn for the purpose."""

from __future__ import annotations

import csv
import hashlib
import shutil
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.drawn_cells import Made
from tests.made_sets import MAKERS
from wbc_core.biology.labels import ALL_LABELS
from wbc_core.datasets.importers.registry import LAYOUTS
from wbc_core.datasets.installing import Wishes, install
from wbc_core.datasets.records import COLUMNS, DatasetRecord, read_record
from wbc_core.datasets.sources import read_source
from wbc_core.errors import DatasetError


@pytest.fixture(scope="module", params=sorted(MAKERS))
def made(request, tmp_path_factory) -> tuple[Path, Made, str]:
    """A set in each layout: its folder, what must come of it, and its maker's name."""
    folder = tmp_path_factory.mktemp(request.param) / "source"
    return folder, MAKERS[request.param](folder, ".jpg"), request.param


@pytest.fixture(scope="module")
def imported(made, tmp_path_factory) -> tuple[Path, DatasetRecord]:
    """The same set, imported from its folder."""
    target = tmp_path_factory.mktemp("sets") / "set"
    return target, install(made[0], target)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "split.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def counts(rows: list[dict[str, str]]) -> dict[tuple[str, str], int]:
    return dict(Counter((row["label"], row["split"]) for row in rows))


def pack(folder: Path, archive: Path) -> Path:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for path in sorted(folder.rglob("*")):
                target.write(path, path.relative_to(folder))
            target.writestr("__MACOSX/._nothing.jpg", b"resource fork")
    else:
        with tarfile.open(archive, "w:gz") as target:
            target.add(folder, arcname="")
    return archive


def test_every_layout_has_a_made_set(tmp_path):
    assert {maker(tmp_path / name, ".jpg").layout for name, maker in MAKERS.items()} == set(LAYOUTS)


def test_the_layout_is_recognised_and_labels_parts_groups_and_subtypes_are_kept(made, imported):
    _, expected, _ = made
    folder, record = imported
    rows = rows_of(folder)
    assert record.layout == expected.layout
    assert counts(rows) == expected.counts
    assert {row["label"] for row in rows} <= set(ALL_LABELS)
    groups = Counter(row["group"] for row in rows)
    assert set(groups) == (expected.groups or set(groups))
    assert all(groups)
    assert expected.groups is not None or set(groups.values()) == {1}
    assert {name: n for name, n in Counter(row["subtype"] for row in rows).items() if name} == expected.subtypes
    assert sum(left.count for left in record.left_out) == expected.left_out
    assert all(left.reason for left in record.left_out)


def test_the_table_tells_the_truth_about_every_file(imported):
    folder, record = imported
    rows = rows_of(folder)
    assert tuple(rows[0]) == COLUMNS
    assert record.pictures == len(rows) == len({row["file"].lower() for row in rows})
    assert {p.relative_to(folder).as_posix() for p in (folder / "images").rglob("*") if p.is_file()} == {
        row["file"] for row in rows
    }
    for row in rows:
        data = (folder / row["file"]).read_bytes()
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert (str(pixels.shape[1]), str(pixels.shape[0])) == (row["width"], row["height"])
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert row["published"] == row["split"]
    assert read_record(folder) == record


def test_picture_files_are_copied_byte_by_byte_and_the_source_stays_as_it_was(made, imported):
    source, expected, _ = made
    originals = {hashlib.sha256(path.read_bytes()).hexdigest() for path in source.rglob("*") if path.is_file()}
    rows = rows_of(imported[0])
    if expected.layout in ("all-idb1", "voc", "medmnist"):
        assert {Path(row["file"]).suffix for row in rows} == {".png"}
    else:
        assert {row["sha256"] for row in rows} <= originals


def test_what_was_imported_is_read_as_a_source(made, imported):
    expected = Counter()
    for (label, _), number in made[1].counts.items():
        expected[label] += number
    assert Counter(image.label for image in read_source(imported[0])) == expected


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_an_archive_comes_to_the_same_set_as_its_folder(made, imported, ending, tmp_path):
    archive = pack(made[0], tmp_path / f"archive{ending}")
    record = install(archive, tmp_path / "sets" / "set")
    assert (record.layout, record.digest, record.counts) == (
        imported[1].layout,
        imported[1].digest,
        imported[1].counts,
    )
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["set"]


def test_endings_in_capitals_are_accepted(made, tmp_path):
    expected = MAKERS[made[2]](tmp_path / "source", ".JPG")
    install(tmp_path / "source", tmp_path / "set")
    assert counts(rows_of(tmp_path / "set")) == expected.counts


def test_an_unreadable_picture_is_reported_and_the_others_are_imported(made, tmp_path):
    source, expected, _ = made
    shutil.copytree(source, tmp_path / "source")
    spoiled = tmp_path / "source" / (expected.spoiled_file or "bloodmnist.npz")
    spoiled.write_bytes(spoiled.read_bytes()[:200])
    if not expected.spoiled_file:  # its pictures lie in one file, which is whole or nothing
        with pytest.raises(DatasetError, match=r"bloodmnist\.npz is not a whole MedMNIST file"):
            install(tmp_path / "source", tmp_path / "set")
        return
    record = install(tmp_path / "source", tmp_path / "set")
    assert record.pictures == sum(expected.counts.values()) - expected.spoiled
    assert sum(left.count for left in record.left_out) == expected.left_out + expected.spoiled
    (left,) = [left for left in record.left_out if "cut off" in left.reason]
    assert left.count == expected.spoiled
    assert all(file.startswith(expected.spoiled_file) for file in left.files)


def test_an_import_under_the_same_name_is_refused_unless_it_replaces(made, imported, tmp_path):
    target = tmp_path / "set"
    shutil.copytree(imported[0], target)
    (target / "old.txt").write_text("from before")
    with pytest.raises(DatasetError, match="There is a data set set already"):
        install(made[0], target)
    assert (target / "old.txt").exists()
    assert install(made[0], target, Wishes(replace=True)).digest == imported[1].digest
    assert not (target / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
