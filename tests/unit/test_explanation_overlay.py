"""A map lies over the part of the picture that it was computed from, wherever that part lies."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.explanation.deletion import erased, middle_region, moved, strongest_region
from wbc_core.explanation.overlay import AGAINST, FOR, legend, painted, placed, spread_over

CORNER = np.array([[1, 0], [0, 0]], np.float32)


@pytest.mark.parametrize(
    ("square", "peak"),
    [
        ((0.0, 0.0, 40.0), (0, 0)),
        ((20.0, 10.0, 40.0), (10, 20)),
        ((-20.0, -10.0, 80.0), (0, 0)),  # beyond the picture: the corner of the map is cut off
    ],
)
def test_the_strongest_place_is_found_again_in_the_picture(square: tuple[float, float, float], peak) -> None:
    field, inside = placed(CORNER, square, 60, 80)
    assert np.unravel_index(field.argmax(), field.shape) == peak
    left, top, side = square
    for y, x in ((0, 0), (15, 30), (59, 79), (40, 61)):
        assert inside[y, x] == (left <= x < left + side and top <= y < top + side)
    assert not field[~inside].any()


def test_enlarging_keeps_the_mean_of_a_map() -> None:
    values = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    assert spread_over(values, 128, 128).mean() == pytest.approx(values.mean(), abs=1e-3)
    assert spread_over(np.full((1, 1), 2.0, np.float32), 3, 5).tolist() == [[2.0] * 5] * 3


def test_orange_speaks_for_blue_against_and_what_counts_little_stays_clear() -> None:
    picture = np.full((1, 3, 3), 200, np.uint8)
    field = np.array([[2.0, 0.0, -2.0]], np.float32)
    outside = np.zeros((1, 3), bool)
    full = painted(picture, field, outside, limit=2.0, opacity=1.0)
    assert full.tolist() == [[list(FOR), [200] * 3, list(AGAINST)]]
    assert np.array_equal(painted(picture, field, outside, limit=2.0, opacity=0.0), picture)
    assert np.array_equal(painted(picture, 0 * field, outside, limit=0.0, opacity=1.0), picture)


def test_the_legend_runs_from_full_strength_against_to_full_strength_for() -> None:
    scale = legend(1.0)
    assert tuple(scale[0, 0]) == AGAINST
    assert tuple(scale[0, -1]) == FOR
    assert np.abs(scale[0, scale.shape[1] // 2].astype(int) - 225).max() <= 2


def test_the_marked_the_middle_and_every_moved_region_have_one_area() -> None:
    random = np.random.default_rng(0)
    marked = strongest_region(CORNER, 64)
    assert marked[:20, :20].all() and not marked[40:, 40:].any()
    areas = {int(region.sum()) for region in (marked, middle_region(64), *(moved(marked, random) for _ in range(20)))}
    assert areas == {round(0.2 * 64 * 64)}


def test_erasing_fills_with_the_colour_of_the_empty_slide_and_leaves_the_rest() -> None:
    crop = np.full((64, 64, 3), (230, 220, 225), np.uint8)
    crop[16:48, 16:48] = (90, 40, 120)
    gone = erased(crop, middle_region(64, share=0.6))
    assert np.abs(gone[32, 32].astype(int) - (230, 220, 225)).max() <= 1
    assert np.array_equal(gone[0, 0], crop[0, 0])
