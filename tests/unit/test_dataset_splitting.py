"""A split keeps groups together, shares classes out as asked, and depends on nothing but the seed."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawn_cells import cell, write, write_table
from tests.made_sets import MAKERS
from wbc_core.datasets.installing import install
from wbc_core.datasets.records import read_record
from wbc_core.datasets.sources import read_source
from wbc_core.datasets.splitting import assign_parts, parse_fractions
from wbc_core.errors import DatasetError
from wbc_core.services.datasets import FRACTIONS, check_dataset, split_dataset

structures = st.lists(  # groups, each with a class and a size
    st.tuples(st.integers(0, 4), st.integers(1, 25)), min_size=1, max_size=60
)


def pictures(groups: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    labels = [f"class{label}" for label, size in groups for _ in range(size)]
    return labels, [f"g{at}" for at, (_, size) in enumerate(groups) for _ in range(size)]


@settings(max_examples=150)
@given(structures, st.integers(0, 5), st.sampled_from(["0.7,0.15,0.15", "0.8,0.2,0", "0.34,0.33,0.33", "0.9,0,0.1"]))
def test_fractions_are_met_as_nearly_as_groups_allow(groups, seed, text):
    fractions = parse_fractions(text)
    labels, names = pictures(groups)
    chosen = assign_parts(labels, names, fractions, seed)
    assert set(chosen) == set(names)
    assert set(chosen.values()) <= {part for part, share in fractions.items() if share}
    largest = max(size for _, size in groups)
    given_to = Counter(chosen[name] for name in names)
    for part, share in fractions.items():
        # One group too many or too few, and one small group per class that a part would otherwise lack.
        assert abs(given_to[part] - share * len(labels)) <= 2 * largest + 5
    for label in set(labels):
        sizes = [size for which, size in groups if f"class{which}" == label]
        counts = Counter(chosen[name] for which, name in zip(labels, names, strict=True) if which == label)
        for part, share in fractions.items():
            assert abs(counts[part] - share * sum(sizes)) <= 2 * max(sizes)
        parts = [part for part, share in fractions.items() if share]
        if len(sizes) >= len(parts):
            assert all(counts[part] for part in parts)


@settings(max_examples=50)
@given(st.integers(0, 1000))
def test_many_small_groups_come_within_two_percent(seed):
    rng = np.random.default_rng(seed)
    labels, names = pictures([(int(rng.integers(4)), int(rng.integers(1, 5))) for _ in range(400)])
    chosen = assign_parts(labels, names, FRACTIONS, seed)
    for label in set(labels):
        members = [chosen[name] for which, name in zip(labels, names, strict=True) if which == label]
        for part, share in FRACTIONS.items():
            assert members.count(part) / len(members) == pytest.approx(share, abs=0.02)


@settings(max_examples=50)
@given(structures, st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_of_pictures_does_not_matter_and_the_seed_does(groups, chance, seed):
    labels, names = pictures(groups)
    order = list(range(len(labels)))
    chance.shuffle(order)
    shuffled = assign_parts([labels[at] for at in order], [names[at] for at in order], FRACTIONS, seed)
    assert shuffled == assign_parts(labels, names, FRACTIONS, seed)


def test_another_seed_gives_another_split():
    labels, names = pictures([(at % 3, 2) for at in range(90)])
    splits = [assign_parts(labels, names, FRACTIONS, seed) for seed in range(3)]
    assert splits[0] != splits[1] != splits[2]


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=3, max_size=40))
def test_groups_of_several_classes_stay_whole_and_no_class_is_lost_to_training(groups):
    labels = [f"class{label}" for group in groups for label in group]
    names = [f"g{at}" for at, group in enumerate(groups) for _ in group]
    chosen = assign_parts(labels, names, FRACTIONS, 0)
    assert set(chosen) == set(names)
    in_train = {label for label, name in zip(labels, names, strict=True) if chosen[name] == "train"}
    for label in set(labels):
        if len({name for which, name in zip(labels, names, strict=True) if which == label}) == len(groups):
            assert label in in_train


@pytest.mark.parametrize(
    "text", ["", "0.7,0.3", "0.7,0.2,0.2", "a,b,c", "0,0.5,0.5", "1.2,-0.1,-0.1", "nan,0,1", "1,0,0,0"]
)
def test_fractions_that_make_no_sense_are_refused(text):
    with pytest.raises(DatasetError) as caught:
        parse_fractions(text)
    assert caught.value.hint == "Give the shares of train, val and test, such as --fractions 0.7,0.15,0.15."


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "split.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def parts_by_group(folder: Path) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = defaultdict(set)
    for row in rows_of(folder):
        parts[row["group"]].add(row["split"])
    return parts


@pytest.fixture
def cells(tmp_path) -> Path:
    """An imported set of 60 cells without parts, some of them twice."""
    for label in ("monocyte", "neutrophil"):
        for seed in range(27):
            write(tmp_path / "cells" / label / f"{seed}.png", cell(label, seed))
        for seed in range(3):
            write(tmp_path / "cells" / label / f"{seed}-again.jpg", cell(label, seed))
    install(tmp_path / "cells", tmp_path / "set")
    return tmp_path / "set"


def test_duplicates_stay_together_and_the_split_is_recorded(cells):
    report = split_dataset(str(cells), seed=3)
    record = read_record(cells)
    assert record is not None and record.split == report.record
    assert (record.split.seed, record.split.joined_duplicates, record.split.fractions) == (3, 6, dict(FRACTIONS))
    assert Counter(row["split"] for row in rows_of(cells)) == {"train": 42, "val": 9, "test": 9}
    assert all(len(parts) == 1 for parts in parts_by_group(cells).values())
    assert len(parts_by_group(cells)) == 54
    assert check_dataset(str(cells)).trustworthy
    assert report.notes == ()
    assert len(read_source(cells, split="val")) == 9


def test_the_same_seed_gives_the_same_digest_whatever_the_order_of_rows(cells):
    first = split_dataset(str(cells), seed=1).record.digest
    rows = rows_of(cells)
    write_table(cells / "split.csv", [tuple(rows[0]), *(tuple(row.values()) for row in rows[::-1])])
    assert split_dataset(str(cells), seed=1).record.digest == first
    assert split_dataset(str(cells), seed=2).record.digest != first


def test_without_joining_pictures_count_one_by_one(cells):
    report = split_dataset(str(cells), join_duplicates=False)
    assert report.record.joined_duplicates == 0
    assert len(parts_by_group(cells)) == 60


def test_a_published_test_part_stays_and_its_twins_are_kept_out_of_training(tmp_path):
    MAKERS["kaggle"](tmp_path / "kaggle", ".png")
    twin = tmp_path / "kaggle/images/TRAIN/MONOCYTE/_9_5.png"
    write(twin, np.asarray(cell("monocyte", 20)))  # stands in TEST too
    install(tmp_path / "kaggle", tmp_path / "set")
    tests = {row["file"] for row in rows_of(tmp_path / "set") if row["split"] == "test"}
    report = split_dataset(str(tmp_path / "set"))
    assert report.record.kept_published_test
    assert {row["file"] for row in rows_of(tmp_path / "set") if row["split"] == "test"} == tests
    assert [row["file"] for row in rows_of(tmp_path / "set") if not row["split"]] == [
        "images/images/TRAIN/MONOCYTE/_9_5.png"
    ]
    assert report.notes[0] == "1 picture of groups in the published test part: in no part."
    again = split_dataset(str(tmp_path / "set"), resplit=True)
    assert not again.record.kept_published_test
    assert {row["file"] for row in rows_of(tmp_path / "set") if row["split"] == "test"} != tests
    assert split_dataset(str(tmp_path / "set")).record.digest == report.record.digest


def test_a_plain_folder_and_a_table_get_a_split_beside_them(tmp_path):
    for seed in range(8):
        write(tmp_path / "cells" / "monocyte" / f"{seed}.png", cell("monocyte", seed))
    report = split_dataset(str(tmp_path / "cells"))
    assert report.table == tmp_path / "cells" / "split.csv"
    assert read_record(tmp_path / "cells") is None
    assert split_dataset(str(tmp_path / "cells")).record == report.record
    (tmp_path / "table").mkdir()
    write_table(
        tmp_path / "table" / "cells.csv",
        [("file", "label", "group"), *((f"../cells/monocyte/{n}.png", "mono", f"slide{n // 2}") for n in range(8))],
    )
    split_dataset(str(tmp_path / "table" / "cells.csv"))
    assert set(parts_by_group(tmp_path / "table")) == {f"slide{n}" for n in range(4)}


def test_somebody_elses_split_is_left_as_it_is(tmp_path):
    MAKERS["own"](tmp_path / "published", ".png")
    before = (tmp_path / "published" / "split.csv").read_bytes()
    with pytest.raises(DatasetError, match=r"has a split\.csv that was not written here, and is left as it is"):
        split_dataset(str(tmp_path / "published"))
    assert (tmp_path / "published" / "split.csv").read_bytes() == before


def test_unreadable_pictures_and_too_few_groups_are_noted(cells):
    first = rows_of(cells)[0]["file"]
    (cells / first).write_bytes(b"no picture")
    rows = [row for row in rows_of(cells) if row["label"] == "monocyte" or "/5." in row["file"]]
    write_table(cells / "split.csv", [tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    report = split_dataset(str(cells))
    assert report.notes == (
        "1 picture that cannot be read: in no part.",
        "No neutrophil is in val: there are too few groups of it.",
        "No neutrophil is in test: there are too few groups of it.",
    )
