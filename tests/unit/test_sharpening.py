"""Blurred pictures are sharpened by what they lack; sharp and noisy ones are left alone."""

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.imaging.sharpening import SHARP, sharpen, sharpness


def cell(size=128):
    return render_cell("neutrophil", seed=3, size=size)


def blurred(picture, width):
    return cv2.GaussianBlur(picture, (0, 0), width)


def test_more_blur_is_less_sharp():
    measured = [sharpness(blurred(cell(), width)) for width in (0.7, 1.0, 1.6, 2.4)]
    assert measured == sorted(measured, reverse=True)


@pytest.mark.parametrize("width", [1.0, 1.6, 2.4])
def test_a_blurred_picture_becomes_sharper(width):
    soft = blurred(cell(), width)
    assert sharpness(sharpen(soft)) > 1.1 * sharpness(soft)


def test_a_picture_that_lacks_less_is_changed_less():
    slight, strong = blurred(cell(), 0.5), blurred(cell(), 1.2)
    change = [np.abs(sharpen(each).astype(int) - each).mean() for each in (slight, strong)]
    assert change[0] < change[1] / 2


def test_a_blurred_picture_comes_nearer_to_the_original():
    picture = cell()
    soft = blurred(picture, 1.5)
    before, after = (np.abs(each.astype(int) - picture).mean() for each in (soft, sharpen(soft)))
    assert after < before


def test_a_sharp_picture_is_returned_as_it_is():
    noisy = np.clip(cell().astype(int) + np.random.default_rng(0).normal(0, 20, (128, 128, 1)), 0, 255).astype(np.uint8)
    assert sharpness(noisy) > SHARP
    assert np.array_equal(sharpen(noisy), noisy)


def test_faint_noise_on_a_smooth_picture_is_not_amplified():
    ramp = np.repeat(np.linspace(80, 220, 128)[None, :, None], 128, axis=0).repeat(3, axis=2)
    noisy = np.clip(ramp + np.random.default_rng(0).normal(0, 0.6, (128, 128, 1)), 0, 255).astype(np.uint8)
    assert sharpness(noisy) < SHARP
    inside = slice(16, -16)
    before, after = ((each - ramp)[:, inside].std() for each in (noisy, sharpen(noisy)))
    assert after < 1.05 * before


@pytest.mark.parametrize("size", [192, 288, 384])
def test_sharpness_does_not_follow_the_size(size):
    picture = blurred(cell(384), 4.0)
    smaller = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    assert sharpness(smaller) == pytest.approx(sharpness(picture), rel=0.1)


def test_the_edge_of_a_cut_out_cell_gets_no_halo():
    picture = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(picture, (48, 48), 40, (70, 30, 85), -1)
    shade = np.linspace(0, 30, 96)[None, :, None] * (picture > 0)
    picture = (picture + shade).astype(np.uint8)
    assert sharpness(picture) < SHARP
    assert np.abs(sharpen(picture).astype(int) - picture).max() <= 2


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (236, 226, 222)])
def test_a_picture_of_one_colour_stays_as_it_is(colour):
    picture = np.full((64, 64, 3), colour, np.uint8)
    assert np.array_equal(sharpen(picture), picture)


def test_the_same_picture_gives_the_same_crop():
    definition = Preprocessing(size=96, sharpening="adaptive")
    picture = blurred(cell(240), 2.5)
    crop = definition.apply(picture)
    assert crop.dtype == np.uint8
    assert np.array_equal(crop, definition.apply(picture.copy()))
    assert not np.array_equal(crop, Preprocessing(size=96).apply(picture))
