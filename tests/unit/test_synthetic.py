"""Drawn cells keep their promises: same seed same picture, true sizes, stains that part the types."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import FIELD_UM, render_cell
from wbc_core.errors import DatasetError
from wbc_core.imaging.localisation import locate_cell


def _stained_um2(picture: np.ndarray) -> float:
    """Area in µm² of everything stained purple or blue (nuclei, basophilic cytoplasm, granules)."""
    colours = picture.astype(np.int16)
    purple = (colours[..., 2] - colours[..., 1]) > 12
    return float(purple.sum()) * (FIELD_UM / picture.shape[0]) ** 2


@pytest.mark.parametrize("label", CELL_TYPES)
def test_a_picture_is_rgb_of_the_asked_size_and_repeats_for_its_seed(label: str) -> None:
    first = render_cell(label, seed=5, size=200)
    assert first.shape == (200, 200, 3)
    assert first.dtype == np.uint8
    assert first.flags["C_CONTIGUOUS"]
    assert np.array_equal(first, render_cell(label, seed=5, size=200))
    assert not np.array_equal(first, render_cell(label, seed=6, size=200))


@pytest.mark.parametrize("label", CELL_TYPES)
@pytest.mark.parametrize("seed", [0, 1, 2, 11])
def test_the_drawn_cell_is_the_one_the_locator_finds(label: str, seed: int) -> None:
    location = locate_cell(render_cell(label, seed=seed))
    assert location.found
    assert abs(location.x - 180) < 45
    assert abs(location.y - 180) < 45


def test_sizes_rank_as_on_the_film() -> None:
    def area(label: str) -> float:
        return float(np.mean([_stained_um2(render_cell(label, seed=seed)) for seed in range(4)]))

    assert area("platelet") < 20
    assert area("platelet") < area("erythroblast") < area("immature_granulocyte")
    assert area("lymphocyte") < area("monocyte")


def test_eosinophil_granules_are_orange_and_basophil_granules_are_dark() -> None:
    def centre_colour(label: str) -> np.ndarray:
        patches = [render_cell(label, seed=seed)[140:220, 140:220].reshape(-1, 3) for seed in range(4)]
        return np.concatenate(patches).mean(axis=0)

    eosinophil, basophil = centre_colour("eosinophil"), centre_colour("basophil")
    assert eosinophil[0] > eosinophil[2]  # more red than blue
    assert basophil[2] > basophil[0]
    assert basophil.mean() < eosinophil.mean() - 30


def test_red_cells_of_seven_and_a_half_micrometres_surround_the_cell() -> None:
    diameters = []
    for seed in range(6):
        green = cv2.GaussianBlur(render_cell("platelet", seed=seed)[..., 1], (0, 0), 1)
        filled = cv2.morphologyEx((green < 205).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(filled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            x, y, width, height = cv2.boundingRect(outline)
            area = cv2.contourArea(outline)
            whole = x > 1 and y > 1 and x + width < 358 and y + height < 358
            if whole and area > 1500 and area > 0.72 * width * height and max(width, height) < 1.3 * min(width, height):
                diameters.append(2 * np.sqrt(area / np.pi) * FIELD_UM / 360)
    assert len(diameters) >= 10  # cells that stand alone
    assert 7.0 < float(np.median(diameters)) < 8.0


@pytest.mark.parametrize(
    ("label", "seed", "size", "words"),
    [
        ("blast", 0, 360, "No drawing exists for “blast”."),
        ("neutrophil", -1, 360, "Received size 360 and seed -1"),
        ("neutrophil", 0, 20, "Received size 20 and seed 0"),
    ],
)
def test_impossible_requests_are_refused_with_what_was_expected(label: str, seed: int, size: int, words: str) -> None:
    with pytest.raises(DatasetError) as caught:
        render_cell(label, seed=seed, size=size)
    assert caught.value.message.startswith(words)
    assert caught.value.hint
