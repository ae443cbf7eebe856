"""How far a count has come towards what a laboratory asks for."""

from __future__ import annotations

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
    counted, goal : int
        Leukocytes of this count, and those one examiner counts.
    reached : bool
        Whether this count has come to its goal.
    sentence : str
        For people.
    """

    target: Target
    counted: int
    goal: int
    reached: bool
    sentence: str


def progress_to(target: Target, counted: int) -> Progress:
    """Return how far a count is.

    Examples
    --------
    >>> progress_to("200", 160).sentence
    '160 of 200 leukocytes: 40 to go, or sign with fewer and print the number.'
    """
    goal, examiners = TARGETS[target]
    missing = goal - counted
    if missing > 0:
        words = f"{counted:,} of {goal} leukocytes: {missing} to go, or sign with fewer and print the number"
    else:
        words = f"{counted:,} leukocytes, {goal} asked for"
    second = f"; a second examiner counts another {goal}" if examiners > 1 else ""
    return Progress(target, counted, goal, missing <= 0, f"{words}{second}.")
