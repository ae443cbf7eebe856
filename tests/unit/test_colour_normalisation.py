"""Pictures of one cell under different lamps and stains come to the same colours; black stays black."""

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.colour_normalisation import CUT_OUT, MOST_GAIN, ON_SLIDE, lab_statistics, normalise_colour
from wbc_core.imaging.foreground import lit_pixels
from wbc_core.imaging.preprocessing import Preprocessing

WARM = np.array([1.0, 0.92, 0.8])


def everything(picture):
    return np.ones(picture.shape[:2], np.bool_)


def cut_out(stain=(70, 30, 85)):
    picture = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(picture, (48, 48), 40, stain, -1)
    cv2.circle(picture, (58, 48), 16, tuple(round(value * 1.3) for value in stain), -1)
    return picture


def test_mean_and_deviation_reach_the_target():
    picture = normalise_colour(render_cell("neutrophil", seed=2, size=96))
    mean, deviation = lab_statistics(picture, everything(picture))
    # Colours outside RGB are clipped, so that the target is met but for a few units.
    assert mean == pytest.approx(ON_SLIDE.mean, abs=3)
    assert deviation == pytest.approx(ON_SLIDE.deviation, rel=0.25)


def test_another_lamp_gives_nearly_the_same_picture():
    picture = render_cell("eosinophil", seed=5, size=96)
    warm = np.clip(picture * WARM, 0, 255).astype(np.uint8)
    before = np.abs(picture.astype(int) - warm).mean()
    after = np.abs(normalise_colour(picture).astype(int) - normalise_colour(warm)).mean()
    assert after < before / 3


def test_an_empty_slide_is_not_blown_up_into_noise():
    rng = np.random.default_rng(0)
    slide = np.clip(rng.normal(225, 1.5, (64, 64, 3)), 0, 255).astype(np.uint8)
    gain = lab_statistics(normalise_colour(slide), everything(slide))[1] / lab_statistics(slide, everything(slide))[1]
    assert gain.max() < MOST_GAIN * 1.2


def test_black_neither_counts_nor_changes():
    picture = cut_out()
    result = normalise_colour(picture, cut_out=True)
    black = ~lit_pixels(picture)
    assert not result[black].any()
    mean, _ = lab_statistics(result, ~black)
    assert mean == pytest.approx(CUT_OUT.mean, abs=2)


def test_two_stains_of_a_cut_out_cell_come_together():
    definition = Preprocessing(size=96, crop="foreground", colour_normalisation="reinhard")
    crops = [definition.apply(cut_out(stain)).astype(int) for stain in ((70, 30, 85), (90, 45, 90))]
    plain = [
        Preprocessing(size=96, crop="foreground").apply(cut_out(s)).astype(int) for s in ((70, 30, 85), (90, 45, 90))
    ]
    assert np.abs(crops[0] - crops[1]).mean() < np.abs(plain[0] - plain[1]).mean() / 3


def test_an_all_black_picture_stays_as_it_is():
    assert not normalise_colour(np.zeros((32, 32, 3), np.uint8)).any()
