"""How far a count has come towards what a laboratory asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Target = Literal["100", "200", "2x200"]

TARGETS: dict[Target, tuple[int, int]] = {"100": (100, 1), "200": (200, 1), "2x200": (200, 2)}
"""Leukocytes for each examiner, and how many examiners: routine, reference method, both examiners of it."""


@dataclass(frozen=True)
class Progress:
    """Leukocytes counted of those asked for; smudge cells, platelets and erythroblasts do not count.

    Attributes
    ----------
    target : {"100", "200", "2x200"}
        What the laboratory asks for.
    counted : tuple of int
        Leukocytes of each examiner.
    goal, examiners : int
        Leukocytes that one examiner counts, and how many examiners are asked for.
    reached : bool
        Whether every examiner asked for has come to the goal.
    sentence : str
        For people.
    """

    target: Target
    counted: tuple[int, ...]
    goal: int
    examiners: int
    reached: bool
    sentence: str


def progress_to(target: Target, counted: Sequence[int]) -> Progress:
    """Return how far a count is.

    Parameters
    ----------
    target : {"100", "200", "2x200"}
        What the laboratory asks for.
    counted : sequence of int
        Leukocytes of each examiner, at least of one.

    Examples
    --------
    >>> progress_to("200", [160]).sentence
    '160 of 200 leukocytes: 40 to go, or sign with fewer and print the number.'
    """
    goal, examiners = TARGETS[target]
    missing = sum(max(goal - number, 0) for number in counted)
    numbers = " and ".join(f"{number:,}" for number in counted)
    by = " by two examiners" if len(counted) > 1 else ""
    if missing:
        words = f"{numbers} of {goal} leukocytes{by}: {missing} to go, or sign with fewer and print the number"
    else:
        words = f"{numbers} leukocytes{by}, {goal} asked for{' of each' if by else ''}"
    waiting = examiners - len(counted)
    second = f"; a second examiner counts another {goal}" if waiting > 0 else ""
    return Progress(target, tuple(counted), goal, examiners, not missing and waiting <= 0, f"{words}{second}.")
