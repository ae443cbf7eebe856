"""Normal ranges of the cell types, read from ``data/normal_ranges.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic.dataclasses import dataclass

from wbc_core.biology.sources import Source, source
from wbc_core.biology.tables import STRICT, read_rows, validated

ABSOLUTE_UNIT = "10⁹/L"


@dataclass(frozen=True, config=STRICT)
class NormalRange:
    """Range of one cell type in the blood of healthy people, both ends included.

    Attributes
    ----------
    absolute_low, absolute_high : float or None
        Cells in 10⁹ per litre; None where the source gives only a share.
    percent_low, percent_high : float or None
        Share of the leukocytes in percent; None for platelets and where the source gives only an absolute count.
    percent_high_excluded : bool
        The share stays *below* `percent_high`.
    population : str
        Whom the range holds for.
    method : str
        How it was counted, empty where the source does not say.
    remark : str
        What the range includes or leaves out.
    source : Source
        Where it is from.
    unit : str
        Unit of the absolute values.
    """

    absolute_low: float | None
    absolute_high: float | None
    percent_low: float | None
    percent_high: float | None
    percent_high_excluded: bool
    population: str
    method: str
    remark: str
    source: Source
    unit: str = ABSOLUTE_UNIT

    def __post_init__(self) -> None:
        pairs = ((self.absolute_low, self.absolute_high), (self.percent_low, self.percent_high))
        if pairs == ((None, None), (None, None)):
            raise ValueError("a range needs absolute or percent limits")
        for low, high in pairs:
            if (low is None) != (high is None) or (low is not None and high is not None and not 0 <= low < high):
                raise ValueError(f"expected 0 <= low < high, got {low} and {high}")

    @property
    def absolute_text(self) -> str | None:
        """The absolute range as it is written, such as ``"2–7 × 10⁹/L"``; None where there is none."""
        return None if self.absolute_low is None else f"{self.absolute_low:g}–{self.absolute_high:g} × {self.unit}"

    @property
    def percent_text(self) -> str | None:
        """The share as it is written, such as ``"40–80 %"`` or ``"below 2 %"``; None where there is none."""
        if self.percent_low is None:
            return None
        if self.percent_high_excluded:
            return f"below {self.percent_high:g} %"
        return f"{self.percent_low:g}–{self.percent_high:g} %"


def ranges(label: str, use: Literal["default", "other", "upper_limit"]) -> tuple[NormalRange, ...]:
    """Return the ranges of one cell type.

    Parameters
    ----------
    label : str
        Canonical label.
    use : {"default", "other", "upper_limit"}
        The range shown by default, those of other sources, or how much a method reports of a cell that a normal film
        does not show.
    """
    return tuple(
        range_of_row(row) for row in read_rows("normal_ranges.csv") if row["cell_type"] == label and row["use"] == use
    )


def range_of_row(row: Mapping[str, str]) -> NormalRange:
    """Return the range that a row of ``normal_ranges.csv`` states.

    Raises
    ------
    DatasetError
        The row does not fit.
    """
    limits = {name: float(row[name]) if row[name] else None for name in row if name.endswith(("_low", "_high"))}
    texts = {name: row[name] for name in ("population", "method", "remark")}
    excluded = {"percent_high_excluded": row["percent_high_excluded"] == "yes"}
    fields = limits | texts | excluded | {"source": source(row["source"])}
    return validated(NormalRange, fields, f"normal_ranges.csv, {row['cell_type']}")
