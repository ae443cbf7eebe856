"""What a person makes of the cells that were found in fields: other names, false boxes, cells that were missed.

Corrections lie beside the run in memory, in every mode: they survive a reload of the page, and go when the run goes.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wbc_core.errors import WbcError
from wbc_core.services.access import require
from wbc_core.services.field_results import ELSEWHERE, NOT_FOUND, FieldResult, FoundCell
from wbc_core.services.field_runs import CellKey, FieldRun, field_run
from wbc_core.services.roles import Action
from wbc_core.smear.decisions import NOT_A_CELL, NOT_CLASSED, UNIDENTIFIED, Step, checked_choice
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.debris import DEBRIS

LEFT_OPEN: Final = "left_open"
"""Reason of a cell that a person has seen and not named."""

LEUKOCYTE_TO_RED_CELL: Final = 1.7
"""Usual diameter of a leukocyte in red cells: a cell that a person adds gets a box of this size where none is known."""

_KINDS: Final = {
    "platelet": "platelet",
    "giant_platelet": "platelet",
    "platelet_clump": "platelet",
    "red_cell": "rbc",
    **{name: name for name in DEBRIS},
}
_EXITS: Final = (UNIDENTIFIED, NOT_CLASSED, NOT_A_CELL)
_TO_REVIEW: Final = ("wbc", *DEBRIS)


@dataclass(frozen=True)
class Review:
    """How far a person has looked through the fields of a run.

    Attributes
    ----------
    cells : int
        Leukocytes, smudge cells and artefacts that count: a person must see each of them.
    seen : int
        How many of them a person has named or let stand.
    left_open : int
        Seen, but not decided.
    corrected, added : int
        Cells that a person calls something else, and those that the search had missed.
    """

    cells: int
    seen: int
    left_open: int
    corrected: int
    added: int

    @property
    def finished(self) -> bool:
        """Whether every one was seen and decided."""
        return self.cells + self.added > 0 and self.seen == self.cells and not self.left_open


def corrected_results(run: FieldRun) -> list[FieldResult]:
    """Return the fields of a run with every cell as a person calls it, and as it was found where nobody has."""
    by_field: dict[int, dict[int, str]] = defaultdict(dict)
    for (number, cell), label in run.decisions.standing().items():
        by_field[number][cell] = label
    return [
        corrected(result, by_field[number], [run.added[key] for key in sorted(run.added) if key[0] == number])
        if number in by_field
        else result
        for number, result in enumerate(run.results)
    ]


def corrected(result: FieldResult, labels: Mapping[int, str], added: Sequence[FieldCell] = ()) -> FieldResult:
    """Return a field with its cells as a person calls them.

    Parameters
    ----------
    result : FieldResult
        As it was found.
    labels : mapping of int to str
        What cells are, by their numbers in the field; those that were added come after the ones that were found.
    added : sequence of FieldCell
        Cells that a person has marked.
    """
    cells = [
        _named_by_hand(found, labels[number]) if number in labels else found
        for number, found in enumerate(result.cells)
    ]
    for number, cell in enumerate(added, start=len(cells)):
        missed = FoundCell(cell, NOT_FOUND)
        cells.append(replace(_named_by_hand(missed, labels[number]), corrected_from=NOT_FOUND))
    return replace(result, cells=tuple(cells))


def decide(run_id: str, field: int, cell: int, label: str) -> None:
    """Say what a cell is.

    Parameters
    ----------
    run_id : str
        The run.
    field, cell : int
        Number of the field in the run, and of the cell in the field.
    label : str
        One of :func:`wbc_core.smear.decisions.choices_for`; ``not_a_cell`` removes a false box.

    Raises
    ------
    WbcError
        If the run is gone or at work, the name is none, or the cell is counted elsewhere.
    """
    require(Action.REVIEW)
    run = _ended(run_id)
    checked_choice(label, run.labels)
    _countable(run, field, cell)
    run.decisions.take(Step((((field, cell), label),)))


def confirm(run_id: str, field: int, cell: int) -> None:
    """Let a name stand; errors are those of :func:`decide`, and one that the model has left open must be named.

    Raises
    ------
    WbcError
        If there is no name to let stand.
    """
    require(Action.REVIEW)
    run = _ended(run_id)
    label = _name_of(_countable(run, field, cell))
    if label == UNIDENTIFIED:
        raise WbcError("This cell has no name yet that could stand.", "Choose what it is.")
    run.decisions.take(Step((((field, cell), label),)))


def confirm_rest(run_id: str, field: int) -> int:
    """Let the names of all cells of a field stand that nobody has looked at, those left open aside; return how many."""
    require(Action.REVIEW)
    run = _ended(run_id)
    open_ones = [cell for number, cell in _unseen(run) if number == field]
    named = [(cell, _name_of(run.results[field].cells[cell])) for cell in open_ones]
    step = tuple(((field, cell), label) for cell, label in named if label != UNIDENTIFIED)
    if step:
        run.decisions.take(Step(step))
    return len(step)


def add_cell(run_id: str, field: int, x: float, y: float, label: str) -> int:
    """Add a cell that the search has missed; return its number.

    Parameters
    ----------
    x, y : float
        Its middle in pixels of the field. Its box has the usual size of the field's leukocytes.
    label : str
        What it is.

    Raises
    ------
    WbcError
        As in :func:`decide`; and if the point lies outside the field, or in a leukocyte that is there already.
    """
    require(Action.REVIEW)
    run = _ended(run_id)
    checked_choice(label, run.labels)
    result = corrected_results(run)[field]
    if not (0 <= x < result.width and 0 <= y < result.height):
        raise WbcError("This point lies outside the field.", "Choose a point inside the picture.")
    if label in _EXITS:
        raise WbcError("What is added must have a name.", "Choose what it is.")
    for found in result.cells:
        box = found.cell
        taken = found.counts and box.kind in _TO_REVIEW
        if taken and box.xmin <= x < box.xmax and box.ymin <= y < box.ymax:
            raise WbcError("There is a cell already at this point.", "Choose its box, and say what it is.")
    key = (field, len(result.cells))
    run.added[key] = _boxed(result, x, y)
    run.decisions.take(Step(((key, label),), added=True))
    return key[1]


def take_back(run_id: str) -> bool:
    """Take back the last step; return whether there was one."""
    require(Action.REVIEW)
    run = _ended(run_id)
    step = run.decisions.take_back()
    if step is not None and step.added:
        run.added.pop(step.labels[0][0], None)
    return step is not None


def review_of(run: FieldRun) -> Review:
    """Return how far a person has looked through a run."""
    results = corrected_results(run)
    decided = run.decisions.standing()
    cells = set(_cells_to_review(run))
    every = [found for result in results for found in result.cells]
    return Review(
        cells=len(cells),
        seen=len(cells & set(decided)),
        left_open=sum(label == UNIDENTIFIED for label in decided.values()),
        corrected=sum(found.corrected_from not in ("", NOT_FOUND) for found in every),
        added=sum(found.corrected_from == NOT_FOUND for found in every),
    )


def next_unseen(run: FieldRun, field: int, cell: int | None) -> CellKey | None:
    """Return the next cell that nobody has looked at: in this field, then in those after it, then from the first on."""
    unseen = list(_unseen(run))
    here = (field, -1 if cell is None else cell)
    return next((key for key in unseen if key > here), unseen[0] if unseen else None)


def _cells_to_review(run: FieldRun) -> Iterator[CellKey]:
    for number, result in enumerate(run.results):
        for place, found in enumerate(result.cells):
            if found.counts and found.cell.kind in _TO_REVIEW:
                yield number, place


def _unseen(run: FieldRun) -> Iterator[CellKey]:
    decided = run.decisions.standing()
    return (key for key in _cells_to_review(run) if key not in decided)


def _ended(run_id: str) -> FieldRun:
    run = field_run(run_id)
    if run.active:
        raise WbcError("These fields are still being worked off.", "Correct their cells when all are done.")
    return run


def _countable(run: FieldRun, field: int, cell: int) -> FoundCell:
    try:
        found = run.results[field].cells[cell] if cell >= 0 else None
    except IndexError:
        found = None
    if found is None:
        if (field, cell) in run.added:
            return FoundCell(run.added[(field, cell)], run.decisions.standing()[(field, cell)])
        raise WbcError("There is no such cell in this run.", "Reload the page and choose the cell again.")
    if found.reason == ELSEWHERE:
        raise WbcError(f"This cell is counted in {found.counted_in}.", "Correct it there.")
    if not found.counts:
        raise WbcError(
            "The lower or right edge cuts this cell: it counts in the neighbouring field.", "Correct it there."
        )
    return found


def _name_of(found: FoundCell) -> str:
    return UNIDENTIFIED if found.status == "unidentified" else found.label


def _named_by_hand(found: FoundCell, label: str) -> FoundCell:
    before = _name_of(found)
    kind = found.cell.kind if label in _EXITS else _KINDS.get(label, "wbc")
    cell = replace(found.cell, kind=kind, label="" if kind == "wbc" else label)
    status, reason = ("classified" if kind == "wbc" else "found"), ""
    if label == UNIDENTIFIED:
        status, reason = "unidentified", LEFT_OPEN
    elif label in (NOT_CLASSED, NOT_A_CELL):
        status, reason = "not_counted", label
    changed = "" if before == label else before
    return replace(found, cell=cell, label=label, status=status, reason=reason, reviewed=True, corrected_from=changed)


def _boxed(result: FieldResult, x: float, y: float) -> FieldCell:
    known = [found.cell.diameter for found in result.cells if found.cell.kind == "wbc" and not found.cell.cut]
    if known:
        side = statistics.median(known)
    elif result.red_cell is not None:
        side = LEUKOCYTE_TO_RED_CELL * result.red_cell
    else:
        side = min(result.width, result.height) / 12
    xmin, ymin, xmax, ymax = x - side / 2, y - side / 2, x + side / 2, y + side / 2
    inside = xmin >= 0 and ymin >= 0 and xmax <= result.width and ymax <= result.height
    return FieldCell(
        max(0.0, xmin),
        max(0.0, ymin),
        min(float(result.width), xmax),
        min(float(result.height), ymax),
        kind="wbc",
        score=0.0,
        cut=not inside,
        counted=True,
        diameter=side,
    )
