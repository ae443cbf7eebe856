"""Against what present confidence and colour are held: what a model's card and its test predictions say.

Drift is no error rate: it says that pictures or stain are no longer what the model was measured on, and somebody should
look (Quiñonero-Candela et al. 2009, Dataset Shift in Machine Learning, chapter 1).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import ModelError
from wbc_core.imaging.colour_normalisation import CUT_OUT, ON_SLIDE
from wbc_core.inference.cards import ModelCard, load_card, read_verified
from wbc_core.services.models import model_folder

TEST_PREDICTIONS: Final = "test_predictions.csv"


@dataclass(frozen=True)
class Reference:
    """What a model's confidence and colours were when it was measured.

    Attributes
    ----------
    source : str
        Test set whose confidences are taken: the one that the model was calibrated for, else all.
    confidences : ndarray of float64, shape (pictures,), or None
        In ascending order; None where the model has no test predictions.
    abstention : float
        Share of validation pictures that the model abstained on, from its card.
    colour : tuple of three floats, or None
        Typical mean L*, a* and b* of a crop. It stands in no card: it is that of the colour target, medians over
        training pictures of pbc, or of C-NMC for cells cut out on black. None for a model that sees whole squares, or
        whose crops are brought to the target's colours before it sees them.
    """

    source: str
    confidences: NDArray[np.float64] | None
    abstention: float
    colour: tuple[float, float, float] | None

    @property
    def mean_confidence(self) -> float | None:
        """Mean of the test pictures' confidences."""
        return None if self.confidences is None else float(self.confidences.mean())

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON; the confidences by their number, mean and deciles."""
        values = asdict(self) | {"confidences": None}
        if self.confidences is not None:
            deciles = np.quantile(self.confidences, np.arange(1, 10) / 10)
            values["confidences"] = {
                "n": len(self.confidences),
                "mean": round(float(self.confidences.mean()), 6),
                "deciles": [round(float(value), 6) for value in deciles],
            }
        return values


def reference_of(model_id: str | None = None) -> Reference:
    """Return what a model is held against.

    Raises
    ------
    ModelError
        If there is no such model, or its predictions are not those that its card describes.
    """
    folder = model_folder(model_id)
    card = load_card(folder)
    kept = card.files.get(TEST_PREDICTIONS)
    return _reference(folder, card.model_dump_json(), kept.sha256 if kept else "")


@lru_cache(maxsize=32)
def _reference(folder: Path, card_text: str, digest: str) -> Reference:
    card = ModelCard.model_validate_json(card_text)
    source, confidences = "", None
    if digest:
        source, confidences = _confidences(read_verified(folder, card, TEST_PREDICTIONS), card)
    return Reference(source, confidences, 1 - card.abstention.coverage, _colour(card))


def _confidences(data: bytes, card: ModelCard) -> tuple[str, NDArray[np.float64] | None]:
    by_source: dict[str, list[float]] = {}
    try:
        for row in csv.DictReader(io.StringIO(data.decode("utf-8"))):
            value = float(row["confidence"])
            if math.isfinite(value):
                by_source.setdefault(row["source"], []).append(value)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ModelError(
            f"The file {TEST_PREDICTIONS} of the model {card.id} is no table of predictions.",
            "Fetch the model's folder again.",
        ) from error
    wanted = card.calibration.fitted_on.partition(" ")[0]
    source = wanted if wanted in by_source else ""
    values = by_source[source] if source else [value for rows in by_source.values() for value in rows]
    return source or "all", np.sort(np.array(values)) if values else None


def _colour(card: ModelCard) -> tuple[float, float, float] | None:
    seen = card.preprocessing
    if seen.colour_normalisation != "none" or seen.crop == "centre":
        return None
    return (CUT_OUT if seen.crop == "foreground" else ON_SLIDE).mean


def distance(present: Sequence[float], reference: NDArray[np.float64]) -> float:
    """Return how far two sets of confidences lie apart: the largest difference of their distributions, 0 to 1.

    It is the statistic of Kolmogorov and Smirnov, here without a test: of 1000 pictures of one film any is significant.

    Parameters
    ----------
    present : sequence of float
        Confidences of late, at least one.
    reference : ndarray of float64, shape (pictures,)
        Those to compare with, in ascending order.

    Examples
    --------
    >>> distance([0.9, 1.0], np.array([0.9, 1.0])), distance([0.1, 0.2], np.array([0.9, 1.0]))
    (0.0, 1.0)
    """
    here = np.sort(np.array(present))
    everywhere = np.concatenate([here, reference])
    below_here = np.searchsorted(here, everywhere, side="right") / len(here)
    below_there = np.searchsorted(reference, everywhere, side="right") / len(reference)
    return float(np.abs(below_here - below_there).max())
