"""What lies on a film and is no whole cell, drawn into fields as it is described (Bain, *Blood Cells*, 6th ed. 2022).

A smudge cell is the bare, smeared nucleus of a broken cell: spread, uneven, in strands, without an outline and without
cytoplasm. Deposited stain is small dark grains with sharp edges, in heaps. Dirt is black.
"""

from __future__ import annotations

import cv2
import numpy as np

NUCLEAR = np.array([0.75, 1.0, 0.3])
"""How much of red, green and blue light a nucleus takes out, as optical densities."""


def _stained(field: np.ndarray, density: np.ndarray, colour: np.ndarray, x: int, y: int) -> None:
    """Take light out of a field around a point, in place."""
    half = len(density) // 2
    top, left = max(0, y - half), max(0, x - half)
    part = field[top : y - half + len(density), left : x - half + len(density)]
    over = density[top - y + half :, left - x + half :][: part.shape[0], : part.shape[1]]
    part[:] = np.clip(part * 10 ** (-over[..., None] * colour), 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, side: int, width: float) -> np.ndarray:
    """Smooth noise of mean 0 and deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), width)
    return (noise - noise.mean()) / noise.std()


def smudge_cell(field: np.ndarray, x: int, y: int, *, seed: int, red_cell: float, density: float = 0.32) -> None:
    """Draw a smudge cell around a point, in place."""
    rng = np.random.default_rng(seed)
    side = 2 * round(2 * red_cell) + 1
    rows, columns = (axis - side // 2 for axis in np.mgrid[0:side, 0:side])
    turn, long = rng.uniform(0, np.pi), rng.uniform(1.2, 1.6)
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / long
    across = -columns * np.sin(turn) + rows * np.cos(turn)
    radius = 0.55 * red_cell * (1 + 0.18 * _noise(rng, side, 0.25 * red_cell))
    smear = 1 / (1 + np.exp((np.hypot(along, across) - radius) / (0.14 * red_cell)))
    for _ in range(5):  # strands that lead out of it
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.4) * red_cell
        end = (round(side / 2 + length * np.cos(angle)), round(side / 2 + length * np.sin(angle)))
        line = cv2.line(np.zeros((side, side)), (side // 2, side // 2), end, 1.0, max(1, round(0.1 * red_cell)))
        smear = np.maximum(smear, 0.7 * cv2.GaussianBlur(line, (0, 0), 0.08 * red_cell))
    uneven = np.clip(1 + 0.3 * _noise(rng, side, 0.12 * red_cell), 0.2, 2)
    _stained(field, density * smear * uneven, NUCLEAR, x, y)


def stain_deposit(field: np.ndarray, x: int, y: int, *, seed: int, red_cell: float, grains: int = 90) -> None:
    """Draw a heap of grains of stain around a point, in place."""
    rng = np.random.default_rng(seed)
    side = 2 * round(2 * red_cell) + 1
    heap = np.zeros((side, side))
    for _ in range(grains):
        at = np.clip(rng.normal(side / 2, 0.55 * red_cell, 2), 0, side - 1).astype(int)
        cv2.circle(heap, (int(at[0]), int(at[1])), max(1, round(rng.uniform(0.03, 0.06) * red_cell)), 1.0, -1)
    _stained(field, 0.9 * cv2.GaussianBlur(heap, (0, 0), 0.7), NUCLEAR, x, y)


def dirt(field: np.ndarray, x: int, y: int, *, seed: int, red_cell: float, width: float = 0.8) -> None:
    """Draw a black speck, ``width`` red cells wide, around a point, in place."""
    rng = np.random.default_rng(seed)
    side = 2 * round(red_cell * (width + 0.5)) + 1
    rows, columns = (axis - side // 2 for axis in np.mgrid[0:side, 0:side])
    radius = 0.5 * width * red_cell * (1 + 0.15 * _noise(rng, side, 0.2 * red_cell))
    speck = (np.hypot(rows, columns) < radius).astype(float)
    _stained(field, 1.3 * cv2.GaussianBlur(speck, (0, 0), 0.7), np.array([1.0, 1.05, 0.9]), x, y)
