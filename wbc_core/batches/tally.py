"""Counts over the rows of a batch, kept while it runs, so that looking at it costs nothing."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from wbc_core.batches.rows import BatchRow

REMEMBERED = 200
"""Failures kept at hand; the table has all."""
_RATE_OVER_S = 20.0


@dataclass
class Tally:
    """What the rows so far amount to; pictures that repeat an earlier one bit for bit count once.

    Attributes
    ----------
    done, repeats : int
        Pictures done, and how many of them were the same as an earlier one.
    statuses : Counter of str
        ``classified``, ``unidentified`` and ``failed``, without repeats.
    labels : Counter of str
        Classified pictures by label, without repeats.
    reasons : Counter of str
        Unidentified pictures by reason, without repeats.
    notes : Counter of str
        Pictures by what they show beside the cell that was judged, without repeats.
    failures : list of BatchRow
        The first failed ones.
    """

    done: int = 0
    repeats: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[BatchRow] = field(default_factory=list)
    _digests: set[bytes] = field(default_factory=set, repr=False)
    _clock: deque[tuple[float, int]] = field(default_factory=deque, repr=False)

    def add(self, rows: Iterable[BatchRow], now: float | None = None) -> None:
        """Count rows."""
        for row in rows:
            self.done += 1
            if row.status == "failed":
                self.statuses["failed"] += 1
                if len(self.failures) < REMEMBERED:
                    self.failures.append(row)
                continue
            digest = bytes.fromhex(row.digest)
            if digest in self._digests:
                self.repeats += 1
                continue
            self._digests.add(digest)
            self.statuses[row.status] += 1
            if row.note:
                self.notes[row.note] += 1
            if row.status == "classified" and row.label is not None:
                self.labels[row.label] += 1
            elif row.reason:
                self.reasons[row.reason] += 1
        self._clock.append((time.monotonic() if now is None else now, self.done))
        while len(self._clock) > 2 and self._clock[-1][0] - self._clock[1][0] > _RATE_OVER_S:
            self._clock.popleft()

    def start_clock(self, now: float | None = None) -> None:
        """Begin to measure the rate: what was counted before is not part of it."""
        self._clock.clear()
        self._clock.append((time.monotonic() if now is None else now, self.done))

    @property
    def rate(self) -> float | None:
        """Pictures a second over the last 20 seconds or so; None before there are any."""
        if len(self._clock) < 2:
            return None
        (began, before), (now, done) = self._clock[0], self._clock[-1]
        return (done - before) / (now - began) if now > began and done > before else None
