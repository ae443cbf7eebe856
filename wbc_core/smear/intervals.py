"""The error of counting: exact binomial limits, and how they are rounded for a table."""

from __future__ import annotations

import math

from scipy.special import betaincinv

CONFIDENCE = 0.95

BEFORE_REVIEW = "pre-classification, counting error only"
"""What the limits are called until a person has seen every leukocyte."""

AFTER_REVIEW = "counting error only"


def exact_limits(count: int, total: int) -> tuple[float, float]:
    """Return the exact 95 % limits of a share in percent.

    Parameters
    ----------
    count, total : int
        Cells of one kind among all that were counted; at least one in all.

    Returns
    -------
    tuple of float
        Limits of the true share given this count (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404), the method
        of Rümke's table. They hold for cells taken at random and classified correctly.

    Examples
    --------
    >>> [round(limit, 2) for limit in exact_limits(9, 100)]
    [4.2, 16.4]
    """
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1 - tail))
    return 100 * low, 100 * high


def rounded_outward(low: float, high: float) -> tuple[int, int]:
    """Return limits in whole percent, the lower rounded down and the upper up, so that they still hold.

    Examples
    --------
    >>> rounded_outward(2.42, 9.003)
    (2, 10)
    """
    return math.floor(low), math.ceil(high)


def limits_per_hundred(count: int, leukocytes: int) -> tuple[float, float]:
    """Return the exact 95 % limits of a number of cells per 100 leukocytes.

    Parameters
    ----------
    count : int
        Cells outside the leukocyte count, such as erythroblasts.
    leukocytes : int
        At least one.

    Notes
    -----
    Of all cells of both kinds, the share of the first has exact limits; a share s is 100 s / (1 - s) per 100 others.
    """
    shares = (limit / 100 for limit in exact_limits(count, count + leukocytes))
    low, high = (100 * share / (1 - share) for share in shares)
    return low, high
