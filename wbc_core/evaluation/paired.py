"""Models compared two by two on the same pictures: exact test, differences by bootstrap, corrected for many pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from wbc_core.evaluation.figures import Figure, from_draws
from wbc_core.evaluation.measures import TOO_FEW, ModelMeasures

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """Two models, A and B, on the pictures that both have.

    Attributes
    ----------
    first, second : str
        Names of A and B.
    labels : tuple of str
        What both choose between.
    n : int
        Shared pictures.
    only_first, only_second : int
        Pictures where A alone, B alone is right.
    both, neither : int
        Pictures where both are right, and where neither is.
    p_value : float
        Of McNemar's exact test (1947, doi:10.1007/BF02295996), which takes pictures as independent.
    p_corrected : float
        The same after Holm's correction (1979, Scand. J. Statist. 6:65) for all pairs of the comparison.
    accuracy_difference, macro_f1_difference : Figure
        A minus B, intervals by group.
    pairs : int
        Number of pairs corrected for.
    grouped : bool
        Whether several pictures share a group.
    """

    first: str
    second: str
    labels: tuple[str, ...]
    n: int
    only_first: int
    only_second: int
    both: int
    neither: int
    p_value: float
    p_corrected: float
    accuracy_difference: Figure
    macro_f1_difference: Figure
    pairs: int
    grouped: bool

    @property
    def significant(self) -> bool:
        """Whether chance explains the difference badly: by the corrected test, and by group where there are groups."""
        return self.p_corrected < SIGNIFICANT and not (self.grouped and self._difference_may_be_none())

    def _difference_may_be_none(self) -> bool:
        low, high = self.accuracy_difference.low, self.accuracy_difference.high
        return low is not None and high is not None and low <= 0 <= high

    @property
    def sentence(self) -> str:
        """The result in words for a class of students."""
        first, second = self.only_first, self.only_second
        if not first and not second:
            return f"{self.first} and {self.second} are right and wrong on the same {self.n:,} pictures."
        counts = (
            f"{self.first} is right on {first:,} {_pictures(first)} where {self.second} is wrong, "
            f"{self.second} on {second:,} where {self.first} is wrong"
        )
        corrected = f", corrected for {self.pairs} pairs" if self.pairs > 1 else ""
        p = f"(p {_p_text(self.p_corrected)}{corrected})"
        if self.p_corrected >= SIGNIFICANT:
            return f"{counts}; such a difference can well arise by chance {p}, which does not show that they are alike."
        how = "almost never" if self.p_corrected < 0.001 else "rarely" if self.p_corrected < 0.01 else "seldom"
        if self.grouped and self._difference_may_be_none():
            return (
                f"{counts}; if every picture counted for itself such a difference would {how} arise by chance {p}, but "
                "the pictures come in groups, and by group it may be none."
            )
        return f"{counts}; such a difference would {how} arise by chance {p}."


@dataclass(frozen=True, eq=False)
class PairData:
    """What one pair is judged by: which pictures each is right on, and its measures on the same resamples."""

    labels: tuple[str, ...]
    right: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    measures: tuple[ModelMeasures, ModelMeasures]
    grouped: bool


def compare_pairs(names: Sequence[str], data_of: Callable[[int, int], PairData]) -> tuple[Pair, ...]:
    """Compare every two models.

    Parameters
    ----------
    names : sequence of str
        The models.
    data_of : callable
        Returns what two models, by their positions, are judged by: the same pictures for both.

    Returns
    -------
    tuple of Pair
        In the order of ``itertools.combinations``.
    """
    chosen = list(combinations(range(len(names)), 2))
    if not chosen:
        return ()
    data = [data_of(first, second) for first, second in chosen]
    tables = [_table(each.right) for each in data]
    p_values = [float(mcnemar(table, exact=True).pvalue) for table in tables]
    corrected = multipletests(p_values, method="holm")[1]
    return tuple(
        Pair(
            first=names[first],
            second=names[second],
            labels=each.labels,
            n=int(table.sum()),
            only_first=int(table[0, 1]),
            only_second=int(table[1, 0]),
            both=int(table[0, 0]),
            neither=int(table[1, 1]),
            p_value=p_value,
            p_corrected=float(holm),
            accuracy_difference=_difference(each.measures, "accuracy"),
            macro_f1_difference=_difference(each.measures, "macro_f1"),
            pairs=len(chosen),
            grouped=each.grouped,
        )
        for (first, second), each, table, p_value, holm in zip(chosen, data, tables, p_values, corrected, strict=True)
    )


def _table(right: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> NDArray[np.int64]:
    first, second = right
    return np.array(
        [
            [(first & second).sum(), (first & ~second).sum()],
            [(~first & second).sum(), (~first & ~second).sum()],
        ]
    )


def _difference(measures: tuple[ModelMeasures, ModelMeasures], key: str) -> Figure:
    first, second = measures
    a, b = first.figures[key].value, second.figures[key].value
    if a is None or b is None:
        return Figure(None, reason=first.figures[key].reason or second.figures[key].reason)
    if key not in first.draws or key not in second.draws:
        return Figure(a - b, reason=TOO_FEW)
    return from_draws(a - b, first.draws[key] - second.draws[key])


def _p_text(p: float) -> str:
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _pictures(count: int) -> str:
    return "picture" if count == 1 else "pictures"
