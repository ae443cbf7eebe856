"""Labels that look wrong: confident learning on answers to pictures that no training saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wbc_core.evaluation.prediction_table import FEWEST, PredictionTable


@dataclass(frozen=True, eq=False)
class Suspicions:
    """Which labels confident learning doubts.

    Attributes
    ----------
    rows : ndarray of int64
        Row numbers of the pictures, the least probability of the given label first.
    reason : str
        Why none could be looked for, as a sentence; empty where they were.
    """

    rows: NDArray[np.int64]
    reason: str = ""


def suspected_labels(table: PredictionTable) -> Suspicions:
    """Find labels that look wrong.

    A model that was never told a picture's label gives each class a probability. Confident learning (Northcutt, Jiang
    and Chuang 2021, doi:10.1613/jair.1.12125) takes a picture for one of another class where its probability of that
    class is at least as high as the class's own pictures have on average, and higher than that of any other such class.
    It is only as good as the model: where this mixes up two classes, the labels it doubts may well be right.

    Parameters
    ----------
    table : PredictionTable
        Of pictures that chose no weight of the model, such as its test set.

    Returns
    -------
    Suspicions
    """
    present = np.unique(table.truth)
    none = np.zeros(0, dtype=np.int64)
    if len(table) < FEWEST:
        return Suspicions(none, f"Labels are only doubted from {FEWEST} pictures on; here are {len(table)}.")
    if len(present) < 2:
        return Suspicions(none, "All pictures bear the same label, so there is nothing to hold a label against.")
    # Among the classes that the pictures have: of others it cannot be known how sure an answer is on average.
    values = table.probabilities[:, present]
    values = values / values.sum(axis=1, keepdims=True)
    from cleanlab.filter import find_label_issues  # not above: its import takes longer than most pages do

    rows = find_label_issues(
        np.searchsorted(present, table.truth),
        values,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    return Suspicions(np.asarray(rows, dtype=np.int64))
