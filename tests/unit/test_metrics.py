"""Every metric equals scikit-learn's where it has it, and a hand-computed example where it has not."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference

from wbc_core.evaluation.abstention import choose_abstention, error_upper_bound
from wbc_core.evaluation.calibration import fit_temperature
from wbc_core.evaluation.metrics import (
    evaluate_predictions,
    expected_calibration_error,
    precision_at_prevalence,
    proportion,
)

LABELS = ("basophil", "eosinophil", "monocyte", "neutrophil")


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 4, 400)
    logits = rng.normal(0, 1, (400, 4)) + 1.5 * np.eye(4)[truth]
    values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return values, truth


@pytest.fixture(scope="module")
def evaluation(predictions):
    return evaluate_predictions(*predictions, LABELS, threshold=0.7, source="set", source_sha256="0" * 64)


def test_shares_equal_scikit_learn(predictions, evaluation):
    values, truth = predictions
    top = values.argmax(axis=1)
    assert evaluation.accuracy.value == pytest.approx(reference.accuracy_score(truth, top))
    assert evaluation.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(truth, top))
    assert evaluation.macro_f1.value == pytest.approx(reference.f1_score(truth, top, average="macro"))
    assert evaluation.log_loss.value == pytest.approx(reference.log_loss(truth, values))
    assert evaluation.confusion.matrix == tuple(map(tuple, reference.confusion_matrix(truth, top).tolist()))
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth, top)
    for index, label in enumerate(LABELS):
        row = evaluation.per_class[label]
        assert row.precision.value == pytest.approx(precision[index])
        assert row.recall.value == pytest.approx(recall[index])
        assert row.f1 == pytest.approx(f1[index])
        assert row.support == support[index]
        assert row.specificity.value == pytest.approx(reference.recall_score(truth != index, top != index))


def test_every_interval_holds_its_value(evaluation):
    for name in ("accuracy", "macro_f1", "coverage", "accuracy_classified", "log_loss", "brier"):
        estimate = getattr(evaluation, name)
        assert estimate.low <= estimate.value <= estimate.high, name


def test_abstention_leaves_the_confident(predictions, evaluation):
    values, truth = predictions
    answered = values.max(axis=1) >= 0.7
    assert evaluation.coverage.value == pytest.approx(answered.mean())
    assert evaluation.accuracy_classified.value == pytest.approx((values.argmax(axis=1) == truth)[answered].mean())


def test_a_class_that_is_absent_has_no_recall():
    values = np.array([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1]])
    result = evaluate_predictions(
        values, np.array([0, 1]), ("basophil", "monocyte", "neutrophil"), threshold=0, source="s", source_sha256=""
    )
    assert result.per_class["neutrophil"].recall is None
    assert result.per_class["neutrophil"].precision is None
    assert result.macro_f1.value == 1.0
    assert result.balanced_accuracy == 1.0


def test_the_wilson_interval_is_scipys():
    interval = binomtest(49, 50).proportion_ci(0.95, method="wilson")
    assert (proportion(49, 50).low, proportion(49, 50).high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (proportion(0, 50).low, proportion(50, 50).high) == (0.0, 1.0)
    assert proportion(0, 0) is None


@pytest.mark.parametrize(
    ("confidence", "correct", "bins", "expected"),
    [
        ([0.9, 0.9, 0.6, 0.6], [1, 1, 1, 0], 2, 0.1),  # bins: |0.6-0.5| and |0.9-1.0|
        ([1.0, 1.0], [0, 0], 15, 1.0),
        ([0.5, 1.0], [0, 1], 2, 0.25),
    ],
)
def test_the_calibration_error_by_hand(confidence, correct, bins, expected):
    value = expected_calibration_error(np.array(confidence), np.array(correct, bool), bins)
    assert value == pytest.approx(expected)


def test_the_bootstrap_by_group_is_wider_where_groups_agree():
    truth = np.repeat([0, 1] * 20, 10)
    top = np.where(np.repeat(np.arange(40) % 4 == 0, 10), 1 - truth, truth)
    values = np.eye(2)[top] * 0.8 + 0.1
    groups = [str(group) for group in np.repeat(np.arange(40), 10)]
    labels = ("monocyte", "neutrophil")
    alone = evaluate_predictions(values, truth, labels, threshold=0, source="s", source_sha256="")
    grouped = evaluate_predictions(values, truth, labels, threshold=0, source="s", source_sha256="", groups=groups)
    assert grouped.macro_f1.high - grouped.macro_f1.low > 2 * (alone.macro_f1.high - alone.macro_f1.low)


def test_precision_at_prevalence_by_hand():
    # Recall 0.9 of each; of 1,000 cells 990 are neutrophils: 99 false basophils against 9 true ones.
    truth = np.repeat([0, 1], 10)
    top = truth.copy()
    top[[0, 10]] = 1 - top[[0, 10]]
    result = precision_at_prevalence(
        np.eye(2)[top], truth, ("basophil", "neutrophil"), {"basophil": 0.01, "neutrophil": 0.99}
    )
    assert result["basophil"].value == pytest.approx(9 / 108)
    assert result["neutrophil"].value == pytest.approx(891 / 892)


def test_no_mistake_seen_is_not_no_mistake_possible():
    truth = np.repeat([0, 1], 200)
    result = precision_at_prevalence(
        np.eye(2)[truth], truth, ("basophil", "neutrophil"), {"basophil": 0.01, "neutrophil": 0.99}
    )
    assert result["basophil"].value == 1.0
    assert 0.3 < result["basophil"].low < 0.95
    assert result["neutrophil"].low > 0.999


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_logits_is_found(true_temperature):
    rng = np.random.default_rng(2)
    scaled = rng.normal(0, 2, (6000, 5))
    shares = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(5, p=row) for row in shares])
    assert fit_temperature(scaled * true_temperature, truth) == pytest.approx(true_temperature, rel=0.06)


def test_the_threshold_meets_its_goal_with_the_most_answers():
    confidence = np.linspace(0, 1, 2001)[1:]
    found = choose_abstention(confidence, confidence > 0.25, "made")
    answered = round(found.coverage * 2000)
    assert found.error_upper_bound <= 0.005
    assert error_upper_bound(found.errors + 1, answered + 1) > 0.005
    assert answered == np.sum(confidence >= found.threshold)
    assert found.rule.startswith("the lowest confidence from which")


def test_a_good_model_on_too_few_pictures_answers_what_is_asked_for():
    confidence = np.linspace(0, 1, 201)[1:]
    found = choose_abstention(confidence, confidence > 0.02, "made")
    assert (found.coverage, found.errors) == (0.96, 0)
    assert found.error_upper_bound > 0.005
    assert found.rule.endswith("so the one that answers 96 % of them")


def test_without_a_threshold_that_meets_the_goal_the_best_is_told():
    found = choose_abstention(np.array([0.9, 0.8, 0.7]), np.array([True, True, False]), "made")
    assert (found.threshold, found.errors) == (0.8, 0)
    assert found.error_upper_bound > 0.005
    assert found.rule.endswith("so the one with the lowest bound")
