"""Reference ranges by age: the built-in ones of ``data/normal_ranges.csv``, or a laboratory's own instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from wbc_core.biology.ages import Age, parse_age
from wbc_core.biology.ranges import NormalRange, range_of_row
from wbc_core.biology.tables import read_rows

ADULT = "18 y"
"""Age for which ranges are shown where none is given."""

LEUKOCYTES = "leukocyte"
"""The name under which the range of all leukocytes together stands."""

_USES = ("default", "upper_limit", "by_age")


@dataclass(frozen=True)
class AgeRange:
    """The reference range of one cell between two ages.

    Attributes
    ----------
    label : str
        A line of the differential, or :data:`LEUKOCYTES`.
    from_days, to_days : float
        The first age it holds for, and the first it no longer holds for (infinite where there is none).
    limits : NormalRange
        The figures, with their population and source.
    approver, approved : str
        Who approved a laboratory's own range, and when (year-month-day); both empty of a built-in one.
    """

    label: str
    from_days: float
    to_days: float
    limits: NormalRange
    approver: str = ""
    approved: str = ""

    @property
    def provenance(self) -> str:
        """Where the range is from, as it stands below a table."""
        if not self.approver:
            return self.limits.source.short
        return f"{self.limits.source.short}, approved by {self.approver} on {self.approved}"

    def holds_for(self, age: Age) -> bool:
        """Return whether the range is for this age."""
        return self.from_days <= age.days < self.to_days


@lru_cache(maxsize=1)
def built_in_ranges() -> tuple[AgeRange, ...]:
    """Return the ranges that come with the package, for adults and, as far as the sources go, for children."""
    return tuple(
        AgeRange(row["cell_type"], *age_span(row["age_from"], row["age_to"]), range_of_row(row))
        for row in read_rows("normal_ranges.csv")
        if row["use"] in _USES
    )


def age_span(age_from: str, age_to: str) -> tuple[float, float]:
    """Return the days from which and up to which a row holds; an empty end means that there is none.

    Raises
    ------
    DatasetError
        One of them is not an age.
    """
    return (
        parse_age(age_from).days if age_from.strip() else 0.0,
        parse_age(age_to).days if age_to.strip() else float("inf"),
    )


def ranges_at(age: Age | None, own: Iterable[AgeRange] = ()) -> Mapping[str, AgeRange]:
    """Return the range of each cell at an age.

    Parameters
    ----------
    age : Age or None
        None: not known, taken as adult.
    own : iterable of AgeRange
        The laboratory's. A cell that has a row there has none of the built-in rows any more, at no age.

    Returns
    -------
    mapping of str to AgeRange
        By label; a cell without a range at this age is missing.

    Examples
    --------
    >>> ranges_at(parse_age("8 months"))["lymphocyte"].limits.absolute_text
    '3.7–10.7 × 10⁹/L'
    """
    at = parse_age(ADULT) if age is None else age
    replacing = tuple(own)
    replaced = {row.label for row in replacing}
    rows = (*replacing, *(row for row in built_in_ranges() if row.label not in replaced))
    return {row.label: row for row in rows if row.holds_for(at)}
