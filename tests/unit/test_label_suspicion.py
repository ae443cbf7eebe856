"""Labels that look wrong are found, and only where there is something to hold them against."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compared_models import predictions
from wbc_core.evaluation.label_suspicion import suspected_labels
from wbc_core.evaluation.prediction_table import PredictionTable, parse_predictions

LABELS = ("basophil", "eosinophil", "neutrophil")
MISLABELLED = (7, 41, 63)  # one of each class


def table(pictures: int = 90, wrong: tuple[int, ...] = (), only: str = "") -> PredictionTable:
    """A good model's answers; the labels of some pictures are moved on to the next class, its answers are not."""
    lines = predictions(LABELS, pictures, 0.1).decode().splitlines()
    for row in wrong:
        cells = lines[row + 1].split(",")
        cells[2] = LABELS[(LABELS.index(cells[2]) + 1) % 3]
        lines[row + 1] = ",".join(cells)
    kept = [lines[0], *(line for line in lines[1:] if not only or line.split(",")[2] == only)]
    return parse_predictions("\n".join(kept).encode(), "table.csv", most_bytes=10_000_000)


def test_labels_that_were_changed_are_found_the_least_believed_first() -> None:
    answers = table(wrong=MISLABELLED)
    rows = suspected_labels(answers).rows
    assert set(MISLABELLED) == set(rows.tolist())
    believed = answers.probabilities[rows, answers.truth[rows]]
    assert (np.diff(believed) >= 0).all()


def test_a_class_that_no_picture_has_changes_nothing() -> None:
    answers = table(wrong=MISLABELLED)
    wider = PredictionTable(
        answers.name,
        (*answers.labels, "platelet"),
        answers.source,
        answers.file,
        answers.truth,
        np.hstack([answers.probabilities * 0.9, np.full((len(answers), 1), 0.1)]),
        answers.group,
        answers.subtype,
    )
    assert suspected_labels(wider).rows.tolist() == suspected_labels(answers).rows.tolist()


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (table(9), "Labels are only doubted from 10 pictures on; here are 9."),
        (table(only="basophil"), "All pictures bear the same label, so there is nothing to hold a label against."),
    ],
)
def test_where_nothing_can_be_doubted_it_says_why(answers: PredictionTable, reason: str) -> None:
    found = suspected_labels(answers)
    assert found.reason == reason
    assert not len(found.rows)
