"""What is stained like a nucleus and yet no whole cell: smudge cells, deposits of stain, dirt.

Each is told from leukocytes by what its nuclear material looks like (Bain, *Blood Cells*, 6th ed. 2022). A smudge cell
is the bare nucleus of a broken cell: spread, pale and without an outline, in a picture whose other edges are sharp.
Deposits of stain are heaps of small grains. Dirt is black: it takes out blue light as much as green, which no nucleus
does. No labelled set of such things was at hand; the limits are set so that leukocytes are not taken for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.leukocytes import NUCLEUS, Body, opened, regions
from wbc_core.smear.fields.slide import StainMaps

SMUDGE_CELL, ARTEFACT = DEBRIS = "smudge_cell", "artefact"
"""Kinds and labels of what is no whole cell."""

LEAST_SOLID: Final = 0.45
"""Least share of the nuclear material that is at least ``GRAIN`` wide everywhere; below, it is a heap of grains."""

GRAIN: Final = 0.3
"""Width in red cells below which a piece of nuclear material is a grain; the narrowest lobes are wider."""

MOST_BLUE: Final = 0.7
"""Largest density in blue as a share of that in green; above, it is black. Nuclei have at most 0.5."""

SOFT: Final = 0.075
"""Slope per pixel of 1/40 red cell, as a share of the material's density, below which there is no outline."""

SOFTER_THAN_FIELD: Final = 0.45
"""Largest share of the slopes at the field's own edges: where all is soft the picture is out of focus."""

MOST_CONTRAST: Final = 1.6
"""Largest density, as a multiple of that of the field's red cells, of nuclear material that is spread."""

OUTLINES: Final = (0.3, 0.5, 0.7)
"""Shares of the material's density at which an outline is looked for, beside ``CYTOPLASM``."""

CYTOPLASM: Final = 0.06
"""Nuclear density at which the cytoplasm of many cells ends."""

SPECK: Final = 0.45
"""Density in every channel from which on a speck is dirt; nuclei have up to 0.3 in blue."""

SPECKS: Final = (0.02, 4.0)
"""Least and largest area of a speck in squares of the red cell's diameter."""

_AROUND: Final = 4
_LEAST_OUTLINE: Final = 6


@dataclass(frozen=True)
class Traits:
    """What tells debris from leukocytes.

    Attributes
    ----------
    solid : float
        Share of the nuclear material that is wider than a grain.
    blue : float
        Its density in blue as a share of that in green.
    outline : float
        Slope at its sharpest outline, as ``SOFT`` counts.
    contrast : float
        Density of its darkest tenth as a multiple of that of the field's red cells.
    """

    solid: float
    blue: float
    outline: float
    contrast: float


@dataclass(frozen=True)
class Focus:
    """How sharp a field's edges are, as slopes per pixel and density, and how dense most of its cells are in green."""

    sharpness: float
    density: float


def focus_of(maps: StainMaps) -> Focus:
    """Return how sharp a field is at the working scale."""
    slope = _slope(np.asarray(cv2.GaussianBlur(maps.density, (0, 0), 1.0), np.float32))
    density = max(float(np.percentile(maps.density, 85)), 0.02)
    return Focus(float(np.percentile(slope, 95)) / density, density)


def traits_of(body: Body, maps: StainMaps, nuclear: NDArray[np.float32], focus: Focus) -> Traits:
    """Measure a stained body.

    Parameters
    ----------
    body : Body
        As the search for leukocytes found it.
    maps : StainMaps
        Of the field at the working scale.
    nuclear : ndarray of float32, shape (height, width)
        Their nuclear density without noise.
    focus : Focus
        Of the field.

    Returns
    -------
    Traits
    """
    top, left = max(0, body.top - _AROUND), max(0, body.left - _AROUND)
    window = (slice(top, body.bottom + _AROUND), slice(left, body.right + _AROUND))
    here = nuclear[window]
    mask = np.zeros(here.shape, bool)
    height, width = body.mask.shape
    mask[body.top - top : body.top - top + height, body.left - left : body.left - left + width] = body.mask
    material = mask & (here > NUCLEUS)
    if not material.any():
        return Traits(1.0, 0.0, 1.0, 1.0)
    dark = float(np.percentile(here[material], 90))
    thick = opened(material, GRAIN).astype(bool) & material
    green = max(float(np.median(maps.density[window][material])), 0.02)
    slope = _slope(np.asarray(cv2.GaussianBlur(here, (0, 0), 0.7), np.float32))
    levels = (CYTOPLASM, *(share * dark for share in OUTLINES))
    return Traits(
        float(thick.sum() / material.sum()),
        float(np.median(maps.blue[window][material])) / green,
        max(_slope_at(mask & (here > level), slope) for level in levels) / dark,
        dark / focus.density,
    )


def debris_name(traits: Traits, focus: Focus) -> str:
    """Return ``smudge_cell``, ``artefact``, or nothing for what may well be a leukocyte."""
    if traits.solid < LEAST_SOLID or traits.blue > MOST_BLUE:
        return ARTEFACT
    soft = traits.outline < min(SOFT, SOFTER_THAN_FIELD * focus.sharpness)
    return SMUDGE_CELL if soft and traits.contrast < MOST_CONTRAST else ""


def find_dirt(maps: StainMaps, known: list[Body]) -> list[Body]:
    """Return black specks outside the bodies that are known already, those at dark surroundings left out."""
    black = (np.minimum(np.minimum(maps.red, maps.blue), maps.density) > SPECK).astype(np.uint8)
    if not black.any():
        return []
    for body in known:
        black[body.top : body.bottom, body.left : body.right][body.mask] = 0
    dark = cv2.dilate((~maps.lit).astype(np.uint8), np.ones((2 * _AROUND + 1,) * 2, np.uint8)) > 0
    labels, boxes = regions(black)
    found = []
    for number, (left, top, wide, high) in enumerate(boxes, start=1):
        here = (slice(top, top + high), slice(left, left + wide))
        speck = Body(labels[here] == number, left, top, 0.0, 0.0)
        if SPECKS[0] <= speck.area <= SPECKS[1] and not dark[here][speck.mask].any():
            found.append(speck)
    return found


def _slope_at(inside: NDArray[np.bool_], slope: NDArray[np.float32]) -> float:
    """Return the usual slope along the outline of a part; 0 of one too small to have any."""
    within = inside.astype(np.uint8)
    outline = inside & (cv2.erode(within, np.ones((3, 3), np.uint8)) == 0)
    return float(np.median(slope[outline])) if outline.sum() >= _LEAST_OUTLINE else 0.0


def _slope(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the change per pixel: float32, of the same shape."""
    across, down = (cv2.Sobel(values, cv2.CV_32F, *step) / 8 for step in ((1, 0), (0, 1)))
    return np.asarray(np.hypot(across, down), np.float32)
