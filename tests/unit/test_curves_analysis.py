"""Smoothing, the best epoch and overfitting: curves whose answer is known get that answer, in words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.curve_files import curve
from wbc_core.runs.analysis import best_row, smoothed, summarise
from wbc_core.runs.overfitting import overfitting

EPOCHS = np.arange(30.0)
FALLING = np.exp(-EPOCHS / 8) + 0.05
TURNING = np.abs(EPOCHS - 12) / 20 + 0.3  # lowest at epoch 13
RNG = np.random.default_rng(7)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 0.99))
def test_smoothing_stays_within_the_values_and_keeps_the_first_one(values: list[float], strength: float) -> None:
    found = smoothed(pd.Series(values), strength)
    assert found.iloc[0] == pytest.approx(values[0])
    slack = 1e-9 * max(map(abs, values)) + 1e-12
    assert found.min() >= min(values) - slack
    assert found.max() <= max(values) + slack


def test_no_smoothing_changes_nothing_and_gaps_stay_gaps() -> None:
    values = pd.Series([3.0, math.nan, 1.0])
    assert smoothed(values, 0).tolist()[::2] == [3.0, 1.0]
    assert smoothed(values, 0.9).isna().tolist() == [False, True, False]
    with pytest.raises(ValueError, match="expected 0 to below 1"):
        smoothed(values, 1.0)


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ({"val_loss": [3, 1, 2], "val_accuracy": [0.1, 0.2, 0.9]}, 1),
        ({"loss": [3, 2, 1], "val_accuracy": [0.1, 0.9, 0.2]}, 1),
        ({"loss": [3, 1, 2]}, 1),
        ({"accuracy": [0.1, 0.9, 0.2]}, 1),
    ],
    ids=["validation loss", "validation accuracy", "loss", "accuracy"],
)
def test_the_best_epoch_is_that_of_the_lowest_validation_loss_or_of_what_there_is(
    columns: dict[str, list[float]], row: int
) -> None:
    assert best_row(curve(**columns)) == row


def test_overfitting_starts_where_validation_turns_while_training_goes_on() -> None:
    found = overfitting(curve(loss=FALLING, val_loss=TURNING, accuracy=1 - FALLING / 2, val_accuracy=1 - TURNING / 2))
    assert found.verdict == "overfits"
    assert found.turn == 13
    assert found.sentences[0] == (
        "Overfitting starts after epoch 13: from there the validation loss rises from 0.333 to 1.03 over the last 6 "
        "epochs (3.1 times as high), while the training loss still falls from 0.274 to 0.0873."
    )
    assert found.sentences[1] == (
        "At the best epoch (13), training accuracy is 1.3 points above validation; "
        "at the last (30), 53.7 points above validation."
    )


@pytest.mark.parametrize(
    ("loss", "val_loss", "verdict"),
    [
        (FALLING, TURNING, "overfits"),
        (FALLING, TURNING + RNG.normal(0, 0.05, 30), "overfits"),
        (FALLING, FALLING * 1.2, "improving"),
        (FALLING, np.maximum(FALLING, 0.3), "level"),
        (FALLING, np.maximum(FALLING, 0.3) + RNG.normal(0, 0.05, 30), "level"),
        (TURNING, TURNING, "unstable"),
        (FALLING[:4], TURNING[:4], "too_short"),
    ],
    ids=["clean", "noisy", "still falling", "flat", "flat and noisy", "both rise", "four epochs"],
)
def test_known_shapes_get_their_verdict(loss: np.ndarray, val_loss: np.ndarray, verdict: str) -> None:
    assert overfitting(curve(loss=loss, val_loss=val_loss)).verdict == verdict


@pytest.mark.parametrize("epochs", [8, 20, 60])
def test_scatter_alone_is_called_overfitting_in_few_of_many_trainings(epochs: int) -> None:
    rng = np.random.default_rng(1)
    falling = np.exp(-np.arange(epochs) / 8)
    found = [overfitting(curve(loss=falling, val_loss=0.5 + rng.normal(0, 0.1, epochs))).verdict for _ in range(100)]
    assert found.count("overfits") <= 9  # 5 in 100, and what chance adds to that in 100 draws


def test_a_rise_of_four_times_the_scatter_is_found() -> None:
    rng = np.random.default_rng(1)
    rising = np.clip(np.arange(60) - 24, 0, None) / 36 * 0.2
    falling = np.exp(-np.arange(60) / 8)
    found = [
        overfitting(curve(loss=falling, val_loss=np.maximum(falling, 0.3) + rising + rng.normal(0, 0.05, 60))).verdict
        for _ in range(50)
    ]
    assert found.count("overfits") >= 46


def test_a_short_history_says_how_many_epochs_are_needed() -> None:
    one = overfitting(curve(loss=[1.0], val_loss=[1.0]))
    assert one.sentences[0] == (
        "Only one epoch so far: too few to tell whether the training overfits (at least 5 are needed)."
    )


def test_without_validation_nothing_is_claimed() -> None:
    found = overfitting(curve(loss=FALLING, accuracy=1 - FALLING))
    assert found.verdict == "unknown"
    assert found.sentences == (
        "Without a validation loss in the history, nothing can be said about overfitting.",
        "The gap between training and validation accuracy is not known: one of the two is not logged.",
    )


def test_a_rise_without_a_logged_training_loss_is_not_called_overfitting() -> None:
    found = overfitting(curve(val_loss=TURNING))
    assert found.verdict == "unknown"
    assert "need not be overfitting" in found.sentences[0]


def test_scatter_that_would_hide_a_rise_is_named() -> None:
    found = overfitting(curve(loss=FALLING, val_loss=np.maximum(FALLING, 0.3) + RNG.normal(0, 0.08, 30)))
    assert any("scatters by ±" in sentence for sentence in found.sentences)


@pytest.mark.parametrize(
    ("augmented", "reason"),
    [
        (True, "because the training pictures are varied and the validation pictures are not"),
        (False, "as happens with dropout, and because it is averaged over epochs in which the network still learns"),
        (None, "as happens where training pictures are varied or dropout is used"),
    ],
)
def test_training_accuracy_below_validation_is_explained_and_not_called_good(
    augmented: bool | None, reason: str
) -> None:
    found = overfitting(
        curve(loss=FALLING, val_loss=FALLING, accuracy=0.9 - FALLING / 2, val_accuracy=0.95 - FALLING / 2),
        augmented=augmented,
    )
    assert found.sentences[-1] == (
        f"It is below validation {reason}: a gap of this sign neither shows nor rules out overfitting."
    )


def test_the_epoch_that_the_words_name_is_the_best_of_the_table() -> None:
    loss = np.r_[np.linspace(1.0, 0.3, 18), 0.296, 0.299, 0.298, 0.3]  # of three, the mean is lowest at epoch 20
    found = overfitting(curve(loss=FALLING[:22], val_loss=loss))
    assert found.turn == summarise(curve(val_loss=loss)).best_epoch == 19
    assert found.sentences[0].startswith("The validation loss is lowest around epoch 19 and stays level after it")
    loss[11] = 0.29  # one epoch that stands out is no turn
    found = overfitting(curve(loss=FALLING[:22], val_loss=loss))
    assert (found.turn, summarise(curve(val_loss=loss)).best_epoch) == (19, 12)
    assert found.sentences[0].startswith("The validation loss, smoothed, is lowest around epoch 19 and stays level")


def test_a_run_whose_best_epoch_is_its_last_names_one_gap() -> None:
    found = overfitting(curve(loss=FALLING, val_loss=FALLING, accuracy=1 - FALLING / 2, val_accuracy=1 - FALLING / 2))
    assert found.sentences[1] == (
        "At the best epoch, which is also the last (30), training accuracy is equal to validation."
    )


def test_the_summary_holds_best_and_last_epoch_and_what_was_not_logged_is_none() -> None:
    found = summarise(curve(val_loss=[3, 1, 2], val_accuracy=[0.5, 0.8, 0.7], accuracy=[0.5, 0.9, 0.95]))
    assert (found.epochs, found.best_epoch, found.last_epoch) == (3, 2, 3)
    assert (found.best_val_loss, found.last_val_accuracy) == (1.0, 0.7)
    assert (found.best_gap, found.last_gap) == (pytest.approx(10), pytest.approx(25))
    assert found.seconds is None
