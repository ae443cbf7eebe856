"""What this process has predicted since its start, counted in memory: numbers alone, no names and no pictures.

Counting one picture takes some ten microseconds. Whoever wants to know asks :mod:`wbc_core.services.metrics`.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import AccessError, BusyError, ImageError, WbcError
from wbc_core.imaging.foreground import lit_pixels

log = logging.getLogger("wbc_core.service")

RECENT: Final = 1000
"""Pictures of a model over which abstention, confidence and colour are averaged: the latest so many."""

BUCKETS_S: Final = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the histogram of seconds that one picture took."""

_EVERY: Final = 8
"""One pixel in so many of each row and column is enough for a mean colour."""

_LEAST_LIT: Final = 16


class Judged(Protocol):
    """A row of any kind of result."""

    @property
    def status(self) -> str:
        """``classified``, ``unidentified`` or ``failed``."""

    @property
    def reason(self) -> str:
        """Why unidentified."""

    @property
    def confidence(self) -> float:
        """Calibrated probability of the top label."""


Row = TypeVar("Row", bound=Judged)


@dataclass
class ModelCounts:
    """Counts of one model.

    Attributes
    ----------
    results : Counter of (str, str)
        Pictures by status and reason.
    seconds : list of int
        Pictures by bucket of `BUCKETS_S`, and beyond the last.
    total_s : float
        Seconds of all of them.
    confidences : deque of (float, bool)
        Of the latest pictures, where the model chose among all its labels: confidence, and whether it abstained.
    colours : deque of ndarray of float64, shape (3,)
        Mean L*, a* and b* of the latest crops, as the network saw them.
    """

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0
    confidences: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=RECENT))
    colours: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=RECENT))


class PredictionCounts:
    """Counts that any thread may add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, ModelCounts] = {}
        self._refused: Counter[str] = Counter()

    def count(
        self,
        model_id: str,
        result: Judged,
        *,
        seconds: float | None = None,
        chosen: bool = False,
    ) -> None:
        """Count one picture.

        Parameters
        ----------
        model_id : str
            Who answered.
        result : Judged
            What was answered.
        seconds : float, optional
            How long it took, where one picture was asked for alone.
        chosen : bool
            Whether the model had to choose among some of its labels only: its confidence then says nothing of drift.
        """
        with self._lock:
            counts = self._models.setdefault(model_id, ModelCounts())
            counts.results[(result.status, result.reason)] += 1
            if seconds is not None:
                counts.seconds[bisect_left(BUCKETS_S, seconds)] += 1
                counts.total_s += seconds
            if result.status != "failed" and not chosen:
                counts.confidences.append((result.confidence, result.status == "unidentified"))

    def see(self, model_id: str, crops: NDArray[np.uint8]) -> None:
        """Take the mean colours of crops that a network is shown: uint8, (images, size, size, 3), RGB."""
        for crop in crops:
            colour = mean_colour(crop)
            if colour is not None:
                with self._lock:
                    self._models.setdefault(model_id, ModelCounts()).colours.append(colour)

    def counted(self, model_id: str, rows: Iterator[Row], *, chosen: bool = False) -> Iterator[Row]:
        """Yield rows as they are, counting each."""
        try:
            for row in rows:
                self.count(model_id, row, chosen=chosen)
                yield row
        finally:
            if isinstance(rows, Generator):
                rows.close()

    def refuse(self, error: WbcError) -> str:
        """Count what was handed in and not taken; return its kind."""
        kind = kind_of(error)
        with self._lock:
            self._refused[kind] += 1
        return kind

    def snapshot(self) -> tuple[dict[str, ModelCounts], dict[str, int]]:
        """Return copies of the counts by model, and of what was refused by kind."""
        with self._lock:
            models = {
                model_id: ModelCounts(
                    Counter(counts.results),
                    list(counts.seconds),
                    counts.total_s,
                    deque(counts.confidences),
                    deque(counts.colours),
                )
                for model_id, counts in self._models.items()
            }
            return models, dict(self._refused)


def mean_colour(crop: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Return mean L* (0 to 100), a* and b* of what is not black in a crop; None where next to nothing is.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    """
    sample = np.ascontiguousarray(crop[_EVERY // 2 :: _EVERY, _EVERY // 2 :: _EVERY])
    lit = lit_pixels(sample)
    if lit.sum() < _LEAST_LIT:
        return None
    # In whole numbers: within 0.3 of the exact mean, and five times as fast.
    lightness, a, b = cv2.cvtColor(sample, cv2.COLOR_RGB2LAB)[lit].mean(axis=0)
    return np.array([lightness * 100 / 255, a - 128, b - 128])


def kind_of(error: WbcError) -> str:
    """Return in one word why something handed in was refused, for a log or a count: it names nothing.

    Examples
    --------
    >>> kind_of(ImageError("cell.png is empty.")), kind_of(BusyError("The server is busy."))
    ('no_picture', 'busy')
    """
    if isinstance(error, ImageError):
        return "no_picture"
    if isinstance(error, BusyError):
        return "busy"
    return "not_allowed" if isinstance(error, AccessError) else "other"


def refused(error: WbcError) -> None:
    """Count and log that something handed in was not taken: its kind alone."""
    kind = predictions().refuse(error)
    log.info("What was handed in is not taken: %s.", kind, extra={"event": "upload.refused", "kind": kind})


_counts = PredictionCounts()


def predictions() -> PredictionCounts:
    """Return the counts of this process."""
    return _counts
