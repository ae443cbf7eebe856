"""The network sees the located cell at one scale, whatever the picture's size and framing."""

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.localisation import CellLocation
from wbc_core.imaging.preprocessing import Preprocessing, slide_colour

DEFINITION = Preprocessing(size=96)


def disc(size, x, y, diameter, ground=(240, 230, 225)):
    picture = np.full((size, size, 3), ground, np.uint8)
    cv2.circle(picture, (round(x), round(y)), round(diameter / 2), (90, 40, 130), -1, cv2.LINE_AA)
    return picture


def nucleus_in(crop):
    """Return centre and diameter, in shares of the side, of what is dark in a crop."""
    rows, columns = np.nonzero(crop[..., 1] < 140)
    side = crop.shape[0]
    return columns.mean() / side, rows.mean() / side, (np.ptp(columns) + 1) / side


@pytest.mark.parametrize("size", [120, 224, 360, 575])
def test_the_nucleus_comes_to_the_same_place_and_scale_from_any_size(size):
    location = CellLocation(True, 0.4 * size, 0.55 * size, 0.3 * size)
    crop = DEFINITION.apply(disc(size, location.x, location.y, location.diameter), location)
    x, y, diameter = nucleus_in(crop)
    assert crop.shape == (96, 96, 3)
    assert crop.dtype == np.uint8
    assert (x, y) == pytest.approx((0.5, 0.5), abs=0.03)
    assert diameter == pytest.approx(1 / DEFINITION.context, abs=0.04)


def test_outside_the_picture_lies_empty_slide():
    location = CellLocation(True, 4, 4, 60)
    crop = DEFINITION.apply(disc(120, 4, 4, 60), location)
    assert np.abs(crop[:20, :20].astype(int) - (240, 230, 225)).max() <= 2


def test_a_tiny_region_keeps_some_surroundings():
    _, _, side = DEFINITION.window(200, 300, CellLocation(True, 100, 100, 5))
    assert side == pytest.approx(DEFINITION.least_side * 200)


def test_without_a_cell_the_central_square_is_taken():
    assert DEFINITION.window(100, 300, CellLocation(False, 150, 50, 50)) == (150, 50, 100)


def test_a_wider_crop_holds_the_plain_crop_in_its_middle():
    picture = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 4)
    location = CellLocation(True, 150, 150, 60)
    plain = DEFINITION.apply(picture, location)
    wide = DEFINITION.apply(picture, location, margin=1.5)
    assert wide.shape == (144, 144, 3)
    assert np.abs(wide[24:120, 24:120].astype(int) - plain).mean() < 2


def test_the_digest_follows_the_definition():
    assert Preprocessing().digest() == Preprocessing().digest()
    assert Preprocessing().digest() != Preprocessing(context=2.0).digest()
    with pytest.raises(ValidationError):
        Preprocessing(sharpen=True)


def test_definitions_without_later_options_keep_their_digest():
    # Caches and cards made before the options existed stay valid.
    assert Preprocessing().digest() == "be693c6afae0898ea02654f18695ed739591085531fccd5b2d22c1d54d1e63d6"
    older = Preprocessing(size=96, crop="centre", context=2.0)
    assert older.digest() == "45c24a35d72ed711b61a412871b8b2b50ad11d08bc4cd3c43f8c762e5d391d54"
    assert Preprocessing.model_validate_json(older.model_dump_json()).digest() == older.digest()


@pytest.mark.parametrize(
    "option",
    [{"sharpening": "adaptive"}, {"super_resolution": "fsrcnn_x2"}, {"colour_normalisation": "reinhard"}],
    ids=str,
)
def test_every_option_that_is_used_changes_the_digest(option):
    assert Preprocessing(**option).digest() != Preprocessing().digest()


@pytest.mark.parametrize("option", [{"sharpening": "adaptive"}, {"colour_normalisation": "reinhard"}], ids=str)
def test_the_options_treat_a_wider_crop_like_the_plain_one(option):
    definition = Preprocessing(size=96, **option)
    picture = cv2.GaussianBlur(render_cell("monocyte", seed=7, size=300), (0, 0), 2.5)
    location = CellLocation(True, 150, 150, 60)
    plain, wide = definition.apply(picture, location), definition.apply(picture, location, margin=1.5)
    assert wide.shape == (144, 144, 3)
    assert np.abs(wide[24:120, 24:120].astype(int) - plain).mean() < 2


def test_the_slide_is_the_bright_part():
    assert slide_colour(disc(100, 50, 50, 60, (230, 210, 200))).tolist() == [230, 210, 200]
