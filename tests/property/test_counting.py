"""Counting: whatever was counted, percentages sum to 100, limits hold the share, and the order does not matter."""

from __future__ import annotations

import json
import random
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wbc_core.biology.age_ranges import ranges_at
from wbc_core.biology.counted_cells import counted_cells, lines
from wbc_core.errors import DatasetError
from wbc_core.smear.agreement import beside_count
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.count_files import counts_of_predictions, counts_of_table, kind_of, percentages_of_table
from wbc_core.smear.counts import typed_counts, whole_number
from wbc_core.smear.differential import differential_of
from wbc_core.smear.intervals import exact_limits, rounded_outward
from wbc_core.smear.percentages import largest_remainder
from wbc_core.smear.result import Differential

LABELS = tuple(counted_cells())
few = st.one_of(st.integers(0, 12), st.integers(0, 200))
numbers = st.one_of(few, st.integers(0, 50_000))
tables = st.dictionaries(st.sampled_from(LABELS), numbers, min_size=1, max_size=12)
ROUNDING = CountingRules(band_rule="filament")


def counted(table: dict[str, int], case: Case | None = None) -> Differential:
    return differential_of(typed_counts(table), case or Case(), ROUNDING, ranges_at(None))


def has_leukocytes(table: dict[str, int]) -> bool:
    return typed_counts(table).leukocytes > 0


@settings(max_examples=50)
@given(tables, st.booleans())
def test_percentages_sum_to_exactly_one_hundred(table: dict[str, int], smudge: bool) -> None:
    assume(has_leukocytes(table))
    result = counted(table, Case(smudge_as_lymphocytes=smudge))
    assert sum(Decimal(line.percent_shown) for line in (*result.lines, *result.unseen)) == 100
    assert sum(Decimal(line.percent_shown) for line in result.lines) == 100
    decimals = {len(line.percent_shown.partition(".")[2]) for line in result.lines}
    assert decimals == ({1} if result.leukocytes >= 200 else {0})


@settings(max_examples=50)
@given(tables)
def test_limits_hold_the_share_and_what_is_shown_of_it(table: dict[str, int]) -> None:
    assume(has_leukocytes(table))
    for line in counted(table).lines:
        assert 0 <= line.low <= line.percent <= line.high <= 100
        assert line.low_shown <= line.low
        assert line.high <= line.high_shown
        assert line.low_shown <= Decimal(line.percent_shown) <= line.high_shown
        assert line.open_low <= line.percent <= line.open_high


@settings(max_examples=50)
@given(tables)
def test_parts_are_part_of_their_line(table: dict[str, int]) -> None:
    assume(has_leukocytes(table))
    for line in counted(table).lines:
        assert sum(part.count for part in line.parts) <= line.count
        assert sum(Decimal(part.percent_shown) for part in line.parts) <= Decimal(line.percent_shown)


@settings(max_examples=50)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_in_which_cells_were_listed_does_not_matter(table: dict[str, int], chance: random.Random) -> None:
    assume(has_leukocytes(table))
    shuffled = list(table.items())
    chance.shuffle(shuffled)
    result = counted(table, Case(7.2))
    assert counted(dict(shuffled), Case(7.2)) == result
    order = [line.label for line in lines()]
    assert [line.label for line in result.lines] == [label for label in order if result.line(label) in result.lines]


@settings(max_examples=50)
@given(tables, st.sampled_from(LABELS), st.integers(0, 500))
def test_what_lies_outside_changes_no_share(table: dict[str, int], label: str, number: int) -> None:
    assume(has_leukocytes(table))
    assume(counted_cells()[label].place in ("per_100", "outside"))
    before, after = counted(table), counted(table | {label: number})
    assert [(line.label, line.percent_shown, line.low) for line in before.lines] == [
        (line.label, line.percent_shown, line.low) for line in after.lines
    ]
    assert before.progress == after.progress


@settings(max_examples=50)
@given(tables)
def test_the_result_is_plain_data(table: dict[str, int]) -> None:
    assume(has_leukocytes(table))
    result = counted(table, Case(7.2)).as_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == json.loads(json.dumps(result))


@settings(max_examples=10)  # Holm's correction of statsmodels collects garbage each time
@given(st.dictionaries(st.sampled_from(LABELS), few, min_size=1, max_size=12))
def test_a_count_agrees_with_itself(table: dict[str, int]) -> None:
    assume(has_leukocytes(table))
    result = counted(table)
    agreement = beside_count(result, result)
    assert all(line.agrees for line in agreement.lines)
    assert agreement.not_compared == ()


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12), st.sampled_from([100, 1000]))
def test_a_share_is_rounded_to_one_of_its_neighbours(counts: list[int], units: int) -> None:
    assume(sum(counts))
    shares = largest_remainder(units, counts)
    assert sum(shares) == units
    for share, count in zip(shares, counts, strict=True):
        assert share - 1 < units * count / sum(counts) < share + 1
        assert count or not share


@given(st.integers(1, 5_000), st.data())
def test_more_seen_means_higher_limits(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total - 1))
    fewer, more = exact_limits(count, total), exact_limits(count + 1, total)
    assert fewer[0] <= more[0]
    assert fewer[1] <= more[1]
    assert rounded_outward(*fewer)[0] <= 100 * count / total <= rounded_outward(*fewer)[1]


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.none(), st.booleans()))
def test_a_number_of_cells_is_whole_or_refused(value: object) -> None:
    try:
        assert whole_number(value, "monocyte") >= 0
    except DatasetError as error:
        assert error.message.startswith("The count of monocyte is ")


HEADINGS = (
    "file,label,confidence,status,reason,error,p_monocyte,p_neutrophil",
    "label,count",
    "label,percent",
    "status,p_x",
    "",
)


@settings(max_examples=100)
@given(
    st.sampled_from(HEADINGS), st.lists(st.lists(st.text(max_size=8), max_size=9), max_size=4), st.binary(max_size=9)
)
def test_any_bytes_are_counted_or_refused_in_words(heading: str, rows: list[list[str]], tail: bytes) -> None:
    data = "\n".join([heading, *(",".join(row) for row in rows)]).encode("utf-8", "replace") + tail
    for read in (kind_of, counts_of_predictions, counts_of_table, percentages_of_table):
        try:
            read(data, "table.csv")
        except DatasetError as error:
            assert error.message.endswith((".", "?"))
            assert error.hint
