"""What a look at this host has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level : {"ok", "warning", "error"}
        Whether it is in order, will trouble somebody, or stops the work.
    subject : str
        What was looked at.
    sentence : str
        How it is.
    advice : str
        What to do; empty where it is in order.
    """

    level: Level
    subject: str
    sentence: str
    advice: str = ""
