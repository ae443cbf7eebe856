"""Let whoever counts look at the crops that networks are shown; nothing is kept here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Watcher = Callable[[str, NDArray[np.uint8]], None]
"""Takes a model's id and crops of shape (images, size, size, 3) in RGB; must return at once."""

_watchers: list[Watcher] = []


def watch_crops(watcher: Watcher) -> None:
    """Let a watcher see every crop from now on, once."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def crops_seen(model_id: str, crops: NDArray[np.uint8]) -> None:
    """Show crops to those who watch."""
    for watcher in _watchers:
        watcher(model_id, crops)
