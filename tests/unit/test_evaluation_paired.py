"""Two models in one sentence that a class understands."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.measures import measure_model
from wbc_core.evaluation.paired import PairData, compare_pairs

LABELS = ("monocyte", "neutrophil")


def pairs(*right, groups=None, names="ABCDEF"):
    """Compare models by which pictures they are right on."""
    right = np.array(right, dtype=bool)
    n = right.shape[1]
    truth = np.arange(n) % 2
    said = np.where(right, truth, 1 - truth)
    values = np.eye(2)[said] * 0.8 + 0.1
    blank = np.full(n, "", dtype=object)
    group = blank if groups is None else np.array(groups, dtype=object)
    lineup = Lineup(tuple(names[: len(right)]), LABELS, blank, blank, group, blank, truth, values, ())
    draws = lineup.resampling()
    measures = [measure_model(name, row, truth, LABELS, draws) for name, row in zip(lineup.names, values, strict=True)]

    def data_of(i, j):
        return PairData(LABELS, (right[i], right[j]), (measures[i], measures[j]), not draws.alone)

    return compare_pairs(lineup.names, data_of)


def outcome(only_first, only_second, both, neither=5):
    first = [1] * only_first + [0] * only_second + [1] * both + [0] * neither
    second = [0] * only_first + [1] * only_second + [1] * both + [0] * neither
    return first, second


@pytest.mark.parametrize(
    ("counts", "significant", "sentence"),
    [
        (
            (31, 12, 300),
            True,
            "A is right on 31 pictures where B is wrong, B on 12 where A is wrong; such a difference would rarely "
            "arise by chance (p = 0.005).",
        ),
        (
            (40, 5, 300),
            True,
            "A is right on 40 pictures where B is wrong, B on 5 where A is wrong; such a difference would almost never "
            "arise by chance (p < 0.001).",
        ),
        (
            (1, 8, 300),
            True,
            "A is right on 1 picture where B is wrong, B on 8 where A is wrong; such a difference would seldom arise "
            "by chance (p = 0.039).",
        ),
        (
            (10, 8, 300),
            False,
            "A is right on 10 pictures where B is wrong, B on 8 where A is wrong; such a difference can well arise by "
            "chance (p = 0.81), which does not show that they are alike.",
        ),
        ((0, 0, 300), False, "A and B are right and wrong on the same 305 pictures."),
    ],
)
def test_a_pair_in_one_sentence(counts, significant, sentence):
    (pair,) = pairs(*outcome(*counts))
    assert pair.sentence == sentence
    assert pair.significant is significant
    assert pair.n == sum(counts) + 5


def test_many_pairs_are_corrected_for_and_say_so():
    first, second = outcome(31, 12, 300)
    found = pairs(first, second, first, second)
    assert len(found) == 6
    pair = found[0]
    assert pair.p_corrected == pytest.approx(6 * pair.p_value)  # the least p-value times all pairs; equal ones keep it
    assert "(p = 0.032, corrected for 6 pairs)" in pair.sentence


def test_a_difference_that_one_slide_makes_is_not_called_proven():
    # B fails on one slide of twelve; on the others the two are alike.
    right = np.ones((2, 240), dtype=bool)
    right[1, :20] = False
    (pair,) = pairs(*right, groups=[f"slide {index // 20}" for index in range(240)])
    assert pair.p_corrected < 0.001
    assert pair.grouped
    assert pair.accuracy_difference.low <= 0
    assert not pair.significant
    assert pair.sentence.endswith("but the pictures come in groups, and by group it may be none.")


def test_the_difference_has_the_sign_of_the_better_model():
    (pair,) = pairs(*outcome(12, 31, 300))
    assert pair.accuracy_difference.value == pytest.approx(-19 / 348)
    assert pair.accuracy_difference.high < 0
    assert pair.macro_f1_difference.value < 0


def test_one_model_alone_has_no_pair():
    assert pairs([1] * 20) == ()
