"""The cell is found where it is, at every scale, and nothing is found on an empty slide."""

import cv2
import numpy as np
import pytest

from wbc_core.datasets.sources import read_split
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.localisation import locate_cell

SLIDE, RED_CELL, NUCLEUS = (236, 226, 222), (222, 178, 176), (98, 48, 140)


def smear(size: int, nuclei: list[tuple[float, float, float]]) -> np.ndarray:
    """Draw nuclei, given as centre and diameter in shares of the side, among red cells."""
    picture = np.full((size, size, 3), SLIDE, np.uint8)
    rng = np.random.default_rng(3)
    for x, y in rng.uniform(0, size, (12, 2)):
        cv2.circle(picture, (int(x), int(y)), int(size * 0.09), RED_CELL, -1, cv2.LINE_AA)
    for x, y, diameter in nuclei:
        cv2.circle(picture, (round(x * size), round(y * size)), round(diameter * size / 2), NUCLEUS, -1, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("size", [60, 120, 360, 575, 1400])
@pytest.mark.parametrize("nucleus", [(0.5, 0.5, 0.2), (0.3, 0.65, 0.3), (0.5, 0.5, 0.7)])
def test_a_nucleus_is_found_where_it_was_drawn(size, nucleus):
    location = locate_cell(smear(size, [nucleus]))
    x, y, diameter = (value * size for value in nucleus)
    assert location.found
    assert np.hypot(location.x - x, location.y - y) < 0.04 * size
    assert location.diameter == pytest.approx(diameter, rel=0.15)
    assert location.others == 0


def test_two_nuclei_are_counted_as_two():
    assert locate_cell(smear(300, [(0.3, 0.3, 0.2), (0.7, 0.7, 0.2)])).others == 1


def test_the_larger_and_more_central_of_two_is_chosen():
    location = locate_cell(smear(300, [(0.5, 0.5, 0.28), (0.12, 0.1, 0.12)]))
    assert np.hypot(location.x - 150, location.y - 150) < 12


@pytest.mark.parametrize(
    "picture",
    [
        np.full((200, 200, 3), 255, np.uint8),
        np.zeros((200, 200, 3), np.uint8),
        np.full((200, 300, 3), SLIDE, np.uint8),
    ],
    ids=["white", "black", "empty slide"],
)
def test_nothing_is_found_where_no_nucleus_is(picture):
    location = locate_cell(picture)
    assert not location.found
    assert (location.x, location.y) == (picture.shape[1] / 2, picture.shape[0] / 2)


def test_red_cells_alone_do_not_convince():
    assert not locate_cell(smear(300, [])).convincing
    assert locate_cell(smear(300, [(0.5, 0.5, 0.3)])).convincing


@pytest.mark.data
@pytest.mark.parametrize(("source", "least"), [("pbc", 0.99), ("raabin", 0.99), ("kaggle", 0.96)])
def test_a_cell_is_found_in_real_pictures_of_three_laboratories(data_dir, source, least):
    images = read_split(data_dir / source, "train")
    chosen = images[:: max(1, len(images) // 150)]
    found = [locate_cell(read_image(image.path).pixels).convincing for image in chosen]
    assert np.mean(found) >= least
