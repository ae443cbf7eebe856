"""What a training curve says in figures: smoothing, the best epoch, the gap, and a line for the table of runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wbc_core.runs.curves import ACCURACY, LOSS, VAL_ACCURACY, VAL_LOSS, Curve


def smoothed(values: pd.Series, strength: float) -> pd.Series:
    """Return the exponential moving average with bias correction; missing values stay missing and count for nothing.

    With β the strength, ``m_t = β m_(t-1) + (1 - β) x_t`` from ``m_0 = 0`` and the result ``m_t / (1 - β^t)``, as in
    Adam (Kingma and Ba 2015, arXiv:1412.6980), so that the first values are not drawn towards 0.

    Parameters
    ----------
    values : Series of float64
        One a epoch.
    strength : float
        β, 0 (nothing is smoothed) to below 1.

    Examples
    --------
    >>> smoothed(pd.Series([1.0, 1.0, 4.0]), 0.5).round(4).tolist()
    [1.0, 1.0, 2.7143]
    """
    if not 0 <= strength < 1:
        raise ValueError(f"the strength is {strength}; expected 0 to below 1")
    average, weight = 0.0, 0.0
    result = []
    for value in values.to_numpy(dtype=float):
        if math.isnan(value):
            result.append(math.nan)
            continue
        average = strength * average + (1 - strength) * value
        weight = strength * weight + (1 - strength)
        result.append(average / weight)
    return pd.Series(result, index=values.index, dtype="float64")


def best_row(curve: Curve) -> int:
    """Return the position of the best epoch: of the lowest validation loss, as training itself chooses.

    Without a validation loss, of the highest validation accuracy, else of the lowest loss, else highest accuracy.
    """
    for column, lowest in ((VAL_LOSS, True), (VAL_ACCURACY, False), (LOSS, True), (ACCURACY, False)):
        if curve.has(column):
            values = curve.table[column].to_numpy(dtype=float)
            return int(np.nanargmin(values) if lowest else np.nanargmax(values))
    return curve.epochs - 1


@dataclass(frozen=True)
class Gap:
    """Training accuracy less validation accuracy, in percentage points, at one epoch (counted from 1)."""

    epoch: int
    points: float


def gap_at(curve: Curve, row: int) -> Gap | None:
    """Return the gap at a row of the table; None where one of the accuracies is not logged."""
    values = curve.table.iloc[row]
    points = 100 * (values[ACCURACY] - values[VAL_ACCURACY])
    return Gap(int(values["epoch"]), float(points)) if math.isfinite(points) else None


@dataclass(frozen=True)
class Summary:
    """One line of the table of runs; None where a value was not logged.

    Attributes
    ----------
    epochs : int
        Number of epochs in the history.
    best_epoch, last_epoch : int
        Counted from 1.
    best_val_loss, best_val_accuracy, last_val_loss, last_val_accuracy : float or None
        At the best and at the last epoch.
    best_gap, last_gap : float or None
        Training less validation accuracy in percentage points.
    seconds : float or None
        Sum over the epochs.
    """

    epochs: int
    best_epoch: int
    last_epoch: int
    best_val_loss: float | None
    best_val_accuracy: float | None
    last_val_loss: float | None
    last_val_accuracy: float | None
    best_gap: float | None
    last_gap: float | None
    seconds: float | None


def summarise(curve: Curve) -> Summary:
    """Return a curve's line of the table."""
    best, last = best_row(curve), curve.epochs - 1
    gaps = gap_at(curve, best), gap_at(curve, last)
    return Summary(
        epochs=curve.epochs,
        best_epoch=int(curve.table["epoch"].iloc[best]),
        last_epoch=int(curve.table["epoch"].iloc[last]),
        best_val_loss=_value(curve, VAL_LOSS, best),
        best_val_accuracy=_value(curve, VAL_ACCURACY, best),
        last_val_loss=_value(curve, VAL_LOSS, last),
        last_val_accuracy=_value(curve, VAL_ACCURACY, last),
        best_gap=gaps[0].points if gaps[0] else None,
        last_gap=gaps[1].points if gaps[1] else None,
        seconds=float(curve.table["seconds"].sum()) if curve.has("seconds") else None,
    )


def _value(curve: Curve, column: str, row: int) -> float | None:
    value = float(curve.table[column].iloc[row])
    return value if math.isfinite(value) else None
