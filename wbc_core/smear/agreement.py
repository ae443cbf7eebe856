"""Our count beside an analyser's or another person's: whether the error of counting explains what differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from wbc_core.biology.counted_cells import counted_cells, counted_label, lines
from wbc_core.errors import DatasetError
from wbc_core.smear.result import Differential

AGREES = "agrees"
DIFFERS = "differs more than counting error explains"

SIGNIFICANT = 0.05
_MOST_IN_ALL = 101.0
"""Percent to which an analyser's rounded shares may sum."""


@dataclass(frozen=True)
class LineAgreement:
    """One line of two counts.

    Attributes
    ----------
    label, title : str
        The line.
    ours, other : float
        Shares in percent, not rounded.
    low, high : float
        Exact 95 % limits of ours in percent.
    p_value, p_corrected : float or None
        Of Fisher's exact test (1922, doi:10.2307/2340521), alone and after Holm's correction (1979, Scand. J. Statist.
        6:65) for all lines; None against an analyser.
    agrees : bool
        Whether the error of counting explains the difference.
    """

    label: str
    title: str
    ours: float
    other: float
    low: float
    high: float
    p_value: float | None
    p_corrected: float | None
    agrees: bool

    @property
    def words(self) -> str:
        """The verdict as it stands in a table."""
        return AGREES if self.agrees else DIFFERS


@dataclass(frozen=True)
class Agreement:
    """Two counts of one smear, line by line.

    Attributes
    ----------
    kind : {"analyser", "hand_count"}
        What stands beside ours.
    ours_n, other_n : int or None
        Leukocytes; None of an analyser, whose thousands of cells are taken as exact.
    lines : tuple of LineAgreement
        In the order of ours.
    not_compared : tuple of str
        Titles of lines that only one of the two has.
    """

    kind: Literal["analyser", "hand_count"]
    ours_n: int
    other_n: int | None
    lines: tuple[LineAgreement, ...]
    not_compared: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The result for people."""
        other = "the analyser" if self.kind == "analyser" else "the other count"
        differing = [line.title.lower() for line in self.lines if not line.agrees]
        if differing:
            return f"Beside {other}, the share of {_listed(differing)} {DIFFERS}."
        return f"The count {AGREES} with {other} in all {len(self.lines)} lines: counting error explains what differs."

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison ready for JSON."""
        rows = [asdict(line) | {"words": line.words} for line in self.lines]
        return asdict(self) | {"lines": rows, "sentence": self.sentence}


def beside_analyser(ours: Differential, percentages: Mapping[str, float]) -> Agreement:
    """Compare with an analyser: its share lies inside the exact limits of our count, or does not.

    Parameters
    ----------
    ours : Differential
        Our count.
    percentages : mapping of str to float
        Of the analyser, by label or alias. It counts thousands of cells, so its share is taken as exact.

    Returns
    -------
    Agreement
        Each line is judged by itself at 95 %: of twenty that agree one falls outside by chance.

    Raises
    ------
    DatasetError
        A name is unknown or there twice, a value is no percentage, they sum to more than 100, or no line is in both.
    """
    theirs = _percentages(percentages)
    rows = []
    for label, value in theirs.items():
        line = ours.line(label)
        if line is not None:
            inside = line.low <= value <= line.high
            rows.append(LineAgreement(label, line.title, line.percent, value, line.low, line.high, None, None, inside))
    compared = {row.label for row in rows}
    divided = {top.label for top in ours.lines if any(part.label in compared for part in top.parts)}
    mine = [line.label for line in ours.lines if line.count and line.label not in compared | divided]
    return _agreement("analyser", ours, None, rows, [*mine, *(label for label in theirs if label not in compared)])


def beside_count(ours: Differential, other: Differential) -> Agreement:
    """Compare with another count of the same smear by Fisher's exact test, corrected for the number of lines.

    Parameters
    ----------
    ours, other : Differential
        Two counts. The limits of one do not suit this: the other has an error of its own.

    Returns
    -------
    Agreement
        Lines in which neither saw a cell are not tested, and are not corrected for.

    Raises
    ------
    DatasetError
        No line is in both.
    """
    from statsmodels.stats.multitest import multipletests  # a second to load, and most counts stand alone

    pairs = [(ours.line(cell.label), other.line(cell.label)) for cell in lines()]
    both = [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]
    seen = [(mine, theirs) for mine, theirs in both if mine.count or theirs.count]
    p_values = [fisher_p(mine.count, ours.leukocytes, theirs.count, other.leukocytes) for mine, theirs in seen]
    corrected = multipletests(p_values, method="holm")[1] if p_values else []
    rows = [
        LineAgreement(
            mine.label,
            mine.title,
            mine.percent,
            theirs.percent,
            mine.low,
            mine.high,
            p_value,
            float(holm),
            bool(holm > SIGNIFICANT),
        )
        for (mine, theirs), p_value, holm in zip(seen, p_values, corrected, strict=True)
    ]
    alone = [mine or theirs for mine, theirs in pairs if mine is None or theirs is None]
    return _agreement("hand_count", ours, other.leukocytes, rows, [line.label for line in alone if line and line.count])


def fisher_p(count: int, total: int, other: int, other_total: int) -> float:
    """Return the two-sided p-value of Fisher's exact test for one line of two counts.

    Examples
    --------
    >>> fisher_p(5, 100, 14, 100) > 0.05 > fisher_p(5, 100, 15, 100)
    True
    """
    from scipy.stats import fisher_exact  # as above

    return float(fisher_exact(np.array([[count, total - count], [other, other_total - other]])).pvalue)


def _percentages(given: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in given.items():
        label = counted_label(name)
        if label in found:
            raise DatasetError(f"The analyser's {label} is given twice.", "Give one percentage for each cell.")
        if not (math.isfinite(value) and 0 <= value <= 100):
            raise DatasetError(
                f"The analyser's {label} is {value:g} %.", "Expected a percentage from 0 to 100, not an absolute count."
            )
        found[label] = value
    in_all = sum(value for label, value in found.items() if counted_cells()[label].place == "line")
    if in_all > _MOST_IN_ALL:
        raise DatasetError(
            f"The analyser's percentages sum to {in_all:.1f} %.", "Expected at most 100: write percentages, not counts."
        )
    return {label: found[label] for label in counted_cells() if label in found}


def _agreement(
    kind: Literal["analyser", "hand_count"],
    ours: Differential,
    other_n: int | None,
    rows: list[LineAgreement],
    alone: Sequence[str],
) -> Agreement:
    if not rows:
        raise DatasetError("The two counts have no line in common.", "Compare counts of the same kinds of cells.")
    titles = counted_cells()
    ordered = [titles[label].title for label in titles if label in alone]
    return Agreement(kind, ours.leukocytes, other_n, tuple(rows), tuple(ordered))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
