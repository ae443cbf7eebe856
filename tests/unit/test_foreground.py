"""A cell cut out on black is found and cropped alike, however wide its black frame is."""

import csv

import cv2
import numpy as np
import pytest

from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.foreground import locate_foreground
from wbc_core.imaging.localisation import locate_cell
from wbc_core.imaging.preprocessing import FOREGROUND_MARGIN, Preprocessing
from wbc_core.imaging.quality import assess_quality

DEFINITION = Preprocessing(size=96, crop="foreground")
STAIN = (70, 30, 85)


def cut_out(size=224, x=0.5, y=0.5, wide=0.5, high=0.6):
    """Draw one mottled ellipse on black; centre and axes in shares of the side."""
    picture = np.zeros((size, size, 3), np.uint8)
    centre, axes = (round(x * size), round(y * size)), (round(wide * size / 2), round(high * size / 2))
    cv2.ellipse(picture, centre, axes, 0, 0, 360, STAIN, -1)
    cv2.circle(picture, (centre[0] + size // 12, centre[1]), size // 14, (95, 50, 105), -1, cv2.LINE_AA)
    return picture


def test_the_whole_cell_is_located():
    location = locate_foreground(cut_out(200, 0.45, 0.55, 0.4, 0.6))
    assert location.found
    assert location.cut_out
    assert location.convincing
    assert (location.x, location.y) == pytest.approx((90, 110), abs=1)
    assert location.diameter == pytest.approx(120, abs=2)


def test_the_crop_is_the_cell_and_a_small_margin_on_black():
    crop = DEFINITION.apply(cut_out())
    rows, columns = np.nonzero(crop.max(axis=2) > 16)
    assert np.ptp(rows) + 1 == pytest.approx(96 / FOREGROUND_MARGIN, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((47.5, 47.5), abs=1)
    assert crop[:3].max() == 0


def test_a_wider_frame_gives_the_same_crop():
    reduced = cut_out()
    published = np.zeros((450, 450, 3), np.uint8)
    published[85:365, 85:365] = cv2.resize(reduced, (280, 280), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(DEFINITION.apply(published).astype(int) - DEFINITION.apply(reduced))
    assert difference.mean() < 2


def test_a_cell_at_the_edge_is_padded_with_black():
    crop = DEFINITION.apply(cut_out(x=0.25))
    assert crop[:, :4].max() == 0
    assert crop.shape == (96, 96, 3)


def test_specks_beside_the_cell_do_not_widen_the_crop():
    picture = cut_out()
    picture[3:9, 3:9] = STAIN
    assert locate_foreground(picture) == locate_foreground(cut_out())


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((100, 140, 3), np.uint8),
        np.full((100, 140, 3), (236, 226, 222), np.uint8),
        cv2.circle(np.zeros((140, 140, 3), np.uint8), (70, 70), 69, (230, 190, 185), -1),
    ],
    ids=["black", "empty slide", "round field of red cells"],
)
def test_without_a_stained_cell_on_black_the_central_square_is_taken(picture):
    location = locate_foreground(picture)
    height, width = picture.shape[:2]
    assert not location.found
    assert DEFINITION.window(height, width, location) == (width / 2, height / 2, min(height, width))


def test_the_light_is_not_judged_where_there_is_no_slide():
    picture = cut_out()
    assert assess_quality(picture, locate_foreground(picture)) == ()
    assert "underexposed" in {warning.code for warning in assess_quality(picture, locate_cell(picture))}


def test_every_tenth_validation_picture_of_the_bone_marrow_study_shows_a_cell(data_dir):
    with (data_dir / "cnmc" / "split.csv").open(newline="") as stream:
        files = [row["file"] for row in csv.DictReader(stream) if row["split"] == "val"][::10]
    for file in files:
        location = DEFINITION.locate(read_image(data_dir / "cnmc" / file).pixels)
        assert location.convincing, file
        assert location.cut_out, file
