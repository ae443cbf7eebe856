"""Decoded fields of the last clicks, so that a click on a cell does not decode twenty megapixels again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_BYTES: Final = 150_000_000
"""Memory for decoded fields of all visitors together: two of 20 megapixels, or 160 of 640 × 480."""

Pixels = NDArray[np.uint8]


class DecodedFields:
    """Decoded fields, the ones used last, up to a size in bytes.

    Parameters
    ----------
    most_bytes : int
        Of all pictures together; a larger one is not kept.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, int], Pixels] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Return how much is kept."""
        with self._lock:
            return sum(pixels.nbytes for pixels in self._kept.values())

    def field(self, run_id: str, number: int, decode: Callable[[], Pixels]) -> Pixels:
        """Return a field of a run, decoded if it is not kept.

        Parameters
        ----------
        run_id : str
            The run.
        number : int
            Of the field in its run.
        decode : callable
            Returns the field's pixels: uint8, shape (height, width, 3), RGB; what it raises is passed on.
        """
        with self._lock:
            kept = self._kept.get((run_id, number))
            if kept is not None:
                self._kept.move_to_end((run_id, number))
                return kept
        pixels = decode()  # outside the lock: other visitors do not wait for it
        with self._lock:
            if pixels.nbytes <= self._most:
                self._kept[(run_id, number)] = pixels
            while sum(each.nbytes for each in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
        return pixels

    def forget(self, run_id: str) -> None:
        """Let go of all fields of a run."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == run_id]:
                del self._kept[key]


@lru_cache(maxsize=1)
def decoded_fields() -> DecodedFields:
    """Return the decoded fields of this process."""
    return DecodedFields()
