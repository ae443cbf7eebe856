"""The study of wrong preprocessing feeds what it says, and its page claims what its table shows."""

import csv

import numpy as np
import pytest

from benchmarks.studies.preprocessing_mismatch import (
    FEEDS,
    RIGHT,
    Row,
    accuracy,
    fit_heads,
    markdown_table,
    page,
    write_csv,
)
from wbc_core.inference.measurements import Estimate

PICTURE = np.array([[[[255.0, 0.0, 127.5]]]], np.float32)


@pytest.mark.parametrize(
    ("name", "pixel"),
    [
        (RIGHT, (1, -1, 0)),
        ("RGB, 0 to 1", (1, 0, 0.5)),
        ("RGB, 0 to 255", (255, 0, 127.5)),
        ("BGR, -1 to 1", (0, -1, 1)),
        ("BGR less the ImageNet mean (caffe)", (127.5 - 103.939, -116.779, 255 - 123.68)),
    ],
)
def test_each_way_of_feeding_is_the_one_it_is_named_after(name, pixel):
    assert FEEDS[name](PICTURE)[0, 0, 0] == pytest.approx(pixel, abs=1e-3)


def test_a_linear_head_learns_what_is_linear():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    table = (np.eye(3)[truth] @ rng.normal(size=(3, 20)) * 3 + 5 + rng.normal(size=(300, 20))).astype(np.float32)
    heads = fit_heads(table[:200], truth[:200], 3, (1.0, 1e-3))
    assert [head.penalty for head in heads] == [1.0, 1e-3]
    assert accuracy(heads[1], table[200:], truth[200:]).value > 0.95
    assert np.abs(heads[0].weights).sum() < np.abs(heads[1].weights).sum()


@pytest.fixture
def rows():
    def estimate(value):
        return Estimate(value=value, low=value - 0.01, high=value + 0.01)

    shares = {(RIGHT, RIGHT): 0.9} | {(RIGHT, name): 0.3 + 0.1 * i for i, name in enumerate(FEEDS) if name != RIGHT}
    shares |= {(name, name): 0.85 for name in FEEDS if name != RIGHT}
    return [Row(*pair, 0.001, estimate(share + 0.02), estimate(share)) for pair, share in shares.items()]


def test_the_page_states_the_figures_of_the_test_part(rows):
    text = " ".join(page(rows, 4000).split())
    assert "names 90.0 % of the test pictures" in text
    assert "names 40.0 to 70.0 %, depending on the mistake" in text
    assert "used with names 85.0 to 85.0 %" in text
    assert "It does not show what happened in that study" in text


def test_the_table_holds_one_line_a_pair(rows, tmp_path):
    write_csv(rows, tmp_path / "study.csv")
    with (tmp_path / "study.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == len(markdown_table(rows).splitlines()) - 2 == 9
    assert float(lines[0]["test_accuracy"]) == 0.9
    assert float(lines[0]["val_accuracy_low"]) == pytest.approx(0.91)
