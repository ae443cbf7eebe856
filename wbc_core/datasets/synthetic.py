"""Drawn pictures of stained blood cells: samples for a first visit and subjects for tests, never training evidence.

Sizes are true to the film: everything is drawn in µm, a red cell is 7.5 µm across and the picture's edge is 37.5 µm.
Shapes, chromatin, cytoplasm and granules follow the Romanowsky descriptions in Bain, *Blood Cells*, 6th ed. (2022),
and Keohane et al., *Rodak's Hematology*, 6th ed. (2020). Whoever shows such a picture marks it *synthetic*.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wbc_core.datasets.synthetic_canvas import Canvas, Points
from wbc_core.errors import DatasetError

FIELD_UM = 37.5
"""Edge of a drawn picture in µm, five red cells."""


def render_cell(label: str, *, seed: int, size: int = 360) -> np.ndarray:
    """Draw one stained cell of a type among red cells.

    Parameters
    ----------
    label : str
        Canonical label of the cell type.
    seed : int
        The same label, seed and size give the same picture.
    size : int, default 360
        Edge of the square picture in pixels, at least 64.

    Returns
    -------
    numpy.ndarray
        (size, size, 3) uint8, RGB, C-contiguous; one pixel is ``FIELD_UM / size`` µm.

    Raises
    ------
    DatasetError
        If the label is not one of the eight types, the seed is negative or the size is below 64.
    """
    if label not in _PAINTERS:
        raise DatasetError(f"No drawing exists for “{label}”.", f"Choose one of: {', '.join(_PAINTERS)}.")
    if size < 64 or seed < 0:
        raise DatasetError(
            f"Received size {size} and seed {seed}, expected a size of at least 64 and a seed of 0 or more.",
            "Pass size=360 and any non-negative seed.",
        )
    rng = np.random.default_rng([seed, list(_PAINTERS).index(label)])
    canvas = Canvas(size, FIELD_UM, rng)
    radius_um, painter = _PAINTERS[label]
    radius = float(rng.uniform(*radius_um))
    canvas.red_cells(keep_clear_um=radius)
    painter(canvas, radius)
    return canvas.photograph()


def _arc(radius: float, start: float, stop: float) -> Points:
    angle = np.linspace(start, stop, 24)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _neutrophil(canvas: Canvas, radius: float) -> None:
    """Three to five lobes on thin filaments, coarse clumps, pale pink cytoplasm, fine lilac granules."""
    rng = canvas.rng
    body = canvas.blob((0, 0), radius, roughness=0.03)
    canvas.cytoplasm(body, (226, 200, 198), grain=7, rim=(196, 168, 178))
    canvas.granules(body, (168, 112, 164), per_um2=2.4, radius_um=(0.10, 0.17), opacity=0.55)
    lobes = int(rng.integers(3, 5))
    turn, span = rng.uniform(0, 2 * np.pi), 1.42 * (lobes - 1)
    steps = turn + np.linspace(0, span, lobes) + rng.uniform(-0.12, 0.12, lobes)
    centres = 0.48 * radius * np.stack([np.cos(steps), np.sin(steps)], axis=1)
    nucleus = canvas.stroke(centres, 0.4)
    for centre, step in zip(centres, steps, strict=True):
        nucleus = np.maximum(
            nucleus,
            canvas.ellipse(
                tuple(centre), (rng.uniform(1.8, 2.15), rng.uniform(1.35, 1.6)), step + rng.choice([0.4, 1.2, 1.9])
            ),
        )
    canvas.nucleus(nucleus, dark=(54, 24, 102), light=(110, 66, 150), clump_um=0.85, contrast=0.9)


def _eosinophil(canvas: Canvas, radius: float) -> None:
    """Two lobes, and a cytoplasm filled with large, even, refractile orange-red granules."""
    rng = canvas.rng
    body = canvas.blob((0, 0), radius, roughness=0.035)
    canvas.cytoplasm(body, (206, 164, 172), grain=6, rim=(168, 146, 180))
    canvas.packed_granules(body, (198, 110, 104), spacing_um=0.82, radius_um=0.4, refractile=True)
    turn = rng.uniform(0, 2 * np.pi)
    offset = 0.42 * radius * np.array([np.cos(turn), np.sin(turn)])
    aside = 0.22 * radius * np.array([-np.sin(turn), np.cos(turn)])
    first, second = offset + aside, -offset + aside
    nucleus = canvas.stroke(np.array([first, 1.6 * aside, second]), 0.65)
    for centre in (first, second):
        nucleus = np.maximum(
            nucleus,
            canvas.ellipse(
                tuple(centre), (rng.uniform(2.8, 3.2), rng.uniform(2.1, 2.4)), turn + np.pi / 2 + rng.uniform(-0.5, 0.5)
            ),
        )
    canvas.nucleus(nucleus, dark=(56, 30, 106), light=(118, 84, 160), clump_um=0.9, contrast=0.9)


def _basophil(canvas: Canvas, radius: float) -> None:
    """A lobed nucleus half hidden under coarse, uneven, purple-black granules."""
    rng = canvas.rng
    body = canvas.blob((0, 0), radius, roughness=0.05)
    canvas.cytoplasm(body, (178, 148, 188), grain=12, rim=(150, 110, 164))
    nucleus = np.zeros_like(body)
    for turn in rng.uniform(0, 2 * np.pi) + np.array([0.0, 2.2, 4.3]):
        centre = (0.34 * radius * np.cos(turn), 0.34 * radius * np.sin(turn))
        nucleus = np.maximum(nucleus, canvas.ellipse(centre, (2.5, 2.1), turn))
    canvas.nucleus(nucleus, dark=(74, 36, 116), light=(116, 74, 150), clump_um=1.3, contrast=0.5)
    canvas.granules(body, (206, 168, 202), per_um2=0.35, radius_um=(0.18, 0.32), opacity=0.6)
    canvas.granules(body, (50, 20, 88), per_um2=1.8, radius_um=(0.24, 0.56), opacity=0.93)
    canvas.granules(body, (92, 36, 104), per_um2=0.6, radius_um=(0.2, 0.36), opacity=0.75)


def _lymphocyte(canvas: Canvas, radius: float) -> None:
    """A round or slightly notched nucleus of dense smudged blocks in a scant sky-blue rim."""
    rng = canvas.rng
    body = canvas.warp(canvas.blob((0, 0), radius, roughness=0.05, harmonics=9), 0.16, 1.1)
    canvas.cytoplasm(body, (136, 142, 196), grain=14, rim=(98, 98, 168))
    turn = rng.uniform(0, 2 * np.pi)
    shift = radius * rng.uniform(0.06, 0.12)
    centre = (shift * np.cos(turn), shift * np.sin(turn))
    nucleus = canvas.blob(centre, radius * rng.uniform(0.82, 0.87), roughness=0.04, elongation=rng.uniform(1.0, 1.1))
    notch = (centre[0] - radius * 0.98 * np.cos(turn), centre[1] - radius * 0.98 * np.sin(turn))
    nucleus = nucleus * (1 - canvas.ellipse(notch, (0.9, 1.3), turn))
    canvas.nucleus(nucleus, dark=(70, 38, 120), light=(128, 82, 158), clump_um=1.1, contrast=0.6)


def _monocyte(canvas: Canvas, radius: float) -> None:
    """A folded or horseshoe nucleus of lacy chromatin, ground-glass grey-blue cytoplasm, vacuoles."""
    rng = canvas.rng
    body = canvas.blob((0, 0), radius, roughness=0.09, elongation=rng.uniform(1.0, 1.2))
    canvas.cytoplasm(body, (160, 156, 194), grain=13, rim=(138, 134, 182))
    canvas.granules(body, (134, 100, 160), per_um2=2.2, radius_um=(0.06, 0.1), opacity=0.45)
    turn = rng.uniform(0, 2 * np.pi)
    path = _arc(radius * 0.42, turn, turn + rng.uniform(2.9, 4.2))
    path = path - path.mean(axis=0) * 0.5
    canvas.vacuoles(body, count=int(rng.integers(4, 10)), radius_um=(0.25, 0.6), colour=(232, 222, 228))
    nucleus = canvas.stroke(path, radius * rng.uniform(0.3, 0.38))
    nucleus = canvas.warp(nucleus, 0.45, 4.5)
    canvas.nucleus(nucleus, dark=(76, 36, 118), light=(146, 98, 170), clump_um=0.75, contrast=0.9)


def _immature_granulocyte(canvas: Canvas, radius: float) -> None:
    """Promyelocyte, myelocyte or metamyelocyte: eccentric nucleus, fine chromatin, many granules, pale Golgi zone."""
    rng = canvas.rng
    stage = int(rng.integers(3))
    body = canvas.blob((0, 0), radius, roughness=0.04, elongation=rng.uniform(1.0, 1.12))
    canvas.cytoplasm(body, ((142, 130, 194), (166, 148, 198), (204, 178, 204))[stage], grain=14, rim=(124, 112, 178))
    turn = rng.uniform(0, 2 * np.pi)
    away = np.array([np.cos(turn), np.sin(turn)])
    golgi = canvas.ellipse(tuple(-0.12 * radius * away), (0.34 * radius, 0.3 * radius), turn)
    canvas.cytoplasm(golgi * body * 0.45, (206, 184, 210), grain=6, rim=None)
    canvas.granules(body, (108, 40, 124), per_um2=(3.2, 2.8, 2.2)[stage], radius_um=(0.09, 0.19), opacity=0.8)
    centre = tuple(0.24 * radius * away)
    nucleus = canvas.ellipse(centre, (radius * 0.66, radius * (0.76, 0.72, 0.7)[stage]), turn)
    if stage == 2:  # the metamyelocyte's dent reaches less than half across
        nucleus = nucleus * (1 - canvas.ellipse(tuple(-0.44 * radius * away), (radius * 0.34, radius * 0.3), turn))
    nucleus = canvas.warp(nucleus, 0.3, 4.0) * body
    canvas.nucleus(nucleus, dark=(54, 26, 104), light=(112, 66, 148), clump_um=(0.5, 0.65, 0.8)[stage], contrast=0.75)
    if stage < 2:
        canvas.granules(nucleus, (92, 28, 108), per_um2=0.8, radius_um=(0.1, 0.2), opacity=0.7)


def _erythroblast(canvas: Canvas, radius: float) -> None:
    """A round, central, pyknotic nucleus in grey-pink cytoplasm without granules."""
    rng = canvas.rng
    body = canvas.blob((0, 0), radius, roughness=0.045)
    tint = rng.uniform(0, 1)  # from grey-blue (earlier) to grey-pink (later)
    colour = tuple(int(v) for v in (1 - tint) * np.array([150, 148, 188]) + tint * np.array([190, 164, 178]))
    canvas.cytoplasm(body, (colour[0], colour[1], colour[2]), grain=7, rim=(146, 134, 172))
    turn, shift = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.02, 0.16)
    nucleus = canvas.blob(
        (shift * np.cos(turn), shift * np.sin(turn)), radius * rng.uniform(0.5, 0.58), roughness=0.025
    )
    canvas.nucleus(nucleus, dark=(36, 16, 72), light=(88, 44, 116), clump_um=0.95, contrast=0.8)


def _platelet(canvas: Canvas, radius: float) -> None:
    """No nucleus: a pale blue body with a cluster of purple granules."""
    body = canvas.warp(canvas.blob((0, 0), radius, roughness=0.09, harmonics=7), 0.12, 0.9)
    canvas.cytoplasm(body, (186, 170, 208), grain=10, rim=(168, 150, 198))
    core = canvas.blob((0, 0), radius * 0.74, roughness=0.12)
    canvas.granules(core, (108, 48, 136), per_um2=5.5, radius_um=(0.14, 0.27), opacity=0.85)
    canvas.granules(core, (68, 24, 104), per_um2=2.0, radius_um=(0.12, 0.22), opacity=0.85)


_Painter = Callable[[Canvas, float], None]
_PAINTERS: dict[str, tuple[tuple[float, float], _Painter]] = {  # radius in µm (lowest, highest), painter
    "basophil": ((5.3, 6.6), _basophil),
    "eosinophil": ((6.4, 7.8), _eosinophil),
    "erythroblast": ((4.2, 5.6), _erythroblast),
    "immature_granulocyte": ((6.6, 8.4), _immature_granulocyte),
    "lymphocyte": ((4.6, 5.9), _lymphocyte),
    "monocyte": ((7.4, 9.2), _monocyte),
    "neutrophil": ((5.9, 7.2), _neutrophil),
    "platelet": ((1.75, 2.0), _platelet),
}
