"""What a model gets wrong, what it is least sure of, and which labels look wrong, picture by picture."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wbc_core.evaluation.label_suspicion import Suspicions, suspected_labels
from wbc_core.evaluation.prediction_table import PredictionTable
from wbc_core.inference.cards import CARD, load_card
from wbc_core.reports.tables import safe_text
from wbc_core.services.access import require
from wbc_core.services.comparing import shipped_predictions
from wbc_core.services.models import model_folder
from wbc_core.services.roles import Action

Kind = Literal["mistakes", "uncertain", "suspected"]
Status = Literal["classified", "unidentified"]
COLUMNS = ("file", "truth", "suggested", "probability", "note")


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to the pictures of one set.

    Attributes
    ----------
    model_id, title, source : str
        Whose, and to which set.
    table : PredictionTable
        Truth and probabilities over all labels of the model.
    threshold : float
        Confidence below which the model does not answer.
    """

    model_id: str
    title: str
    source: str
    table: PredictionTable
    threshold: float

    @cached_property
    def said(self) -> NDArray[np.int64]:
        """Index of the label that the model names, shape (pictures,)."""
        return np.asarray(self.table.probabilities.argmax(axis=1))

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of that label, shape (pictures,)."""
        return np.asarray(self.table.probabilities.max(axis=1))

    @cached_property
    def of_truth(self) -> NDArray[np.float64]:
        """Probability of the label that the set gives, shape (pictures,)."""
        return np.asarray(self.table.probabilities[np.arange(len(self.table)), self.table.truth])

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the model is sure enough to answer, shape (pictures,)."""
        return np.asarray(self.confidence >= self.threshold)

    @cached_property
    def suspicions(self) -> Suspicions:
        """The labels that look wrong; found when they are first asked for."""
        return suspected_labels(self.table)

    def pairs(self) -> dict[tuple[str, str], int]:
        """Return how often each true label was taken for which other one, the commonest mix-up first."""
        labels = self.table.labels
        wrong = self.said != self.table.truth
        counts = Counter(
            (labels[truth], labels[said]) for truth, said in zip(self.table.truth[wrong], self.said[wrong], strict=True)
        )
        return dict(counts.most_common())

    def rows(
        self, kind: Kind, *, pair: tuple[str, str] | None = None, status: Status | None = None
    ) -> NDArray[np.int64]:
        """Return row numbers of pictures.

        Parameters
        ----------
        kind : {"mistakes", "uncertain", "suspected"}
            Mistakes, the least probability of the truth first; all pictures, the least sure answer first; pictures
            whose label looks wrong, the least probability of that label first.
        pair : tuple of (str, str), optional
            Only those of this true label that the model calls so.
        status : {"classified", "unidentified"}, optional
            Only those that the model answers, or does not.
        """
        if kind == "uncertain":
            found = np.argsort(self.confidence, kind="stable")
        elif kind == "suspected":
            found = self.suspicions.rows
        else:
            wrong = np.flatnonzero(self.said != self.table.truth)
            found = wrong[np.argsort(self.of_truth[wrong], kind="stable")]
        if pair is not None:
            truth, said = (self.table.labels.index(label) for label in pair)
            found = found[(self.table.truth[found] == truth) & (self.said[found] == said)]
        if status is not None:
            found = found[self.answered[found] == (status == "classified")]
        return np.asarray(found, dtype=np.int64)


@dataclass(frozen=True)
class NotedLabel:
    """A label that somebody doubts: what the set says, what the model suggests, how sure it is, and the remark."""

    file: str
    truth: str
    suggested: str
    probability: float
    note: str = ""


def answers_of(model_id: str, source: str) -> Answers:
    """Return a model's answers to the test pictures of a set, as it ships them.

    Raises
    ------
    ModelError
        If there is no such model, or it ships no predictions.
    DatasetError
        If it has none of that set.
    """
    require(Action.LOOK)
    folder = model_folder(model_id)
    return _answers(folder, source, (folder / CARD).stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _answers(folder: Path, source: str, card_changed: int) -> Answers:
    card = load_card(folder)
    table = shipped_predictions(card.id).of_set(source)
    return Answers(card.id, card.title, source, table, card.abstention.threshold)


def note_of(answers: Answers, row: int, note: str) -> NotedLabel:
    """Return a doubt about the label of a picture: the model's most probable other label is what it suggests."""
    require(Action.REVIEW)
    labels, values = answers.table.labels, answers.table.probabilities[row]
    truth = int(answers.table.truth[row])
    other = int(np.where(np.arange(len(values)) == truth, -1.0, values).argmax())
    return NotedLabel(str(answers.table.file[row]), labels[truth], labels[other], float(values[other]), note)


def noted_csv(noted: Mapping[str, NotedLabel]) -> str:
    """Return doubts as CSV with the columns file, truth, suggested, probability and note.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    require(Action.REVIEW)
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in noted.values():
        texts = (row.file, row.truth, row.suggested)
        writer.writerow([*map(safe_text, texts), f"{row.probability:.6f}", safe_text(row.note)])
    return stream.getvalue()
