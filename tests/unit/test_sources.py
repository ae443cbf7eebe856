"""Labelled pictures are read from folders and tables, under canonical labels, and parted by group."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import LabelledImage, digest_of, hold_out_groups, read_source, read_split
from wbc_core.errors import DatasetError
from wbc_core.imaging.preprocessing import Preprocessing


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (60, 60, 3), dtype=np.uint8))
    return path


def test_a_folder_of_classes_is_read_under_canonical_labels(tmp_path):
    for name in ("Neutrophils/b.JPG", "Neutrophils/a.png", "ig/c.png"):
        picture(tmp_path / name)
    (tmp_path / "Neutrophils" / "notes.txt").write_text("no picture")
    images = read_source(tmp_path)
    assert [(image.file, image.label) for image in images] == [
        ("Neutrophils/a.png", "neutrophil"),
        ("Neutrophils/b.JPG", "neutrophil"),
        ("ig/c.png", "immature_granulocyte"),
    ]


def test_a_table_is_read_in_its_order_and_by_part(tmp_path):
    table = tmp_path / "cells.csv"
    table.write_text("file,label,split\nb.png,EOSINOPHIL,test\na.png,monocyte,train\n", encoding="utf-8-sig")
    assert [image.label for image in read_source(table)] == ["eosinophil", "monocyte"]
    assert [image.path for image in read_source(table, split="test")] == [tmp_path / "b.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,label\na.png,monocyte\n", "lacks the column file"),
        ("file,label\n", "lists no picture"),
        ("file,label\na.png,monozyte\n", "monozyte"),
    ],
)
def test_a_faulty_table_is_named(tmp_path, content, message):
    table = tmp_path / "cells.csv"
    table.write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_source(table)


def test_missing_sources_are_named(tmp_path):
    with pytest.raises(DatasetError, match="no labelled data"):
        read_source(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="No picture lies in a class folder"):
        read_source(tmp_path)
    with pytest.raises(DatasetError, match="is not at"):
        read_split(tmp_path, "train")


def test_held_out_groups_share_no_slide_with_training():
    images = [
        LabelledImage(Path(f"{i}.png"), label, f"{label}{i}.png", "set", f"slide{i % 9}")
        for label in ("monocyte", "basophil")
        for i in range(90)
    ]
    train, validation = hold_out_groups(images, 0.2, seed=5)
    assert len(train) + len(validation) == 180
    assert not {image.group for image in train} & {image.group for image in validation}
    for label in ("monocyte", "basophil"):
        share = sum(image.label == label for image in validation) / 90
        assert 0.2 <= share <= 0.5
    _, again = hold_out_groups(images[::-1], 0.2, seed=5)
    assert set(again) == set(validation)


def test_the_digest_of_a_set_does_not_depend_on_its_order():
    a, b = (LabelledImage(Path(name), "monocyte", name, "set") for name in ("a", "b"))
    assert digest_of([a, b]) == digest_of([b, a])
    assert digest_of([a]) != digest_of([a, b])


def test_each_picture_is_decoded_once(tmp_path):
    image = LabelledImage(picture(tmp_path / "a.png"), "monocyte", "a.png", "set")
    first = np.array(cached_crops([image], Preprocessing(size=32), tmp_path / "cache"))
    (written,) = (tmp_path / "cache").iterdir()
    stamp = written.stat().st_mtime_ns
    again = cached_crops([image], Preprocessing(size=32), tmp_path / "cache")
    assert written.stat().st_mtime_ns == stamp
    assert np.array_equal(first, again)
    assert first.shape == (1, 32, 32, 3)
    picture(image.path, seed=1)
    assert not np.array_equal(first, cached_crops([image], Preprocessing(size=32), tmp_path / "cache"))


@pytest.mark.data
def test_the_shared_splits_share_no_group(data_dir):
    for source in ("pbc", "kaggle", "raabin"):
        groups = {
            part: {image.group for image in read_split(data_dir / source, part)}
            for part in ("train", "test", *(("val",) if source != "raabin" else ()))
        }
        parts = list(groups.values())
        assert all(not a & b for i, a in enumerate(parts) for b in parts[i + 1 :]), source
