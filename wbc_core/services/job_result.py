"""What a finished training has left: its model, how good it is, and whether it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wbc_core.errors import WbcError
from wbc_core.inference.cards import CARD, load_card
from wbc_core.runs.folder import EXPORT
from wbc_core.settings import settings


@dataclass(frozen=True)
class JobResult:
    """The model in a run's folder.

    Attributes
    ----------
    model_id, title : str
        As its card says.
    headline : str
        Accuracy by test set, for example ``pbc test 98.9 % of 2,220; kaggle test 87.3 % of 2,487``; empty where
        nothing was tested.
    installed : str
        ``yes``, ``no``, or ``other`` where another model of that id is installed.
    """

    model_id: str
    title: str
    headline: str
    installed: Literal["yes", "no", "other"]


def job_result(run_dir: Path) -> JobResult | None:
    """Return the model that a run has left; None where there is none that can be used."""
    try:
        card = load_card(run_dir / EXPORT)
    except WbcError:
        return None
    parts = [f"{row.source} {100 * row.accuracy.value:.1f} % of {row.n:,}" for row in card.evaluations]
    there = settings().models_dir / card.id / CARD
    installed: Literal["yes", "no", "other"] = "no"
    try:
        installed = "yes" if load_card(there.parent).files == card.files else "other"
    except WbcError:
        installed = "other" if there.parent.exists() else "no"
    return JobResult(card.id, card.title, "; ".join(parts), installed)
