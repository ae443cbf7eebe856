"""Figures that cannot be had are None and say why; intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.evaluation.figures import ALL_ALIKE
from wbc_core.evaluation.measures import TOO_FEW, measure_model, reliability
from wbc_core.evaluation.metrics import expected_calibration_error
from wbc_core.evaluation.resampling import resample

LABELS = ("immature_granulocyte", "monocyte", "neutrophil")


def measure(truth, said, *, labels=LABELS, confidence=0.8, groups=None, subtypes=None):
    rest = (1 - confidence) / (len(labels) - 1)
    values = np.where(np.eye(len(labels))[said] == 1, confidence, rest)
    groups = [""] * len(truth) if groups is None else groups
    return measure_model("a", values, np.array(truth), labels, resample(groups), subtypes)


def test_of_fewer_than_ten_pictures_only_shares_have_an_interval():
    measures = measure([0, 1, 2, 2], [0, 1, 2, 1])
    assert measures.figures["accuracy"].value == 0.75
    assert measures.figures["accuracy"].low == pytest.approx(0.3006, abs=1e-4)
    assert measures.per_class["monocyte"]["recall"].low is not None
    for key in ("macro_f1", "log_loss", "ece", "macro_auroc", "weighted_error"):
        figure = measures.figures[key]
        assert figure.value is not None, key
        assert (figure.low, figure.high, figure.reason) == (None, None, TOO_FEW), key
    assert measures.draws == {}


def test_of_one_class_alone_ranking_and_specificity_are_not_defined():
    measures = measure([1] * 20, [1] * 15 + [2] * 5)
    assert measures.figures["accuracy"].value == 0.75
    assert measures.figures["macro_auroc"].value is None
    assert measures.figures["macro_auroc"].reason == "the pictures are all of one class"
    assert measures.figures["macro_specificity"].reason == "the pictures are all of one class"
    row = measures.per_class["monocyte"]
    assert (row["specificity"].value, row["specificity"].reason) == (None, "every picture is of this class")
    assert row["auroc"].reason == "the pictures are all of this class, or none is"
    assert measures.per_class["neutrophil"]["recall"].reason == "no picture is of this class"
    assert measures.per_class["immature_granulocyte"]["f1"].reason == "the class does not occur"


def test_the_precision_of_a_class_that_is_never_named_is_not_zero():
    measures = measure([0] * 5 + [1] * 10 + [2] * 10, [1] * 5 + [1] * 10 + [2] * 10)
    row = measures.per_class["immature_granulocyte"]
    assert (row["precision"].value, row["precision"].reason) == (None, "the class was never named")
    assert row["recall"].value == 0.0
    figure = measures.figures["macro_precision"]
    assert figure.value is None
    assert figure.reason == "immature_granulocyte was never named, so precision is not defined"


def test_a_flawless_model_gets_no_false_certainty():
    measures = measure([0, 1, 2] * 10, [0, 1, 2] * 10)
    assert measures.figures["macro_f1"].value == 1.0
    assert measures.figures["macro_f1"].reason == ALL_ALIKE
    assert measures.figures["accuracy"].low == pytest.approx(0.8865, abs=1e-4)
    assert measures.figures["macro_auroc"].value == 1.0
    assert measures.figures["macro_auroc"].low == pytest.approx(0.7225, abs=1e-4)  # ten of ten


def test_intervals_by_group_are_wider_where_groups_agree():
    truth = np.repeat([1, 2] * 20, 10)
    said = np.where(np.repeat(np.arange(40) % 4 == 0, 10), 3 - truth, truth)
    alone = measure(truth, said).figures
    grouped = measure(truth, said, groups=[f"slide {slide}" for slide in np.repeat(np.arange(40), 10)]).figures
    for key in ("macro_f1", "log_loss", "brier", "macro_auroc", "macro_average_precision"):
        assert grouped[key].high - grouped[key].low > 1.8 * (alone[key].high - alone[key].low), key


def test_mistakes_are_graded_by_maturation():
    truth, said = [0] * 4 + [1] * 8, [2, 2, 2, 0] + [2] + [1] * 7
    measures = measure(truth, said, subtypes=["PMY", "MMY", "", "MY"] + [""] * 8)
    shares = {key: round(12 * figure.value) for key, figure in measures.mistakes.items()}
    # A promyelocyte and one of no known stage called neutrophil; a metamyelocyte called neutrophil; a monocyte so.
    assert shares == {"major": 2, "minor": 1, "other": 1}
    assert measures.figures["weighted_error"].value == pytest.approx((2 * 1.0 + 0.25 + 0.5) / 12)


def test_the_bins_of_the_diagram_give_the_calibration_error():
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.4, 1, 500)
    correct = rng.uniform(size=500) < confidence**2
    bins = reliability(confidence, correct)
    assert sum(each.count for each in bins) == 500
    error = sum(each.count * abs(each.confidence - each.accuracy.value) for each in bins) / 500
    assert error == pytest.approx(expected_calibration_error(confidence, correct))


def test_the_interval_of_an_auroc_holds_the_true_one_as_often_as_it_says():
    # Two normal distributions one deviation apart: the true area is 0.7602. A third class is never confused.
    held = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        truth = np.arange(80) % 2
        score = 1 / (1 + np.exp(-rng.normal(truth * 1.0, 1)))
        measures = measure_model(
            "a", np.stack([1 - score, score], 1), truth, ("a", "b"), resample([""] * 80, resamples=2)
        )
        figure = measures.per_class["b"]["auroc"]
        held += figure.low <= 0.7602 <= figure.high
    assert 106 <= held <= 120  # 114 expected; fewer than 106 in one of 1,000 such tests
