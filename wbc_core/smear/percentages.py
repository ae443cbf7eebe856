"""Percentages that sum to exactly 100, by the method of the largest remainder."""

from __future__ import annotations

from collections.abc import Sequence

FEWEST_FOR_DECIMALS = 200
"""Leukocytes from which on a percentage has one decimal: below, a decimal says more than was counted."""


def decimals_of(total: int) -> int:
    """Return how many decimals a percentage of this many cells has."""
    return 1 if total >= FEWEST_FOR_DECIMALS else 0


def largest_remainder(units: int, counts: Sequence[int]) -> list[int]:
    """Share out a number of units in proportion to counts, so that nothing is left over.

    Parameters
    ----------
    units : int
        What is shared out.
    counts : sequence of int
        Not negative; at least one above zero, unless there are no units.

    Returns
    -------
    list of int
        Sums to ``units``. Each is rounded down; what is left goes to the largest remainders (Hamilton's method), of
        equal ones to the larger count, then to the first. Who has no count gets nothing.

    Examples
    --------
    >>> largest_remainder(100, [1, 1, 1])
    [34, 33, 33]
    """
    total = sum(counts)
    if units == 0:
        return [0] * len(counts)
    shares = [units * count // total for count in counts]
    order = sorted(range(len(counts)), key=lambda place: (-(units * counts[place] % total), -counts[place], place))
    for place in order[: units - sum(shares)]:
        shares[place] += 1
    return shares


def as_text(units: int, decimals: int) -> str:
    """Return a number of units as a percentage: tenths where there is one decimal.

    Examples
    --------
    >>> as_text(385, 1), as_text(38, 0)
    ('38.5', '38')
    """
    return f"{units / 10**decimals:.{decimals}f}"
