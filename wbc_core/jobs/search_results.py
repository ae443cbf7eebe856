"""What a search has found: a table of its trials, and the best recipe as a file. Validation figures only."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TABLE = "trials.csv"
BEST = "best.yaml"


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes
    ----------
    number : int
        From 0; the first has the recipe's own values.
    job_id : str
        Its job.
    outcome : str
        ``finished``, ``given up`` early because others were better by then, ``failed``, or ``running``.
    values : mapping of str to float
        What it tried.
    epochs : int
        Epochs it trained.
    val_loss : float or None
        Its lowest validation log loss, in nats a picture; None before its first epoch.
    val_accuracy : float or None
        Validation accuracy at that epoch.
    """

    number: int
    job_id: str
    outcome: str
    values: Mapping[str, float]
    epochs: int
    val_loss: float | None
    val_accuracy: float | None


@dataclass(frozen=True)
class SearchResult:
    """A search, as far as it is.

    Attributes
    ----------
    name : str
        Its name.
    folder : Path
        Holds the table, the best recipe, and what the search was started with.
    rows : tuple of TrialRow
        In the order of the trials.
    best : int or None
        Number of the finished trial with the lowest validation log loss.
    best_recipe : Path or None
        The recipe with its values and the full number of epochs.
    """

    name: str
    folder: Path
    rows: tuple[TrialRow, ...]
    best: int | None
    best_recipe: Path | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self) | {
            "folder": str(self.folder),
            "best_recipe": None if self.best_recipe is None else str(self.best_recipe),
        }

    def table(self) -> str:
        """Return the trials as CSV, the best first, then by validation log loss."""
        return as_csv(sorted(self.rows, key=lambda row: (row.outcome != "finished", _loss(row))))


def _loss(row: TrialRow) -> float:
    return float("inf") if row.val_loss is None else row.val_loss


def as_csv(rows: Sequence[TrialRow]) -> str:
    """Return trials as CSV."""
    names = list(rows[0].values) if rows else []
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["trial", "job", "outcome", *names, "epochs", "val_loss", "val_accuracy"])
    for row in rows:
        figures = ["" if value is None else f"{value:.6g}" for value in (row.val_loss, row.val_accuracy)]
        writer.writerow(
            [row.number, row.job_id, row.outcome, *(row.values.get(name) for name in names), row.epochs, *figures]
        )
    return target.getvalue()
