"""Smudge cells, deposits of stain and dirt have classes of their own; leukocytes stay what they are."""

from __future__ import annotations

import numpy as np
import pytest

from tests.drawn_debris import dirt, smudge_cell, stain_deposit
from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic_fields import render_field
from wbc_core.inference.classifier import load_classifier
from wbc_core.services.differential import count_answers
from wbc_core.services.field_results import as_rows, as_summary
from wbc_core.services.field_totals import totals_of
from wbc_core.services.fields import find_in_field
from wbc_core.smear.case import Case
from wbc_core.smear.fields.finding import find_cells
from wbc_core.ui.field_one import boxes_of

SIDE = 200
RED_CELL = 40.0
FREE = (300, 300)  # the middle of a square of the field below whose platelet is covered


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    pixels = render_field((("neutrophil", "lymphocyte"), ("monocyte", "platelet")), seed=3, side=SIDE)
    pixels[270:330, 270:330] = np.percentile(pixels[::7, ::7].reshape(-1, 3), 85, axis=0)
    return pixels


def kinds(field: np.ndarray) -> dict[str, int]:
    found = find_cells(field)
    return {kind: len(found.of_kind(kind)) for kind in ("wbc", "smudge_cell", "artefact")}


def test_the_differential_counts_smudge_cells_outside_per_100_leukocytes(field, tmp_path):
    changed = field.copy()
    smudge_cell(changed, *FREE, seed=2, red_cell=RED_CELL)
    install_tiny_model(tmp_path, "tiny", "Tiny", CELL_TYPES)
    result = find_in_field(changed, "field.png", load_classifier(tmp_path / "tiny"))
    totals = totals_of([result])
    assert sum(totals.classified.values()) + sum(totals.reasons.values()) == 3
    counted = count_answers(CELL_TYPES, {"neutrophil": 4}, {}, Case(), outside=totals.debris)
    (outside,) = counted.outside
    assert (outside.label, outside.count, outside.per_100) == ("smudge_cell", 1, 25.0)
    assert as_summary(result)["smudge_cells"] == 1
    (row,) = [row for row in as_rows(result) if row["kind"] == "smudge_cell"]
    assert (row["label"], row["status"], row["confidence"]) == ("smudge_cell", "found", "")
    assert any(box.style == "smudge_cell" and box.words == "Smudge cell" for box in boxes_of(result, ["smudge_cell"]))


def at(field: np.ndarray, place: tuple[int, int]) -> list[str]:
    """Kinds of what is found around a place, red cells left out."""
    return [
        cell.kind
        for cell in find_cells(field).cells
        if cell.kind != "rbc" and cell.xmin < place[0] < cell.xmax and cell.ymin < place[1] < cell.ymax
    ]


def test_a_clean_field_has_leukocytes_alone(field):
    assert kinds(field) == {"wbc": 3, "smudge_cell": 0, "artefact": 0}


@pytest.mark.parametrize("seed", range(6))
def test_a_smudge_cell_is_no_leukocyte(field, seed):
    changed = field.copy()
    smudge_cell(changed, *FREE, seed=seed, red_cell=RED_CELL)
    assert kinds(changed) == {"wbc": 3, "smudge_cell": 1, "artefact": 0}


@pytest.mark.parametrize("seed", range(3))
def test_a_heap_of_stain_grains_is_no_leukocyte(field, seed):
    changed = field.copy()
    stain_deposit(changed, *FREE, seed=seed, red_cell=RED_CELL)
    assert kinds(changed)["wbc"] == 3


@pytest.mark.parametrize("width", [0.35, 0.8, 1.4])
def test_black_dirt_is_an_artefact_of_any_size(field, width):
    changed = field.copy()
    dirt(changed, *FREE, seed=1, red_cell=RED_CELL, width=width)
    assert kinds(changed) == {"wbc": 3, "smudge_cell": 0, "artefact": 1}
    assert at(changed, FREE) == ["artefact"]
