"""The differential as a result: plain values that a page draws, a command prints and a report keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.smear.flags import Flag
from wbc_core.smear.leukocyte_count import LeukocyteCount
from wbc_core.smear.progress import Progress

FORMAT = "wbc-differential/1"


@dataclass(frozen=True)
class Absolute:
    """Cells in 10⁹/L, with the limits that follow from the error of our count alone."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One line of the differential, or a part of one.

    Attributes
    ----------
    label, title : str
        Its name in files and in tables.
    count : int
        Cells.
    percent : float
        Share of the leukocytes, not rounded.
    percent_shown : str
        As it stands in the table: those of all lines sum to exactly 100, those of the parts to their line's.
    low, high : float
        Exact 95 % limits in percent.
    low_shown, high_shown : int
        The limits rounded outward.
    open_low, open_high : float
        Between which percentages the share will lie when a person has decided about every unidentified cell.
    absolute : Absolute or None
        Where a leukocyte count was entered.
    flag : Flag or None
        Low or high; never of a part.
    range_absolute, range_percent : str
        The reference range in words; empty where there is none.
    parts : tuple of Line
        Finer names that were counted, such as bands.
    """

    label: str
    title: str
    count: int
    percent: float
    percent_shown: str
    low: float
    high: float
    low_shown: int
    high_shown: int
    open_low: float
    open_high: float
    absolute: Absolute | None
    flag: Flag | None = None
    range_absolute: str = ""
    range_percent: str = ""
    parts: tuple[Line, ...] = ()


@dataclass(frozen=True)
class OutsideCount:
    """What is not part of the 100 %; per 100 leukocytes with exact limits where that is how it is reported."""

    label: str
    title: str
    count: int
    per_100: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Caution:
    """What a reader must know: a code for programs and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Differential:
    """A counted smear.

    Attributes
    ----------
    leukocytes : int
        Cells that make up the 100 %.
    reviewed : bool
        Whether a person has seen every leukocyte.
    limits_are : str
        What the limits contain: until review they are named as those of a pre-classification.
    lines : tuple of Line
        In the fixed order; a rare line is missing at zero, and any line that was not looked for.
    unseen : tuple of Line
        Rare lines that were looked for and not seen; a table hides them, a comparison does not.
    outside : tuple of OutsideCount
        What was seen besides.
    progress : Progress
        Towards the number that the laboratory asks for.
    leukocyte_count : LeukocyteCount or None
        Where one was entered.
    age, sampling : str
        As told; an empty age is not known.
    smudge_as_lymphocytes : bool
        Whether smudge cells were counted as lymphocytes.
    cautions : tuple of Caution
        The gravest first.
    notes : tuple of str
        How the table was made.
    sources : tuple of str
        Of the reference ranges.
    """

    leukocytes: int
    reviewed: bool
    limits_are: str
    lines: tuple[Line, ...]
    unseen: tuple[Line, ...]
    outside: tuple[OutsideCount, ...]
    progress: Progress
    leukocyte_count: LeukocyteCount | None
    age: str
    sampling: str
    smudge_as_lymphocytes: bool
    cautions: tuple[Caution, ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]

    def line(self, label: str) -> Line | None:
        """Return a line, or a part of one, by its label; None where it was not looked for, or a part not seen."""
        every = (line for top in (*self.lines, *self.unseen) for line in (top, *top.parts))
        return next((line for line in every if line.label == label), None)

    def count_outside(self, label: str) -> int:
        """Return how many cells of a kind lie outside the count."""
        return sum(row.count for row in self.outside if row.label == label)

    def as_dict(self) -> dict[str, Any]:
        """Return the result ready for JSON, with the research-use statement and the name of its format."""
        return {"format": FORMAT, "statement": RESEARCH_USE, **asdict(self)}
