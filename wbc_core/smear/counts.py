"""How many cells of each kind were counted, checked and under the names of a differential."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wbc_core.biology.counted_cells import counted_cells, counted_label, differential_labels, lines, parts_of
from wbc_core.errors import DatasetError
from wbc_core.smear.result import Caution

MOST = 1_000_000
"""Cells of one kind above which a count is taken for a slip of the pen."""

_WHOLE = f"Expected a whole number from 0 to {MOST:,}."


@dataclass(frozen=True)
class Counts:
    """What was counted.

    Attributes
    ----------
    cells : mapping of str to int
        By label, in the fixed order. What was looked for and not seen is 0; what was not looked for is missing.
    failed : int
        Pictures that could not be read.
    repeats : int
        Pictures that are the same as an earlier one, counted once.
    by_eye : bool
        Whether a person has seen every leukocyte.
    examiners : tuple of Counts
        What each examiner counted, where two did; else empty.
    film : tuple of Caution
        What is to be said of the film and the stain of the fields that were counted, the gravest first.
    """

    cells: Mapping[str, int]
    failed: int = 0
    repeats: int = 0
    by_eye: bool = False
    examiners: tuple[Counts, ...] = ()
    film: tuple[Caution, ...] = ()

    def of_line(self, label: str) -> int:
        """Return the cells of a line, its parts included."""
        return sum(self.cells.get(name, 0) for name in (label, *(part.label for part in parts_of(label))))

    def assessed(self, label: str) -> bool:
        """Return whether a line, or a part of it, was looked for."""
        return any(name in self.cells for name in (label, *(part.label for part in parts_of(label))))

    @property
    def leukocytes(self) -> int:
        """How many cells make up the 100 %."""
        return sum(self.of_line(line.label) for line in lines())


def typed_counts(given: Mapping[str, object]) -> Counts:
    """Return the count of a person who looked at every cell.

    Parameters
    ----------
    given : mapping of str to number
        By label or alias. Each cell stands under one name: neutrophils beside bands are those that are no bands.

    Returns
    -------
    Counts
        Every leukocyte that was not named is 0: a person who looks sees them all.

    Raises
    ------
    DatasetError
        A name is unknown or there twice, or a count is not a whole number.

    Examples
    --------
    >>> counts = typed_counts({"segs": 58, "bands": 4, "lymphs": 38})
    >>> counts.of_line("neutrophil"), counts.leukocytes
    (62, 100)
    """
    found: dict[str, int] = {}
    names: dict[str, str] = {}
    for name, count in given.items():
        label = counted_label(name)
        if label in found:
            raise DatasetError(
                f'{label} is counted twice, as "{names[label]}" and as "{name}".', "Give one count for each cell."
            )
        found[label], names[label] = whole_number(count, label), name
    found = dict.fromkeys((line.label for line in lines()), 0) | found
    return Counts(in_order(found), by_eye=True)


def pooled_counts(first: Counts, second: Counts) -> Counts:
    """Return the counts of two examiners of one smear as one: the reference method counts 200 cells each.

    Raises
    ------
    DatasetError
        One of them is a model's.
    """
    if not (first.by_eye and second.by_eye):
        raise DatasetError(
            "A model is no examiner: only two counts by eye are added up.", "Give two tables with label and count."
        )
    labels = (*first.cells, *second.cells)
    cells = {label: first.cells.get(label, 0) + second.cells.get(label, 0) for label in labels}
    return Counts(in_order(cells), by_eye=True, examiners=(first, second))


def model_counts(
    labels: Iterable[str],
    classified: Mapping[str, int],
    reasons: Mapping[str, int],
    *,
    outside: Mapping[str, int] | None = None,
    failed: int = 0,
    repeats: int = 0,
    reviewed: bool = False,
    film: tuple[Caution, ...] = (),
) -> Counts:
    """Return the count of a model that named the cells.

    Parameters
    ----------
    labels : iterable of str
        What the model could answer: what is not among them was not looked for.
    classified : mapping of str to int
        Cells that it named, by label; and those to which a person gave a name that it does not know.
    reasons : mapping of str to int
        Pictures that it did not dare to name, by reason. Those without a stained cell (``not_a_cell``) are kept apart;
        all others are *unidentified*, and a person must decide.
    outside : mapping of str to int, optional
        What was found beside them in whole fields, by label: smudge cells, artefacts.
    failed, repeats : int
        Pictures that could not be read, and those that are the same as an earlier one.
    reviewed : bool
        Whether a person has seen every cell and decided: then every kind of leukocyte was looked for.
    film : tuple of Caution
        What is to be said of film and stain of the fields.

    Raises
    ------
    DatasetError
        A label is a merged class, of the bone-marrow study or unknown.
    """
    known = differential_labels(labels)
    empty = reasons.get("not_a_cell", 0)
    cells = {label: classified.get(label, 0) for label in known}
    by_hand = {label: count for label, count in classified.items() if label not in known}
    for more in (outside or {}, by_hand):
        cells |= {label: cells.get(label, 0) + count for label, count in more.items()}
    cells |= {"unidentified": sum(reasons.values()) - empty, "not_a_cell": empty + cells.get("not_a_cell", 0)}
    if reviewed:
        cells = dict.fromkeys((line.label for line in lines()), 0) | cells
    return Counts(in_order(cells), failed=failed, repeats=repeats, by_eye=reviewed, film=film)


def whole_number(value: object, label: str) -> int:
    """Return a count that was typed in or read.

    Raises
    ------
    DatasetError
        It is not a whole number from 0 to :data:`MOST`.
    """
    try:
        number = float(value.strip() if isinstance(value, str) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (0 <= number <= MOST and number == int(number)):
        shown = f'"{value.strip()[:20]}"' if isinstance(value, str) else str(value)[:20]
        raise DatasetError(f"The count of {label} is {shown}.", _WHOLE)
    return int(number)


def in_order(cells: Mapping[str, int]) -> dict[str, int]:
    """Return counts in the fixed order of a report."""
    return {label: cells[label] for label in counted_cells() if label in cells}
