"""Low or high: a value against its reference range, and whether the limit lies inside the error of counting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wbc_core.biology.age_ranges import AgeRange

INSIDE_ERROR = "limit inside counting error"

_TINY = 1e-9  # of a value: what is left of a limit after arithmetic with binary fractions


@dataclass(frozen=True)
class Flag:
    """A value outside its range.

    Attributes
    ----------
    direction : {"low", "high"}
        Which side.
    basis : {"absolute", "percent"}
        Whether the absolute count or, where there is none, the share was judged.
    limit : float
        The limit that was crossed, in 10⁹/L or percent.
    inside_error : bool
        Whether that limit lies inside the error of counting: another count of the same blood may fall inside the range.
    words : str
        The flag as it stands in a table.
    """

    direction: Literal["low", "high"]
    basis: Literal["absolute", "percent"]
    limit: float
    inside_error: bool
    words: str = field(init=False)

    def __post_init__(self) -> None:
        words = f"{self.direction}, {INSIDE_ERROR}" if self.inside_error else self.direction
        object.__setattr__(self, "words", words)


def flag_of(reference: AgeRange | None, percent: tuple[float, float, float], leukocytes: float | None) -> Flag | None:
    """Judge the point value of a line: a flag is never held back because the count is small.

    Parameters
    ----------
    reference : AgeRange or None
        The range; None: there is nothing to judge by.
    percent : tuple of float
        Share in percent, its lower and its upper limit.
    leukocytes : float or None
        Leukocytes in 10⁹/L, from which the absolute count follows; None where not known.

    Returns
    -------
    Flag or None
        None: inside the range, or no range.
    """
    if reference is None:
        return None
    limits = reference.limits
    if leukocytes is not None and limits.absolute_low is not None and limits.absolute_high is not None:
        value, low, high = (leukocytes * share / 100 for share in percent)
        return _judged("absolute", value, (low, high), (limits.absolute_low, limits.absolute_high))
    if limits.percent_low is None or limits.percent_high is None:
        return None
    value, low, high = percent
    ends = (limits.percent_low, limits.percent_high)
    return _judged("percent", value, (low, high), ends, limits.percent_high_excluded)


def flag_of_leukocytes(reference: AgeRange | None, count: float) -> Flag | None:
    """Judge the leukocyte count itself, in 10⁹/L; it is not ours, so no error of counting stands beside it."""
    if reference is None or reference.limits.absolute_low is None or reference.limits.absolute_high is None:
        return None
    ends = (reference.limits.absolute_low, reference.limits.absolute_high)
    flag = _judged("absolute", count, (count, count), ends)
    return flag and Flag(flag.direction, flag.basis, flag.limit, inside_error=False)


def _judged(
    basis: Literal["absolute", "percent"],
    value: float,
    error: tuple[float, float],
    ends: tuple[float, float],
    high_excluded: bool = False,
) -> Flag | None:
    low, high = ends
    if value < low * (1 - _TINY):
        return Flag("low", basis, low, error[0] <= low <= error[1])
    edge = high * (1 - _TINY if high_excluded else 1 + _TINY)
    if value >= edge if high_excluded else value > edge:
        return Flag("high", basis, high, error[0] <= high <= error[1])
    return None
