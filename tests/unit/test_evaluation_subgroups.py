"""Parts of a set, pictures behind a cell, pictures on which models differ, and models worth their time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.subgroups import (
    behind_cell,
    by_key,
    least_certain,
    on_pareto_front,
    terciles,
    weakest_part,
    where_models_differ,
    worst_mistakes,
)

LABELS = ("monocyte", "neutrophil")


@pytest.fixture
def lineup():
    """Two models on six pictures, by their probability of a neutrophil; the last four are neutrophils."""
    shares = np.array([[0.1, 0.6, 0.9, 0.2, 0.8, 0.55], [0.1, 0.2, 0.9, 0.3, 0.4, 0.6]])
    blank = np.full(6, "", dtype=object)
    truth = np.array([0, 0, 1, 1, 1, 1])
    return Lineup(("a", "b"), LABELS, blank, blank, blank, blank, truth, np.stack([1 - shares, shares], axis=2), ())


def test_accuracy_by_a_key(lineup):
    rows = by_key(lineup, ["slide 1", "slide 1", "slide 2", "slide 2", "slide 2", ""])
    assert [(row.name, row.n) for row in rows] == [("slide 1", 2), ("slide 2", 3)]
    assert [figure.value for figure in rows[0].accuracy] == [0.5, 1.0]
    assert [figure.value for figure in rows[1].accuracy] == pytest.approx([2 / 3, 1 / 3])
    assert rows[0].accuracy[1].low == pytest.approx(0.3424, abs=1e-4)


def test_the_weakest_part_is_named_only_where_its_interval_lies_below_the_whole():
    truth = np.zeros(200, dtype=np.int64)
    shares = np.full((1, 200), 0.1)
    shares[0, 60:75] = 0.9  # 15 of the 40 pictures of the second slide
    blank = np.full(200, "", dtype=object)
    lineup = Lineup(("a",), LABELS, blank, blank, blank, blank, truth, np.stack([1 - shares, shares], axis=2), ())
    parts = by_key(lineup, ["slide 1"] * 50 + ["slide 2"] * 40 + ["slide 3"] * 110)
    weakest = weakest_part(parts, 0, 0.925)
    assert weakest is not None
    assert (weakest.name, weakest.n, weakest.accuracy[0].value) == ("slide 2", 40, 25 / 40)
    assert weakest_part(parts, 0, 0.7) is None  # Wilson's interval of 25 of 40 reaches from 0.47 to 0.76


def test_the_pictures_behind_a_cell_come_surest_first(lineup):
    assert behind_cell(lineup, 0, "neutrophil", "neutrophil").tolist() == [2, 4, 5]
    assert behind_cell(lineup, 0, "monocyte", "neutrophil").tolist() == [1]
    assert behind_cell(lineup, 1, "monocyte", "neutrophil").tolist() == []


def test_pictures_on_which_models_differ_come_with_most_mistakes_first(lineup):
    assert where_models_differ(lineup).tolist() == [1, 4]


def test_mistakes_come_worst_first_and_doubt_comes_first(lineup):
    assert worst_mistakes(lineup, 1).tolist() == [3, 4]
    assert least_certain(lineup, 0).tolist()[:2] == [5, 1]


def test_terciles_are_of_like_size():
    names = terciles(np.arange(90.0))
    assert [names.count(name) for name in ("dark", "medium", "bright")] == [30, 30, 30]
    assert terciles(np.array([np.nan, np.nan])) == ["", ""]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 500)), min_size=1, max_size=20))
def test_no_model_on_the_front_is_beaten_and_every_other_is(points):
    front = on_pareto_front(points)
    assert any(front)
    for point, stays in zip(points, front, strict=True):
        beaten = any(a >= point[0] and b >= point[1] and (a, b) != point for a, b in points)
        assert stays is not beaten
