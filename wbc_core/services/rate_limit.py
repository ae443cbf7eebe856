"""How much one session may ask for: so many pictures at once, and so many more with every minute."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from wbc_core.errors import AccessError

MOST_SESSIONS = 10_000
"""Sessions remembered; beyond that the one forgotten is the one that asked longest ago, and it begins anew."""


class RateLimit:
    """A bucket of pictures for each session, which fills up evenly (token bucket).

    Parameters
    ----------
    per_minute : float
        Pictures that come back in a minute.
    at_once : int
        Pictures that a full bucket holds.
    clock : callable
        Seconds of a clock that never goes back.

    Examples
    --------
    >>> limit = RateLimit(per_minute=60, at_once=2, clock=lambda: 0.0)
    >>> limit.take("a", 2)
    >>> limit.take("b", 1)
    >>> limit.take("a", 1)
    Traceback (most recent call last):
    wbc_core.errors.AccessError: This session has asked for many pictures in a short time. Try again in 1 second.
    """

    def __init__(self, per_minute: float, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._most = at_once
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # pictures, and when they were counted
        self._lock = threading.Lock()

    def take(self, session: str, pictures: int) -> None:
        """Take pictures out of a session's bucket.

        Raises
        ------
        AccessError
            If they are more than a full bucket holds, or than are in it now; nothing is taken then.
        """
        if pictures > self._most:
            raise AccessError(
                f"{pictures:,} pictures are too many at once for this public server; the limit is {self._most:,}.",
                "Hand in fewer.",
            )
        with self._lock:
            now = self._clock()
            left, counted = self._left.get(session, (float(self._most), now))
            left = min(float(self._most), left + (now - counted) * self._per_second)
            missing = pictures - left
            self._left[session] = (left if missing > 0 else left - pictures, now)
            self._left.move_to_end(session)
            while len(self._left) > MOST_SESSIONS:
                self._left.popitem(last=False)
        if missing > 0:
            seconds = max(1, math.ceil(missing / self._per_second))
            raise AccessError(
                "This session has asked for many pictures in a short time.",
                f"Try again in {seconds} second{'' if seconds == 1 else 's'}.",
            )
