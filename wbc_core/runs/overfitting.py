"""Where overfitting starts and how large the gap is, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wbc_core.runs.analysis import Gap, best_row, gap_at
from wbc_core.runs.curves import LOSS, VAL_LOSS, Curve

SHORTEST = 5
"""Fewer epochs with a validation loss than these allow no statement on overfitting."""
LEAST_RISE = 0.02
"""A rise of the validation loss below this share of its minimum counts as level."""
SIGMAS = 3.5
"""A rise counts from this many standard deviations of the difference of the two means on.

So many, because the turn is picked as the lowest of all: of simulated curves that only scatter, with 6 to 100 epochs,
at most 5 in 100 are then said to rise. A rise by four times the scatter is found in 7 of 10 trainings of 20 epochs and
in nearly all of 60; in 4 of 10 of only 10 epochs.
"""

Verdict = Literal["overfits", "improving", "level", "unstable", "too_short", "unknown"]


@dataclass(frozen=True)
class Overfitting:
    """Whether a training overfits, and what that rests on.

    Attributes
    ----------
    verdict : str
        ``overfits``: after the turn validation loss rises while training loss falls. ``improving``: the turn is at the
        end. ``level``: no rise beyond the scatter. ``unstable``: both losses rise. ``too_short`` and ``unknown``: no
        statement.
    turn : int or None
        Epoch (from 1) of the lowest validation loss where the smoothed one is lowest.
    best, last : Gap or None
        Gap at the best and at the last epoch; None without both accuracies.
    sentences : tuple of str
        The finding in words.
    """

    verdict: Verdict
    turn: int | None
    best: Gap | None
    last: Gap | None
    sentences: tuple[str, ...]


def overfitting(curve: Curve, *, augmented: bool | None = None) -> Overfitting:
    """Say where overfitting starts and how large the gap is.

    The validation loss is smoothed by the mean of each epoch and its two neighbours, which, unlike the exponential
    average of the chart, does not lag. The turn is the best of the three epochs whose mean is lowest; it is the best
    of all, unless that one stands out from its neighbours. Overfitting starts after the turn if the mean validation
    loss of the last third of what follows is higher (by 2 %, and by 3.5 standard deviations of what scatter from epoch
    to epoch alone would do) while the training loss is lower. The gap is training less validation accuracy at the best
    and at the last epoch.

    Parameters
    ----------
    curve : Curve
        The history.
    augmented : bool, optional
        Whether training pictures were varied; None if that is not known.

    Returns
    -------
    Overfitting
    """
    best, last = gap_at(curve, best_row(curve)), gap_at(curve, curve.epochs - 1)
    gap_words = _gap_in_words(best, last, augmented)
    if not curve.has(VAL_LOSS):
        why = "Without a validation loss in the history, nothing can be said about overfitting."
        return Overfitting("unknown", None, best, last, (why, *gap_words))
    rows = curve.table[curve.table[VAL_LOSS].notna()]
    if len(rows) < SHORTEST:
        count = "one epoch" if len(rows) == 1 else f"{len(rows)} epochs"
        why = f"Only {count} so far: too few to tell whether the training overfits (at least {SHORTEST} are needed)."
        return Overfitting("too_short", None, best, last, (why, *gap_words))
    verdict, turn, words = _judge(rows)
    return Overfitting(verdict, turn, best, last, (*words, *gap_words))


def _judge(rows: pd.DataFrame) -> tuple[Verdict, int, tuple[str, ...]]:
    """Return verdict, turn and words for five epochs or more."""
    epochs = rows["epoch"].to_numpy(dtype=int)
    loss = rows[VAL_LOSS].to_numpy(dtype=float)
    smooth = _centred_mean(loss)
    at = int(smooth.argmin())
    beside = slice(max(0, at - 1), at + 2)
    turn = int(epochs[beside][loss[beside].argmin()])
    subject = "The validation loss" if turn == epochs[loss.argmin()] else "The validation loss, smoothed,"
    scatter = _scatter(loss, smooth)
    window = max(2, math.ceil((len(loss) - 1 - at) / 3))
    low, end = float(smooth[at]), float(loss[-window:].mean())
    needed = max(LEAST_RISE * abs(low), SIGMAS * scatter * math.sqrt(1 / 3 + 1 / window))
    noise = _noise_in_words(scatter, needed, low)
    if at >= len(smooth) - 2:
        words = f"{subject} is lowest at the end, at epoch {turn}: no overfitting, and more epochs may help."
        return "improving", turn, (words, *noise)
    if end - low < needed:
        words = (
            f"{subject} is lowest around epoch {turn} and stays level after it: "
            "no clear overfitting, and more epochs of this kind would change little."
        )
        return "level", turn, (words, *noise)
    grown = f"the validation loss rises from {low:.3g} to {end:.3g} over the last {window} epochs ({_by(low, end)})"
    train = rows[LOSS].to_numpy(dtype=float)
    train_low, train_end = float(_centred_mean(train)[at]), float(train[-window:].mean())
    if not math.isfinite(train_low - train_end):
        words = f"After epoch {turn} {grown}. The training loss is not logged there, so this need not be overfitting."
        return "unknown", turn, (words, *noise)
    if train_end < train_low:
        words = (
            f"Overfitting starts after epoch {turn}: from there {grown}, "
            f"while the training loss still falls from {train_low:.3g} to {train_end:.3g}."
        )
        return "overfits", turn, (words, *noise)
    words = (
        f"After epoch {turn} {grown}, and the training loss does not fall either: the training has become unstable "
        "rather than overfitted. A lower learning rate may help."
    )
    return "unstable", turn, (words, *noise)


def _by(before: float, after: float) -> str:
    if before <= 0:
        return f"{after - before:.3g} higher"
    factor = after / before
    return f"{factor:.1f} times as high" if factor >= 2 else f"{100 * (factor - 1):.0f} % higher"


def _centred_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each value and its neighbours; at the ends, of the two that there are."""
    return pd.Series(values).rolling(3, center=True, min_periods=2).mean().to_numpy()


def _scatter(values: NDArray[np.float64], smooth: NDArray[np.float64]) -> float:
    """Return the standard deviation from epoch to epoch, robustly, without the steep first epochs.

    Of what is left after taking the mean of three away, 1.4826 times the median of the absolute values estimates
    σ·sqrt(2/3) for normal scatter.
    """
    later = slice(max(1, len(values) // 4), -1)
    residuals = np.abs(values[later] - smooth[later])
    return float(1.4826 * np.median(residuals) / math.sqrt(2 / 3)) if len(residuals) else 0.0


def _noise_in_words(scatter: float, needed: float, lowest: float) -> tuple[str, ...]:
    """Say so where the scatter hides more than a tenth of the loss."""
    if lowest <= 0 or needed < 0.1 * lowest:
        return ()
    return (
        f"The validation loss scatters by ±{scatter:.2g} from epoch to epoch: "
        f"a rise of less than {needed:.2g} would not stand out.",
    )


def _gap_in_words(best: Gap | None, last: Gap | None, augmented: bool | None) -> tuple[str, ...]:
    """Put the gap at the best and at the last epoch into words."""
    shown = [gap for gap in dict.fromkeys((best, last)) if gap is not None]
    if not shown:
        return ("The gap between training and validation accuracy is not known: one of the two is not logged.",)
    if best is None or last is None or best == last:
        place = "best epoch, which is also the last" if best == last else "best epoch" if best else "last epoch"
        words = [f"At the {place} ({shown[0].epoch}), training accuracy is {_points(shown[0].points)}."]
    else:
        words = [
            f"At the best epoch ({best.epoch}), training accuracy is {_points(best.points)}; "
            f"at the last ({last.epoch}), {_points(last.points)}."
        ]
    if any(gap.points < 0 for gap in shown):
        reason = {
            True: "because the training pictures are varied and the validation pictures are not",
            False: "as happens with dropout, and because it is averaged over epochs in which the network still learns",
            None: "as happens where training pictures are varied or dropout is used",
        }[augmented]
        words.append(f"It is below validation {reason}: a gap of this sign neither shows nor rules out overfitting.")
    return tuple(words)


def _points(points: float) -> str:
    """Return a gap in words.

    Examples
    --------
    >>> _points(3.42), _points(-0.04), _points(-2.0)
    ('3.4 points above validation', 'equal to validation', '2.0 points below validation')
    """
    if abs(points) < 0.05:
        return "equal to validation"
    return f"{abs(points):.1f} points {'above' if points > 0 else 'below'} validation"
