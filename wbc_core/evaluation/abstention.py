"""The confidence below which a model abstains, chosen on validation pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from wbc_core.inference.cards import Abstention

ERROR_GOAL = 0.005
"""Largest error among answered pictures that the threshold aims at."""

LEAST_COVERAGE = 0.96
"""Share of validation pictures answered where the goal's bound is out of reach.

At least 95 % are to be answered elsewhere too, and between two samples of some two thousand pictures a share differs
by 0.7 % (one standard error).
"""


def error_upper_bound(errors: int, answered: int, confidence: float = 0.95) -> float:
    """Return the one-sided exact upper bound of an error rate (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Examples
    --------
    >>> round(error_upper_bound(0, 598), 4)
    0.005
    """
    if errors >= answered:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, answered - errors))


def choose_abstention(confidence: NDArray[np.float64], correct: NDArray[np.bool_], chosen_on: str) -> Abstention:
    """Choose the threshold on validation pictures, by the first of three rules that can be met.

    1. The lowest confidence from which the exact upper bound of the error is at most :data:`ERROR_GOAL`.
    2. The confidence that answers :data:`LEAST_COVERAGE` of the pictures, if at most :data:`ERROR_GOAL` of the answers
       are wrong: a good model on too few pictures for the bound.
    3. The confidence with the lowest bound.

    Parameters
    ----------
    confidence : ndarray of float64, shape (images,)
        Calibrated probability of the top label.
    correct : ndarray of bool, shape (images,)
        Whether the top label is right.
    chosen_on : str
        Names the pictures.

    Returns
    -------
    Abstention
        With the rule in words and the bound that was reached.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~correct[order])
    ranked = confidence[order]
    ends = np.flatnonzero(np.append(ranked[:-1] != ranked[1:], True))
    bounds = np.array([error_upper_bound(int(wrong[end]), int(end) + 1) for end in ends])
    meeting = np.flatnonzero(bounds <= ERROR_GOAL)
    wanted = f"the lowest confidence from which the exact 95 % bound of the error is at most {100 * ERROR_GOAL:g} %"
    few = f"wanted: {wanted}; no confidence reaches that on so few pictures"
    enough = ends[np.searchsorted(ends + 1, LEAST_COVERAGE * len(ranked))]
    if len(meeting):
        end, rule = ends[meeting[-1]], wanted
    elif wrong[enough] <= ERROR_GOAL * (enough + 1):
        end, rule = enough, f"{few}, so the one that answers {100 * LEAST_COVERAGE:g} % of them"
    else:
        end, rule = ends[int(bounds.argmin())], f"{few}, so the one with the lowest bound"
    answered, errors = int(end) + 1, int(wrong[end])
    return Abstention(
        threshold=float(ranked[end]),
        rule=rule,
        chosen_on=chosen_on,
        coverage=answered / len(ranked),
        errors=errors,
        error_upper_bound=error_upper_bound(errors, answered),
    )
