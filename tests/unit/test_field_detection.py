"""Cells of whole fields are found whole, once, and whatever camera, light or magnification the field comes from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.datasets.synthetic_fields import render_field, um_per_pixel
from wbc_core.errors import DatasetError, ImageError
from wbc_core.smear.fields.cells import FieldCells
from wbc_core.smear.fields.finding import find_cells
from wbc_core.smear.fields.scale import scale_of

LABELS = (("neutrophil", "lymphocyte", "platelet"), ("monocyte", "eosinophil", "neutrophil"))
LEUKOCYTES = {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)}
SIDE = 200


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return render_field(LABELS, seed=3, side=SIDE)


def squares(found: FieldCells, side: float, kind: str = "wbc") -> list[tuple[int, int]]:
    """Row and column of the drawn square in which each cell's middle lies, near the square's own middle."""
    places = []
    for cell in found.of_kind(kind):
        x, y = (cell.xmin + cell.xmax) / 2 / side, (cell.ymin + cell.ymax) / 2 / side
        assert abs(x % 1 - 0.5) < 0.12 and abs(y % 1 - 0.5) < 0.12
        places.append((int(y), int(x)))
    return sorted(places)


def test_every_leukocyte_is_found_once_and_whole(field):
    found = find_cells(field)
    assert set(squares(found, SIDE)) == LEUKOCYTES and len(found.of_kind("wbc")) == len(LEUKOCYTES)
    for cell in found.of_kind("wbc"):
        assert 8 < cell.diameter * um_per_pixel(SIDE) < 20
        assert cell.counted and not cell.cut


def test_a_platelet_is_no_leukocyte(field):
    assert (0, 2) in squares(find_cells(field), SIDE, "platelet")


@pytest.mark.parametrize("factor", [0.5, 1.7, 3.0])
def test_scale_keeps_the_cells(field, factor):
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(field, None, fx=factor, fy=factor, interpolation=way)
    assert set(squares(find_cells(resized), SIDE * factor)) == LEUKOCYTES


@pytest.mark.parametrize("gains", [(1.0, 0.9, 0.75), (0.78, 0.95, 1.0), (0.7, 0.7, 0.7)])
def test_lamp_and_white_balance_keep_the_cells(field, gains):
    changed = (field * np.array(gains)).astype(np.uint8)
    assert set(squares(find_cells(changed), SIDE)) == LEUKOCYTES


def test_turning_keeps_the_cells(field):
    found = find_cells(np.ascontiguousarray(field[::-1, ::-1]))
    assert set(squares(found, SIDE)) == {(1 - row, 2 - column) for row, column in LEUKOCYTES}


def test_touching_cells_are_parted(field):
    touching = field.copy()
    reach = 34
    disc = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= 30
    drawn = render_cell("lymphocyte", seed=5, size=SIDE)
    body = drawn[100 - reach : 100 + reach + 1, 100 - reach : 100 + reach + 1]
    for x in (473, 473 + 54):
        window = touching[100 - reach : 100 + reach + 1, x - reach : x + reach + 1]
        window[disc] = body[disc]
    there = [cell for cell in find_cells(touching).of_kind("wbc") if cell.xmin > 410 and cell.ymax < 200]
    assert len(there) == 2
    assert {round((cell.xmin + cell.xmax) / 2 / 54) for cell in there} == {9, 10}


@pytest.mark.parametrize(
    ("cutting", "counted"),
    [
        ((slice(100, None), slice(None)), True),  # the upper edge cuts
        ((slice(None), slice(100, None)), True),  # the left edge
        ((slice(None, 300), slice(None)), False),  # the lower edge
        ((slice(None), slice(None, 500)), False),  # the right edge
    ],
)
def test_a_cell_on_the_border_counts_on_two_sides_only(field, cutting, counted):
    cut = [cell for cell in find_cells(np.ascontiguousarray(field[cutting])).of_kind("wbc") if cell.cut]
    assert cut
    assert all(cell.counted is counted for cell in cut)


def test_a_given_scale_goes_before_the_red_cells(field):
    found = find_cells(field, um_per_pixel(SIDE))
    assert set(squares(found, SIDE)) == LEUKOCYTES
    assert found.red_cell == pytest.approx(40.0)
    (note,) = find_cells(field, 3 * um_per_pixel(SIDE)).notes
    assert note.startswith("At the given scale the red cells would be 2") and note.endswith("7 to 8 µm is usual.")


def test_the_scale_is_refused_below_thirty_round_red_cells():
    assert scale_of([40.0] * 29) is None
    scale = scale_of([38.0, 40.0, 42.0] * 10)
    assert scale is not None and not scale.given
    assert scale.um_per_pixel == pytest.approx(7.5 / 40)
    assert 0.067 < scale.error / scale.um_per_pixel < 0.08  # a red cell is 7 to 8 µm wide
    assert scale_of([40.0] * 50, given=0.1) == scale_of((), given=0.1)


def test_the_scale_of_drawn_red_cells_is_true_within_its_error():
    field = render_field((("platelet",) * 5,) * 4, seed=11, side=SIDE)
    scale = scale_of(find_cells(field).round_red_cells)
    assert scale is not None
    assert abs(scale.um_per_pixel - um_per_pixel(SIDE)) < scale.error


@pytest.mark.parametrize("scale", [0.0, -1.0, 5.0, float("nan")])
def test_a_scale_that_no_pixel_has_is_refused(scale):
    with pytest.raises(ImageError) as refused:
        scale_of((), scale)
    assert str(refused.value) == (
        f"A scale of {scale:g} µm per pixel was given; between 0.005 and 2 was expected."
        " Divide the µm of a stage micrometer by the pixels they cover."
    )


def _colourful() -> np.ndarray:
    rows, columns = np.mgrid[0:300, 0:400]
    return np.stack([60 + 40 * np.sin(rows / 30), 150 + 80 * np.sin(columns / 25), 50 + columns / 8], axis=2).astype(
        np.uint8
    )


@pytest.mark.parametrize(
    ("pixels", "reason", "message"),
    [
        (
            np.full((300, 400, 3), 230, np.uint8),
            "no_red_cells",
            "No red cells were found to tell the magnification by.",
        ),
        (np.zeros((300, 400, 3), np.uint8), "too_dark", "The picture is too dark to find cells in."),
        (_colourful(), "not_a_field", "The picture has colours that no blood film stained after Romanowsky has."),
    ],
)
def test_what_is_no_field_is_named_and_not_counted(pixels, reason, message):
    found = find_cells(pixels)
    assert (found.reason, found.message, found.cells) == (reason, message, ())
    assert found.hint


def test_too_weak_an_objective_is_named(field):
    found = find_cells(cv2.resize(field, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA))
    assert found.reason in {"magnification_too_low", "no_red_cells"}
    assert not found.cells


def test_a_phone_picture_through_the_eyepiece_leaves_the_dark_out(field):
    rows, columns = np.mgrid[0 : 2 * SIDE, 0 : 3 * SIDE]
    seen = field.copy()
    seen[np.hypot(rows - SIDE, columns - 1.5 * SIDE) > 195] = 4
    found = find_cells(seen)
    (note,) = found.notes
    assert note.startswith("Dark surroundings, 5") and note.endswith("cells at their edge count as cut.")
    assert {(0, 1), (1, 1)} <= {
        (int(c.ymin + c.ymax) // 2 // SIDE, int(c.xmin + c.xmax) // 2 // SIDE)
        for c in found.of_kind("wbc")
        if not c.cut
    }


def test_a_field_larger_than_a_tile_keeps_each_cell_once(field, monkeypatch):
    monkeypatch.setattr("wbc_core.smear.fields.finding.TILE", 230)
    found = find_cells(field)
    assert squares(found, SIDE) == sorted(LEUKOCYTES)


def test_rows_of_a_drawn_field_have_one_length():
    with pytest.raises(DatasetError, match="expected rows of one length"):
        render_field((("neutrophil",), ()), seed=1)
