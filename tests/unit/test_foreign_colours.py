"""A photograph is told from stained cells by its colours, whatever lamp and white balance these were taken with."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bad_fields import as_grey, cat
from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.foreign_colours import MOST_FOREIGN, foreign_share
from wbc_core.imaging.localisation import CellLocation
from wbc_core.inference.judging import note_of


def test_a_photograph_has_colours_that_no_stain_gives():
    assert foreign_share(cat()) > 3 * MOST_FOREIGN
    assert foreign_share(as_grey(cat())) == 0.0


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (1.0, 0.9, 0.75), (0.78, 0.95, 1.0)])
@pytest.mark.parametrize("label", ["neutrophil", "eosinophil", "basophil", "lymphocyte"])
def test_stained_cells_have_none_in_any_light(label, gains):
    pixels = (render_cell(label, seed=3, size=120) * np.array(gains)).astype(np.uint8)
    assert foreign_share(pixels) < MOST_FOREIGN / 3


def test_nothing_is_said_of_a_dark_picture():
    assert foreign_share(np.zeros((50, 60, 3), np.uint8)) == 0.0


@pytest.mark.parametrize(
    ("location", "note"),
    [
        (CellLocation(True, 50, 50, 40, strength=80), ""),
        (CellLocation(True, 50, 50, 40, others=1, strength=80), "several_cells"),
        (CellLocation(True, 50, 50, 130, strength=80), "crowded"),
        (CellLocation(True, 50, 50, 130, strength=80, cut_out=True), ""),
        (CellLocation(True, 50, 50, 40, others=1, strength=80, foreign=True), ""),
        (CellLocation(False, 50, 50, 40, others=1), ""),
    ],
)
def test_what_else_a_picture_shows_is_noted_where_a_cell_is_judged(location, note):
    assert note_of(location, (120, 160)) == note
