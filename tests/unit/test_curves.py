"""Histories of any CSVLogger read alike, and what cannot be read says so in one sentence and a hint."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wbc_core.errors import WbcError
from wbc_core.runs.curves import CURVES, LARGEST_FILE, read_history, read_run_curve
from wbc_core.settings import ROOT

EXPECTED = "Expected a CSV file of Keras's CSVLogger: a first line such as epoch,accuracy,loss, then a line an epoch."


@pytest.mark.parametrize(
    ("text", "column", "values"),
    [
        ("epoch,accuracy,loss\n0,0.5,1\n1,0.75,0.5\n", "accuracy", [0.5, 0.75]),
        ("epoch,acc,loss,val_acc,val_loss\n0,0.5,1,0.4,1.2\n", "val_accuracy", [0.4]),
        ("epoch,loss,lr\n0,1,0.001\n", "learning_rate", [0.001]),
        ("epoch,loss,learning_rate\n0,1,0.001\n", "learning_rate", [0.001]),
        ("epoch;loss;val_loss\n0;1;2\n", "val_loss", [2.0]),
        ("epoch\tloss\n0\t1\n", "loss", [1.0]),
        ("\ufeffepoch,loss\r\n0,1\r\n", "loss", [1.0]),
        ("epoch,sparse_categorical_accuracy,loss\n0,0.9,1\n", "accuracy", [0.9]),
        ("epoch,accuracy,loss\n0,55,1\n1,98.5,0.1\n", "accuracy", [0.55, 0.985]),
        ("Epoch, Loss\n0, 1\n", "loss", [1.0]),
    ],
    ids=["Keras", "old names", "lr", "learning_rate", "semicolons", "tabs", "BOM", "long name", "percent", "blanks"],
)
def test_variants_of_csvlogger_read_alike(text: str, column: str, values: list[float]) -> None:
    found = read_history(text.encode(), "log.csv")
    assert found.table[column].tolist() == pytest.approx(values)
    assert found.table["epoch"].tolist() == list(range(1, len(values) + 1))
    assert [name for name in found.table if name in CURVES] == list(CURVES)


def test_a_missing_learning_rate_is_missing_and_no_fault() -> None:
    found = read_history(b"epoch,loss\n0,1\n", "log.csv")
    assert not found.has("learning_rate")
    assert found.notes == ()


def test_of_a_restarted_training_the_last_start_counts_and_it_says_so() -> None:
    text = "epoch,loss\n0,9\n1,8\n2,7\n3,6\n2,0.7\n3,0.6\n4,0.5\n"
    found = read_history(text.encode(), "log.csv")
    assert found.table["loss"].tolist() == [9, 8, 0.7, 0.6, 0.5]
    assert found.notes == (
        "The training was started again, last at epoch 3 after epoch 4: of repeated epochs the last start counts.",
    )


def test_a_training_begun_anew_in_the_same_file_is_not_mixed_with_the_old_one() -> None:
    text = "epoch,loss\n0,9\n1,8\n2,7\nepoch,loss\n0,0.9\n1,0.8\n"
    found = read_history(text.encode(), "log.csv")
    assert found.table["loss"].tolist() == [0.9, 0.8]
    assert "started again" in found.notes[0]


def test_values_that_are_no_number_are_said_to_be_a_divergence_and_na_is_not() -> None:
    diverged = read_history(b"epoch,loss,val_loss\n0,1,1\n1,nan,inf\n", "log.csv")
    assert diverged.notes == (
        "Some values are infinite or not a number: the training diverged there. They are left out.",
    )
    assert diverged.table["loss"].isna().tolist() == [False, True]
    assert read_history(b"epoch,loss,val_loss\n0,1,1\n1,2,NA\n", "log.csv").notes == ()


def test_lines_that_cannot_be_read_are_counted() -> None:
    found = read_history(b"epoch,loss\n0,1\nnonsense\n1,2\n-1,2\n", "log.csv")
    assert found.epochs == 2
    assert found.notes == ("2 of its lines could not be read and were left out.",)


def test_without_a_column_epoch_the_lines_are_counted() -> None:
    found = read_history(b"loss,val_loss\n3,4\n2\n", "log.csv")
    assert found.table["epoch"].tolist() == [1, 2]
    assert found.notes == ("There is no column named epoch: the lines are counted instead.",)


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "log.csv is empty.", "A CSVLogger writes its first lines when the first epoch has ended."),
        (b"name,age\nx,3\n", "log.csv has no column named loss or accuracy.", EXPECTED),
        (b"\xff\xfe\x00", "log.csv is no text file.", EXPECTED),
        (
            b"epoch,loss\n",
            "log.csv holds no finished epoch.",
            "A CSVLogger writes its first lines when the first epoch has ended.",
        ),
        (
            b"x" * (LARGEST_FILE + 1),
            "log.csv is larger than 25 MB.",
            "A history has one line an epoch: choose the file that CSVLogger or TensorBoard wrote.",
        ),
        (
            b"epoch,loss," + b",".join(b"c%d" % i for i in range(300)),
            "log.csv has 1 lines of 302 columns; at most 100,000 lines of 200 are read.",
            "Log once an epoch.",
        ),
    ],
    ids=["empty", "another table", "binary", "heading only", "too large", "too wide"],
)
def test_a_file_that_is_no_history_gets_one_sentence_and_a_hint(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(WbcError) as caught:
        read_history(data, "log.csv")
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_epochs_that_run_backwards_take_no_longer_than_others() -> None:
    lines = [f"{epoch},1" for epoch in [*range(40_000), *range(40_000, 0, -1)]]
    start = time.process_time()
    found = read_history(("epoch,loss\n" + "\n".join(lines)).encode(), "log.csv")
    print(f"{time.process_time() - start:.2f} s")
    assert found.epochs == 2


def test_a_run_without_a_history_says_when_there_will_be_one(tmp_path: Path) -> None:
    with pytest.raises(WbcError, match="has no finished epoch yet"):
        read_run_curve(tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*/history.csv")), ids=lambda path: path.parent.name)
def test_every_history_that_ships_with_a_model_reads_without_a_note(path: Path) -> None:
    found = read_run_curve(path.parent)
    assert found.notes == ()
    assert all(found.has(column) for column in CURVES)
