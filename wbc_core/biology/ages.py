"""Ages as people write them: years, months, weeks or days."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wbc_core.errors import DatasetError

DAYS_OF = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}
"""Days of a day, week, month and year; twelve months are one year."""

_WORDS = {
    "d": ("d", "day", "days"),
    "w": ("w", "wk", "week", "weeks"),
    "m": ("mo", "month", "months"),
    "y": ("", "y", "yr", "year", "years"),
}
_UNIT_OF = {word: unit for unit, words in _WORDS.items() for word in words}
_AGE = re.compile(r"\s*(\d{1,5}(?:[.,]\d{1,3})?)\s*([a-z]*)\s*", re.IGNORECASE)
_OLDEST_YEARS = 130


@dataclass(frozen=True)
class Age:
    """An age as it was written, and in days."""

    text: str
    days: float


def parse_age(text: str) -> Age:
    """Read an age.

    Parameters
    ----------
    text : str
        A number with its unit: ``"34"`` and ``"34 y"`` are years, ``"8 months"``, ``"3 weeks"`` and ``"2 d"`` as said.

    Raises
    ------
    DatasetError
        It is not written so, or above 130 years.

    Examples
    --------
    >>> parse_age("24 months").days == parse_age("2").days
    True
    """
    hint = 'Write years as "34", or a number with its unit: "8 months", "3 weeks", "2 days".'
    match = _AGE.fullmatch(text)
    unit = _UNIT_OF.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise DatasetError(f'"{text.strip()[:40]}" is not an age.', hint)
    number = float(match[1].replace(",", "."))
    days = number * DAYS_OF[unit]
    if days > _OLDEST_YEARS * DAYS_OF["y"]:
        raise DatasetError(f'The age "{text.strip()}" is above {_OLDEST_YEARS} years.', hint)
    named = {"d": "day", "w": "week", "m": "month", "y": "year"}[unit] + ("" if number == 1 else "s")
    return Age(f"{number:g} {named}", days)
