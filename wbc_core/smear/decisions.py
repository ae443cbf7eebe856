"""What a person decides about cells that a model has named: names to choose from, and steps that can be taken back."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from wbc_core.biology.counted_cells import counted_cells
from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.errors import WbcError

UNIDENTIFIED: Final = "unidentified"
"""What is left open: a person, too, may be unsure. Until it is decided the count stays preliminary."""

NOT_CLASSED: Final = "not_classed"
"""A cell, or what is left of one, that no class takes: excluded, its number printed."""

NOT_A_CELL: Final = "not_a_cell"
"""Nothing that could be counted: of a field a false box, of a batch a picture without a stained cell."""

_LAST: Final = ("artefact", NOT_CLASSED, NOT_A_CELL, UNIDENTIFIED)
_OF_A_STUDY: Final = ("smudge_cell", *_LAST)

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Step(Generic[Key]):
    """What was decided in one go.

    Attributes
    ----------
    labels : tuple of (key, str)
        Cells, and what each is.
    added : bool
        Whether the one cell of this step was not there before.
    """

    labels: tuple[tuple[Key, str], ...]
    added: bool = False


class Decisions(Generic[Key]):
    """Steps in their order; the last one can be taken back. Safe for several threads."""

    def __init__(self, steps: Iterable[Step[Key]] = ()) -> None:
        self._steps: tuple[Step[Key], ...] = tuple(steps)
        self._lock = threading.Lock()

    @property
    def steps(self) -> tuple[Step[Key], ...]:
        """Return what was decided and not taken back."""
        return self._steps

    def take(self, step: Step[Key]) -> None:
        """Add a step."""
        with self._lock:
            self._steps = (*self._steps, step)

    def take_back(self) -> Step[Key] | None:
        """Take back the last step and return it; None where there is none."""
        with self._lock:
            if not self._steps:
                return None
            last, self._steps = self._steps[-1], self._steps[:-1]
            return last

    def standing(self) -> dict[Key, str]:
        """Return what each cell is by the last that was said of it."""
        return {key: label for step in self._steps for key, label in step.labels}


def choices_for(labels: Sequence[str]) -> tuple[str, ...]:
    """Return what a person may call a cell.

    Parameters
    ----------
    labels : sequence of str
        What the model can answer; a merged class of it stays a choice.

    Returns
    -------
    tuple of str
        In the order of a report: everything that a differential counts, whether or not the model knows it; of a study
        of bone marrow only its own classes. Last come those that leave the count.
    """
    if in_bone_marrow_study(labels):
        return (*labels, *_OF_A_STUDY)
    cells = counted_cells()
    own = [label for label in labels if label not in cells]
    return (*own, *(label for label in cells if label not in _LAST), *_LAST)


def checked_choice(label: str, labels: Sequence[str]) -> str:
    """Return a choice that is one.

    Raises
    ------
    WbcError
        If there is no such name.
    """
    if label not in choices_for(labels):
        raise WbcError(f'"{label[:40]}" is no name for a cell here.', f"Choose from: {', '.join(choices_for(labels))}.")
    return label
