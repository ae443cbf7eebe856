"""Two counts of one smear: an analyser against our exact limits, another person by Fisher's test after Holm."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest, hypergeom

from wbc_core.biology.age_ranges import ranges_at
from wbc_core.errors import DatasetError
from wbc_core.smear.agreement import AGREES, DIFFERS, beside_analyser, beside_count, fisher_p
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.counts import model_counts, typed_counts
from wbc_core.smear.differential import differential_of
from wbc_core.smear.result import Differential


def count(rules: CountingRules | None = None, **cells: int) -> Differential:
    return differential_of(typed_counts(cells), Case(), rules or CountingRules(), ranges_at(None))


def predicted(**cells: int) -> Differential:
    labels = ("neutrophil", "lymphocyte", "monocyte", "eosinophil")
    return differential_of(model_counts(labels, cells, {}), Case(), CountingRules(), ranges_at(None))


# First significant second count of 100 against a first count of 100, two-sided p <= 0.05.
@pytest.mark.parametrize(
    ("first", "second"), [(0, 6), (1, 8), (2, 10), (3, 11), (5, 15), (10, 21), (20, 34), (30, 45), (50, 65)]
)
def test_the_first_second_count_that_differs_is_the_published_one(first: int, second: int) -> None:
    assert fisher_p(first, 100, second, 100) <= 0.05
    assert all(fisher_p(first, 100, other, 100) > 0.05 for other in range(first, second))


def test_fishers_p_is_the_sum_over_tables_that_are_as_unlikely() -> None:
    ours, total, theirs, other_total = 7, 100, 18, 120
    drawn = hypergeom(total + other_total, ours + theirs, total)
    chances = [drawn.pmf(k) for k in range(ours + theirs + 1)]
    expected = sum(chance for chance in chances if chance <= drawn.pmf(ours) * (1 + 1e-9))
    assert fisher_p(ours, total, theirs, other_total) == pytest.approx(expected)


def test_holm_corrects_for_the_lines_that_were_seen() -> None:
    agreement = beside_count(
        count(neutrophil=62, lymphocyte=28, monocyte=10), count(neutrophil=40, lymphocyte=40, monocyte=20)
    )
    p_values = [line.p_value for line in agreement.lines]
    assert [line.label for line in agreement.lines] == ["neutrophil", "lymphocyte", "monocyte"]
    ordered = sorted(p_values)
    expected = {
        p: max((3 - rank) * q for rank, q in enumerate(ordered[: place + 1])) for place, p in enumerate(ordered)
    }
    for line in agreement.lines:
        assert line.p_corrected == pytest.approx(min(1.0, expected[line.p_value]))
    assert [line.words for line in agreement.lines] == [DIFFERS, AGREES, AGREES]
    assert agreement.sentence == (
        "Beside the other count, the share of neutrophils differs more than counting error explains."
    )


def test_two_honest_counts_agree() -> None:
    agreement = beside_count(count(neutrophil=62, lymphocyte=38), count(neutrophil=56, lymphocyte=44))
    assert agreement.sentence == (
        "The count agrees with the other count in all 2 lines: counting error explains what differs."
    )
    assert (agreement.ours_n, agreement.other_n) == (100, 100)


def test_a_rare_line_that_only_the_other_saw_is_compared_with_our_zero() -> None:
    agreement = beside_count(count(neutrophil=100), count(neutrophil=88, blast=12))
    (blasts,) = [line for line in agreement.lines if line.label == "blast"]
    assert (blasts.ours, blasts.other, blasts.agrees) == (0, 12, False)
    assert blasts.p_value == pytest.approx(fisher_p(0, 100, 12, 100))


def test_what_a_model_cannot_name_is_not_compared_and_said() -> None:
    agreement = beside_count(predicted(neutrophil=60, lymphocyte=40), count(neutrophil=58, lymphocyte=36, blast=6))
    assert agreement.not_compared == ("Blasts",)
    assert [line.label for line in agreement.lines] == ["neutrophil", "lymphocyte"]


def test_bands_of_one_count_are_compared_as_neutrophils() -> None:
    rules = CountingRules(band_rule="filament")
    agreement = beside_count(count(rules, segs=50, bands=10, lymphocyte=40), count(neutrophil=60, lymphocyte=40))
    assert {line.label: line.ours for line in agreement.lines} == {"neutrophil": 60, "lymphocyte": 40}


@pytest.mark.parametrize(("theirs", "agrees"), [(16.40, False), (16.39, True), (9, True), (4.21, True), (4.19, False)])
def test_an_analyser_is_judged_by_the_exact_limits_of_our_count(theirs: float, agrees: bool) -> None:
    limits = binomtest(9, 100).proportion_ci(0.95, method="exact")
    assert (limits.low <= theirs / 100 <= limits.high) is agrees
    (line,) = beside_analyser(count(monocyte=9, neutrophil=91), {"mono": theirs}).lines
    assert (line.agrees, line.p_value) == (agrees, None)


def test_lines_that_only_one_of_the_two_has_are_named() -> None:
    ours = count(neutrophil=90, monocyte=8, blast=2)
    agreement = beside_analyser(ours, {"neutrophils": 88.0, "mono": 9.5, "nrbc": 0.2})
    assert agreement.not_compared == ("Blasts", "Erythroblasts")
    assert agreement.sentence == (
        "The count agrees with the analyser in all 2 lines: counting error explains what differs."
    )


def test_a_rare_line_of_the_analyser_is_compared_with_our_zero() -> None:
    (line,) = beside_analyser(count(neutrophil=100), {"IG": 0.4}).lines
    assert (line.ours, line.agrees) == (0, True)
    assert not beside_analyser(count(neutrophil=100), {"IG": 4}).lines[0].agrees


def test_bands_of_an_analyser_are_compared_where_we_told_them_apart() -> None:
    rules = CountingRules(band_rule="one_third")
    ours = count(rules, segs=50, bands=10, lymphocyte=40)
    agreement = beside_analyser(ours, {"segs": 52, "bands": 8, "lymph": 40})
    assert [line.label for line in agreement.lines] == ["segmented_neutrophil", "band_neutrophil", "lymphocyte"]
    assert agreement.not_compared == ()


def test_several_lines_that_differ_are_listed() -> None:
    agreement = beside_analyser(count(neutrophil=100), {"neut": 50, "lymph": 40, "mono": 10})
    assert agreement.sentence == (
        "Beside the analyser, the share of neutrophils, lymphocytes and monocytes differs more than counting error"
        " explains."
    )


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (
            {"monocyte": 101.0},
            "The analyser's monocyte is 101 %.",
            "Expected a percentage from 0 to 100, not an absolute count.",
        ),
        (
            {"monocyte": float("nan")},
            "The analyser's monocyte is nan %.",
            "Expected a percentage from 0 to 100, not an absolute count.",
        ),
        (
            {"mono": 5.0, "monocytes": 6.0},
            "The analyser's monocyte is given twice.",
            "Give one percentage for each cell.",
        ),
        (
            {"neut": 62.0, "lymph": 60.0},
            "The analyser's percentages sum to 122.0 %.",
            "Expected at most 100: write percentages, not counts.",
        ),
        (
            {"platelet": 5.0},
            "The two counts have no line in common.",
            "Compare counts of the same kinds of cells.",
        ),
    ],
)
def test_an_analyser_that_cannot_be_compared_is_refused(given: dict[str, float], message: str, hint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        beside_analyser(count(neutrophil=60, monocyte=40), given)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_comparison_is_plain_data_with_its_words() -> None:
    report = beside_count(count(neutrophil=100), count(neutrophil=100)).as_dict()
    assert report["kind"] == "hand_count"
    assert report["lines"][0]["words"] == AGREES
    assert report["sentence"].startswith("The count agrees")
