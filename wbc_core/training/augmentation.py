"""Training pictures varied as other laboratories vary them: stain, lamp, camera, magnification, framing, orientation.

Colour follows the idea of stain augmentation by colour statistics (RandStainNA, Shen et al. 2022, arXiv:2206.12694) on
Reinhard's transfer of means and deviations in L*a*b* (Reinhard et al. 2001, doi:10.1109/38.946629), with statistics
drawn from the other training laboratories and widened at random.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.preprocessing import slide_colour

MARGIN = 1.625
"""Width of a training crop in network inputs: room to rotate, shrink and shift without meeting its border."""

_LAB_SCALE = np.array([255 / 100, 1.0, 1.0])
_LAB_OFFSET = np.array([0.0, 128.0, 128.0])
_LEVELS = np.linspace(0, 1, 256)[:, None]


def colour_statistics(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return mean and standard deviation of L*, a* and b* of the crop's middle.

    Parameters
    ----------
    crop : ndarray of uint8, shape (side, side, 3)
        Training crop in RGB, ``MARGIN`` inputs wide.

    Returns
    -------
    ndarray of float32, shape (2, 3)
        Means, then standard deviations.
    """
    edge = round(crop.shape[0] * (1 - 1 / MARGIN) / 2)
    middle = crop[edge:-edge:2, edge:-edge:2].astype(np.float32) / 255
    values = cv2.cvtColor(middle, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    return np.stack([values.mean(axis=0), values.std(axis=0)]).astype(np.float32)


def augment(
    crop: NDArray[np.uint8],
    size: int,
    rng: np.random.Generator,
    statistics: NDArray[np.float32],
    strength: float = 1.0,
) -> NDArray[np.uint8]:
    """Vary one training crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (side, side, 3)
        Crop in RGB, ``MARGIN`` inputs wide, the cell in its middle.
    size : int
        Side of the result in pixels.
    rng : numpy.random.Generator
        Source of every choice made here.
    statistics : ndarray of float32, shape (pictures, 2, 3)
        Colour statistics of training pictures to draw from, see :func:`colour_statistics`.
    strength : float
        Factor on the widths of the random changes; 0 only cuts the middle out.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        RGB.
    """
    picture = _frame(crop, size, rng, strength)
    picture = _camera(picture, rng, strength)
    if rng.random() < 0.85 * min(strength, 1.0):
        picture = _stain(picture, rng, statistics, strength)
    return _sensor(picture, rng, strength)


def _frame(crop: NDArray[np.uint8], size: int, rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Rotate, mirror, zoom, shift; sometimes pretend that the picture ended close around the cell."""
    side = crop.shape[0]
    ground = tuple(int(value) for value in slide_colour(crop[::3, ::3]))
    if rng.random() < 0.25 * strength:
        reach = rng.uniform(0.32, 0.6, 4) * size
        left, top, right, bottom = (int(value) for value in (side / 2 + reach * np.array([-1, -1, 1, 1])).clip(0, side))
        tight = np.empty_like(crop)
        tight[:] = ground
        tight[top:bottom, left:right] = crop[top:bottom, left:right]
        crop = tight
    angle = rng.uniform(0, 2 * np.pi)
    zoom = float(np.clip(np.exp(rng.normal(0, 0.17 * strength)), 0.62, 1.6))
    stretch = np.exp(rng.normal(0, 0.03 * strength))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    shift = rng.normal(0, 0.035 * strength, 2).clip(-0.12, 0.12) * size
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([mirror * zoom * stretch, zoom / stretch])
    offset = (size - 1) / 2 + shift - turn @ np.full(2, (side - 1) / 2)
    matrix = np.column_stack([turn, offset])
    return np.asarray(
        cv2.warpAffine(
            crop, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=ground
        ),
        dtype=np.uint8,
    )


def _camera(picture: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Change resolution and focus."""
    size = picture.shape[0]
    choice = rng.random() / max(strength, 1e-6)
    if choice < 0.3:
        small = max(16, int(size * rng.uniform(0.28, 0.85)))
        reduced = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        way = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(reduced, (size, size), interpolation=way), dtype=np.uint8)
    if choice < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.7)), dtype=np.uint8)
    if choice < 0.68:
        soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 2.0))
        amount = rng.uniform(0.3, 1.4)
        return np.asarray(cv2.addWeighted(picture, 1 + amount, soft, -amount, 0), dtype=np.uint8)
    return picture


def _stain(
    picture: NDArray[np.uint8], rng: np.random.Generator, statistics: NDArray[np.float32], strength: float
) -> NDArray[np.uint8]:
    """Move colour statistics in L*a*b* towards another picture's and beyond; vary hue, saturation, gamma, gains.

    One affine map in 8-bit L*a*b* and one table per channel: half a millisecond less a picture than in floats.
    """
    values = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    mean, deviation = (part.ravel() for part in cv2.meanStdDev(values))
    mean, deviation = (mean - _LAB_OFFSET) / _LAB_SCALE, deviation / _LAB_SCALE + 1e-3
    target_mean, target_deviation = mean, deviation
    if rng.random() < 0.6:
        other = statistics[rng.integers(len(statistics))]
        share = rng.uniform(0, 1)
        target_mean = mean + share * (other[0] - mean)
        target_deviation = deviation + share * (other[1] - deviation)
    target_mean = target_mean + rng.normal(0, 1, 3) * np.array([6.0, 5.0, 7.0]) * strength
    ratio = target_deviation / deviation * np.exp(rng.normal(0, 0.18 * strength, 3))
    turn = rng.normal(0, 0.12 * strength)
    cosine, sine = np.cos(turn), np.sin(turn)
    saturation = np.exp(rng.normal(0, 0.12 * strength))
    linear = np.array(
        [[1, 0, 0], [0, saturation * cosine, -saturation * sine], [0, saturation * sine, saturation * cosine]]
    )
    offset = linear @ (target_mean - ratio.clip(0.45, 2.2) * mean)
    linear = linear @ np.diag(ratio.clip(0.45, 2.2))
    # The same map in the 8-bit form of L*a*b*.
    scaled = linear * _LAB_SCALE[:, None] / _LAB_SCALE[None, :]
    moved = offset * _LAB_SCALE + _LAB_OFFSET - scaled @ _LAB_OFFSET
    changed = cv2.cvtColor(cv2.transform(values, np.column_stack([scaled, moved])), cv2.COLOR_LAB2RGB)
    gamma, gains = np.exp(rng.normal(0, 0.18 * strength)), np.exp(rng.normal(0, 0.04 * strength, 3))
    table = (_LEVELS**gamma * gains * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(changed, table[None]), dtype=np.uint8)


def _sensor(picture: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Add sensor noise and the traces of JPEG compression."""
    if rng.random() < 0.3 * strength:
        noise = rng.standard_normal(picture.shape, np.float32)
        noise *= rng.uniform(1, 7)
        noise += picture
        picture = noise.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.3 * strength:
        quality = int(rng.integers(35, 95))
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return picture
