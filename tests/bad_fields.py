"""Drawn pictures that are no countable field of a blood film, or are one to beware of."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from wbc_core.datasets.synthetic import render_cell
from wbc_core.datasets.synthetic_fields import render_field

Pixels = np.ndarray
SLIDE = (236, 232, 238)
RED = (214, 158, 150)
RED_CELL = 40
"""Width of a red cell in pixels of every picture here, 5 to a square of 200 pixels."""

# Optical densities of two stains in red, green and blue light (Ruifrok and Johnston 2001): nuclei, then red cells.
ROMANOWSKY = ((0.62, 0.74, 0.22), (0.08, 0.75, 0.62))
STAINS = {
    "haematoxylin and eosin": ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11)),
    "Papanicolaou": ((0.75, 0.60, 0.25), (0.90, 0.25, 0.35)),
    "immunoperoxidase": ((0.27, 0.57, 0.78), (0.65, 0.70, 0.29)),
    "Gram": ((0.10, 0.80, 0.50), (0.10, 0.80, 0.50)),
    "crystal violet": ((0.55, 0.80, 0.15), (0.55, 0.80, 0.15)),
}
PALE_RED_CELLS = {"immunoperoxidase": 0.4}


def good_field(turn: int = 0) -> Pixels:
    """Five leukocytes and a platelet among red cells that lie side by side: 600 by 400 pixels.

    Each turn, 0 to 7, shows another place: two drawings, each as it is and in three mirrors.
    """
    pixels = _drawn(3 if turn < 4 else 30)
    return np.ascontiguousarray(pixels[:: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1])


@lru_cache(maxsize=2)
def _drawn(seed: int) -> Pixels:
    return render_field((("neutrophil", "lymphocyte", "platelet"), ("monocyte", "eosinophil", "neutrophil")), seed=seed)


def restained(pixels: Pixels, stain: str) -> Pixels:
    """Give a Romanowsky-stained field the colours of another stain: its two densities are parted and mixed anew."""
    slide = np.percentile(pixels.reshape(-1, 3), 95, axis=0)
    density = -np.log10((pixels.reshape(-1, 3) + 1.0) / (slide + 1))
    parted = np.linalg.lstsq(_unit(ROMANOWSKY).T, density.T, rcond=None)[0]
    parted[1] *= PALE_RED_CELLS.get(stain, 1)
    mixed = np.maximum(parted, 0).T @ _unit(STAINS[stain])
    return np.clip((slide + 1) * 10**-mixed - 1, 0, 255).reshape(pixels.shape).astype(np.uint8)


def _unit(vectors: tuple[tuple[float, ...], ...]) -> Pixels:
    rows = np.array(vectors)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cat(*, grey: bool = False) -> Pixels:
    """A ginger cat on a lawn under the sky."""
    rows, columns = np.mgrid[0:480, 0:640]
    picture = np.stack([110 + rows / 12, 160 + rows / 12, 235 - rows / 12], axis=2)
    lawn = rows > 300
    picture[lawn] = np.stack([70 + 25 * np.sin(columns / 7), 140 + 30 * np.sin(rows / 5), 50 + columns / 20], 2)[lawn]
    picture = np.ascontiguousarray(picture.astype(np.uint8))
    coat, dark = (214, 138, 62), (120, 70, 30)
    cv2.ellipse(picture, (320, 340), (150, 100), 0, 0, 360, coat, -1, cv2.LINE_AA)
    cv2.circle(picture, (320, 210), 80, coat, -1, cv2.LINE_AA)
    for side in (-1, 1):
        ear = np.array([(320 + side * 30, 145), (320 + side * 78, 165), (320 + side * 70, 85)])
        cv2.fillPoly(picture, [ear], coat, cv2.LINE_AA)
        cv2.circle(picture, (320 + side * 30, 200), 14, (120, 190, 60), -1, cv2.LINE_AA)
        cv2.circle(picture, (320 + side * 30, 200), 5, (10, 10, 10), -1, cv2.LINE_AA)
        for at in range(-1, 2):
            cv2.line(picture, (320 + side * 20, 240), (320 + side * 110, 235 + 14 * at), (250, 250, 250), 2)
    for at in range(5):
        cv2.line(picture, (240 + 36 * at, 290), (230 + 40 * at, 350), dark, 8, cv2.LINE_AA)
    return as_grey(picture) if grey else picture


def as_grey(pixels: Pixels) -> Pixels:
    """Without colours, as an unstained film in phase contrast is, or a grey photograph."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def thick_part() -> Pixels:
    """Red cells in rolls in which no cell is seen by itself, and leukocytes between them."""
    rng = np.random.default_rng(1)
    rolls = np.zeros((400, 600), np.uint8)
    for y in range(10, 400, 66):
        points = np.stack([np.arange(-40, 660, 70), y + rng.uniform(-16, 16, 10)], axis=1)
        cv2.polylines(rolls, [np.rint(points).astype(np.int32)], isClosed=False, color=1, thickness=RED_CELL - 4)
    light = np.ones((400, 600, 3))
    light[rolls > 0] *= np.array(RED) / np.array(SLIDE)
    for x, y in ((60, 45), (300, 110), (520, 175), (180, 240), (420, 310), (90, 375)):
        light[_disc(light.shape, x, y, RED_CELL / 2)] = np.array(RED) / np.array(SLIDE)
    return _with_leukocytes(_photographed(light), ((150, 120), (450, 280)))


def feathered_edge(*, cobbled: bool = False) -> Pixels:
    """Red cells flat, without a pale middle: far apart, or packed like cobbles."""
    rng = np.random.default_rng(2)
    light = np.ones((400, 600, 3))
    share = np.array(RED) / np.array(SLIDE)
    step = 42 if cobbled else 72
    flat = np.zeros((400, 600), bool)
    for row, y in enumerate(range(0, 400 + step, round(step * 0.87))):
        for x in range(0, 600 + step, step):
            moved = (x + (row % 2) * step / 2 + rng.uniform(-2, 2), y + rng.uniform(-2, 2))
            flat |= _disc(light.shape, *moved, RED_CELL / 2 + rng.uniform(-1, 1.5))
    light[flat] *= share
    return _with_leukocytes(_photographed(light), ((300, 200),))


def marrow() -> Pixels:
    """Nucleated cells side by side, hardly a red cell between them."""
    rng = np.random.default_rng(3)
    light = np.ones((480, 640, 3))
    for _ in range(16):
        light[_disc(light.shape, rng.uniform(0, 640), rng.uniform(0, 480), RED_CELL / 2)] *= np.array(RED) / SLIDE
    picture = _photographed(light)
    places = [(x, y) for y in range(40, 480, 62) for x in range(40, 640, 62)]
    return _with_leukocytes(picture, tuple(places), kinds=("monocyte", "lymphocyte", "erythroblast"))


def eyepiece() -> Pixels:
    """A good field through the eyepiece: a bright circle on black."""
    picture = good_field(6)
    picture[~_disc(picture.shape, 300, 200, 195)] = 4
    return picture


def cut_out_on_black() -> Pixels:
    """One cell in the middle of a black square."""
    picture = render_cell("lymphocyte", seed=5, size=200)
    picture[~_disc(picture.shape, 100, 100, 29)] = 0
    return picture


def weak_objective() -> Pixels:
    """A large field with red cells 8 pixels wide."""
    tiled = np.tile(good_field(), (3, 3, 1))
    return np.asarray(cv2.resize(tiled, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA))


def coarse_field() -> Pixels:
    """A good field with red cells 16 pixels wide."""
    return np.asarray(cv2.resize(good_field(), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))


def strong_objective() -> Pixels:
    """An oblong picture that three red cells fill."""
    part = render_field((("platelet", "platelet"),), seed=4)[40:160, 60:220]
    return np.asarray(cv2.resize(part, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))


def no_leukocyte() -> Pixels:
    """A good field with platelets alone."""
    return render_field((("platelet",) * 3,) * 2, seed=9)


def empty_slide() -> Pixels:
    """Nothing but slide."""
    return np.full((300, 400, 3), 228, np.uint8)


def _disc(shape: tuple[int, ...], x: float, y: float, radius: float) -> Pixels:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


def _photographed(light: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 1.5, light.shape)
    return np.clip(cv2.GaussianBlur(light * np.array(SLIDE), (0, 0), 1.0) + noise, 0, 255).astype(np.uint8)


def _with_leukocytes(
    picture: Pixels, places: tuple[tuple[int, int], ...], kinds: tuple[str, ...] = ("neutrophil",)
) -> Pixels:
    for number, (x, y) in enumerate(places):
        drawn = render_cell(kinds[number % len(kinds)], seed=number, size=200)
        reach = 36
        body = drawn[100 - reach : 100 + reach, 100 - reach : 100 + reach]
        stained = _disc(body.shape, reach, reach, 31)
        top, left = max(0, y - reach), max(0, x - reach)
        window = picture[top : y + reach, left : x + reach]
        inside = (slice(top - y + reach, top - y + reach + len(window)), slice(left - x + reach, None))
        own = stained[inside][:, : window.shape[1]]
        window[own] = body[inside][:, : window.shape[1]][own]
    return picture
