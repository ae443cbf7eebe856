"""Every metric of a comparison equals scikit-learn's and statsmodels' where they have it, and one done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from wbc_core.evaluation.figures import METRICS
from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.measures import measure_model
from wbc_core.evaluation.paired import PairData, compare_pairs
from wbc_core.evaluation.ranking import auroc, average_precision, precision_recall, rank, roc
from wbc_core.evaluation.resampling import resample

LABELS = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")


def answers(seed: int, n: int = 300, skill: float = 1.5, decimals: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with many ties, and the truth, which is the same for every seed."""
    truth = np.random.default_rng(5).integers(0, 4, n)
    logits = np.random.default_rng(seed).normal(0, 1, (n, 4)) + skill * np.eye(4)[truth]
    values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    values = values.round(decimals).clip(5e-7)
    return values / values.sum(axis=1, keepdims=True), truth


@pytest.fixture(scope="module")
def measured():
    values, truth = answers(1)
    return values, truth, measure_model("a", values, truth, LABELS, resample([""] * len(truth)))


def test_the_figures_of_a_model_equal_the_libraries(measured):
    values, truth, measures = measured
    top = values.argmax(axis=1)
    expected = {
        "accuracy": reference.accuracy_score(truth, top),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, top),
        "log_loss": reference.log_loss(truth, values),
        "brier": reference.brier_score_loss(truth, values, labels=range(4), scale_by_half=False),
        "macro_auroc": reference.roc_auc_score(truth, values, multi_class="ovr", average="macro"),
        "macro_average_precision": reference.average_precision_score(np.eye(4)[truth], values, average="macro"),
    }
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = reference.precision_recall_fscore_support(truth, top, average=average)
        expected |= {f"{average}_precision": precision, f"{average}_recall": recall, f"{average}_f1": f1}
    for key, value in expected.items():
        assert measures.figures[key].value == pytest.approx(value, abs=1e-9), key
    assert measures.confusion.tolist() == reference.confusion_matrix(truth, top).tolist()


def test_the_figures_of_a_class_equal_the_libraries(measured):
    values, truth, measures = measured
    top = values.argmax(axis=1)
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth, top)
    for index, label in enumerate(LABELS):
        row = measures.per_class[label]
        assert row["precision"].value == pytest.approx(precision[index])
        assert row["recall"].value == pytest.approx(recall[index])
        assert row["f1"].value == pytest.approx(f1[index])
        assert measures.support[label] == support[index]
        assert row["specificity"].value == pytest.approx(reference.recall_score(truth != index, top != index))
        assert row["auroc"].value == pytest.approx(reference.roc_auc_score(truth == index, values[:, index]))
        assert row["average_precision"].value == pytest.approx(
            reference.average_precision_score(truth == index, values[:, index])
        )
        hits, named = int((top[truth == index] == index).sum()), int((truth == index).sum())
        low, high = proportion_confint(hits, named, method="wilson")
        assert (row["recall"].low, row["recall"].high) == pytest.approx((low, high))


def test_every_metric_that_is_listed_is_measured_and_lies_in_its_interval(measured):
    _, _, measures = measured
    assert set(measures.figures) == {metric.key for metric in METRICS}
    for key, figure in measures.figures.items():
        assert figure.low < figure.high, key
        assert figure.low <= figure.value <= figure.high, key


def test_the_figures_of_a_resample_are_those_of_the_pictures_drawn():
    values, truth = answers(2, n=60)
    groups = [f"slide {index % 15}" for index in range(60)]
    drawn = resample(groups)
    measures = measure_model("a", values, truth, LABELS, drawn)
    for draw in range(0, 1000, 211):
        rows = np.repeat(np.arange(60), drawn.weights[draw].astype(int)[drawn.codes])
        top = values.argmax(axis=1)[rows]
        assert measures.draws["accuracy"][draw] == pytest.approx(reference.accuracy_score(truth[rows], top))
        present = np.unique(truth[rows])
        expected = reference.f1_score(truth[rows], top, labels=present, average="macro")
        assert measures.draws["macro_f1"][draw] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("measure", "library"),
    [(auroc, reference.roc_auc_score), (average_precision, reference.average_precision_score)],
)
def test_an_influence_is_the_derivative_by_the_weight_of_a_picture(measure, library):
    values, truth = answers(3, n=80)
    positive, scores = truth == 1, values[:, 1]
    value, influence = measure(rank(positive, scores))
    assert value == pytest.approx(library(positive, scores))
    assert influence.sum() == pytest.approx(0, abs=1e-12)
    for picture in range(0, 80, 7):
        weights = np.ones(80)
        weights[picture] += 1e-6
        slope = (library(positive, scores, sample_weight=weights) - value) / 1e-6
        assert influence[picture] == pytest.approx(slope, abs=1e-5)


def test_the_areas_under_the_curves_are_the_figures(measured):
    values, truth, measures = measured
    for index, label in enumerate(LABELS):
        curve = roc(truth, values, index)
        assert reference.auc(curve.x, curve.y) == pytest.approx(measures.per_class[label]["auroc"].value)
        steps = precision_recall(truth, values, index)
        area = -np.sum(np.diff(steps.x) * steps.y[:-1])
        assert area == pytest.approx(measures.per_class[label]["average_precision"].value, abs=0.01)
        assert len(curve.threshold) == len(curve.x) and len(steps.threshold) == len(steps.x)


def test_pairs_equal_statsmodels():
    truth = answers(1)[1]
    names = ("a", "b", "c")
    values = np.stack([answers(seed, skill=skill)[0] for seed, skill in ((1, 1.5), (2, 1.0), (3, 0.9))])
    blank = np.full(len(truth), "", dtype=object)
    lineup = Lineup(names, LABELS, blank, blank, blank, blank, truth, values, ())
    draws = lineup.resampling()
    measures = [measure_model(name, v, truth, LABELS, draws) for name, v in zip(names, values, strict=True)]
    right = lineup.right
    pairs = compare_pairs(
        names, lambda i, j: PairData(LABELS, (right[i], right[j]), (measures[i], measures[j]), grouped=False)
    )
    expected = []
    for pair, (i, j) in zip(pairs, ((0, 1), (0, 2), (1, 2)), strict=True):
        table = [
            [np.sum(right[i] & right[j]), np.sum(right[i] & ~right[j])],
            [np.sum(~right[i] & right[j]), np.sum(~right[i] & ~right[j])],
        ]
        expected.append(mcnemar(table, exact=True).pvalue)
        assert [[pair.both, pair.only_first], [pair.only_second, pair.neither]] == table
        assert pair.p_value == pytest.approx(expected[-1])
        difference = pair.accuracy_difference
        assert difference.value == pytest.approx(right[i].mean() - right[j].mean())
        assert difference.low < difference.value < difference.high
    assert [pair.p_corrected for pair in pairs] == pytest.approx(list(multipletests(expected, method="holm")[1]))


def test_ten_pictures_by_hand():
    # Truth: 4 lymphocytes, 6 neutrophils. One lymphocyte is called neutrophil, two neutrophils are called lymphocyte.
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    lymphocyte = np.array([0.9, 0.8, 0.7, 0.4, 0.6, 0.6, 0.1, 0.1, 0.2, 0.3])
    values = np.stack([lymphocyte, 1 - lymphocyte], axis=1)
    measures = measure_model("a", values, truth, ("lymphocyte", "neutrophil"), resample([""] * 10))
    assert measures.confusion.tolist() == [[3, 1], [2, 4]]
    row = measures.per_class["lymphocyte"]
    assert row["precision"].value == pytest.approx(3 / 5)
    assert row["recall"].value == pytest.approx(3 / 4)
    assert row["specificity"].value == pytest.approx(4 / 6)
    assert row["f1"].value == pytest.approx(2 * 3 / (5 + 4))
    # Of 4 × 6 pairs the lymphocyte ranks higher in 6 + 6 + 6 + 4 (0.4 lies below the two 0.6).
    assert row["auroc"].value == pytest.approx(22 / 24)
    # Precision at each lymphocyte from the top: 1/1, 2/2, 3/3, and 4/6 after the two 0.6.
    assert row["average_precision"].value == pytest.approx((1 + 1 + 1 + 4 / 6) / 4)
    figures = measures.figures
    assert figures["accuracy"].value == pytest.approx(0.7)
    assert (figures["accuracy"].low, figures["accuracy"].high) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    assert figures["balanced_accuracy"].value == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert figures["macro_f1"].value == pytest.approx((6 / 9 + 8 / 11) / 2)
    assert figures["weighted_f1"].value == pytest.approx(0.4 * 6 / 9 + 0.6 * 8 / 11)
    assert figures["brier"].value == pytest.approx(
        2 * (0.01 + 0.04 + 0.09 + 0.36 + 0.36 + 0.36 + 0.01 + 0.01 + 0.04 + 0.09) / 10
    )
    # Lymphocyte and neutrophil are both mature: three mistakes of weight 0.5.
    assert figures["weighted_error"].value == pytest.approx(0.15)
