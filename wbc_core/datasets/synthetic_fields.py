"""Drawn fields of several stained cells among red cells, for tests and first visits, never training evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.synthetic import FIELD_UM, render_cell
from wbc_core.errors import DatasetError


def render_field(rows: Sequence[Sequence[str]], *, seed: int, side: int = 200) -> NDArray[np.uint8]:
    """Draw a field as a table of squares, each with one cell in its middle and red cells around it.

    Parameters
    ----------
    rows : sequence of sequences of str
        Labels of the cells, row by row; all rows of one length.
    seed : int
        The same labels, seed and side give the same picture.
    side : int, default 200
        Edge of a square in pixels; one pixel is ``FIELD_UM / side`` µm.

    Returns
    -------
    ndarray of uint8, shape (len(rows) * side, len(rows[0]) * side, 3)
        RGB; the middle of the cell in row i and column k lies at ``((k + 0.5) * side, (i + 0.5) * side)``.

    Raises
    ------
    DatasetError
        If there is no cell or the rows differ in length; see :func:`wbc_core.datasets.synthetic.render_cell`.
    """
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or 0 in lengths:
        raise DatasetError(
            f"Received rows of {sorted(lengths)} cells, expected rows of one length.", "Name as many cells in each row."
        )
    columns = lengths.pop()
    bands = [
        np.concatenate(
            [render_cell(label, seed=seed + number * columns + at, size=side) for at, label in enumerate(row)], axis=1
        )
        for number, row in enumerate(rows)
    ]
    return np.ascontiguousarray(np.concatenate(bands, axis=0))


def um_per_pixel(side: int) -> float:
    """Return the true scale of a field whose squares have this edge in pixels."""
    return FIELD_UM / side
