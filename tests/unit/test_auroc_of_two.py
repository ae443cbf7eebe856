"""Between two labels an evaluation states how well they are told apart, with an interval by group."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wbc_core.datasets.sources import LabelledImage
from wbc_core.evaluation.labelled import LabelledPredictions, measure

LABELS = ("lymphoblast", "normal_precursor")


def predictions(truth, shares, groups, labels=LABELS):
    images = tuple(
        LabelledImage(Path(f"{at}.png"), labels[kind], f"{at}.png", "cnmc", group=str(group))
        for at, (kind, group) in enumerate(zip(truth, groups, strict=True))
    )
    values = np.column_stack([shares, *([(1 - shares) / (len(labels) - 1)] * (len(labels) - 1))])
    return LabelledPredictions(images, labels, values, np.ones(len(truth), bool), ())


@pytest.fixture
def answers():
    """Truth, probability of the first label and subject of 200 pictures."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 200)
    return truth, np.clip(0.6 - 0.25 * truth + rng.normal(0, 0.2, 200), 0.01, 0.99), rng.integers(0, 12, 200)


def test_it_is_that_of_scikit_learn_and_its_interval_follows_the_groups(answers):
    truth, shares, subjects = answers
    by_subject = measure(predictions(truth, shares, subjects), "test", 0.5).auroc
    alone = measure(predictions(truth, shares, range(200)), "test", 0.5).auroc
    assert by_subject.value == pytest.approx(roc_auc_score(truth == 0, shares))
    assert by_subject.low < by_subject.value < by_subject.high
    assert (by_subject.low, by_subject.high) != (alone.low, alone.high)


def test_it_is_left_out_for_three_labels_and_for_one_label_alone(answers):
    truth, shares, subjects = answers
    three = predictions(truth, shares, subjects, ("lymphocyte", "monocyte", "neutrophil"))
    assert measure(three, "test", 0.5).auroc is None
    assert measure(predictions(np.zeros(200, int), shares, subjects), "test", 0.5).auroc is None
