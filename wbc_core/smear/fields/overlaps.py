"""Fields that show the same part of a film: found by shifting their small, sharpened pictures over one another.

Each field keeps an overview, a picture of its density some hundred pixels wide. For every pair the correlation of the
overlapping part is computed for all displacements at once through the Fourier transform (Lewis 1995, Fast normalized
cross-correlation, Vision Interface 95:120-123), on pictures without shading and with nuclei as dark as red cells, so
that one nucleus upon another is no agreement. Where it is high it is checked on a finer scale. A factor or a drift of
light cancels out; turned or differently magnified pictures are not recognised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.ruler import shrink
from wbc_core.smear.fields.slide import lit_part, slide_colour_of, stain_maps

LONGEST: Final = 320
"""Longer side of an overview in pixels."""

LEVELS: Final = 160
"""Levels of an overview per optical density; level 32 is the empty slide."""

COARSE, FINE = 8.0, 20.0
"""Width of a red cell, in pixels, at which displacements are looked for and checked, where an overview has as many."""

LARGEST_COARSE: Final = 160
"""Longer side, in pixels, that the looking for displacements is kept to."""

SHADING: Final = 1.5
"""Deviation, in red cells, of the smoothing that is taken for shading."""

CONTRAST: Final = 1.5
"""Largest contrast that is kept, in units that seven in ten pixels stay below."""

LEAST_SIDE: Final = 1.2
"""Narrowest overlap, in red cells; in a narrower one hardly any cell is whole in both fields."""

LEAST_AREA: Final = 4.0
"""Least overlap in squares of the red cell's diameter."""

LEAST_AGREEMENT: Final = 0.6
"""Least correlation in the overlap."""

LEAST_EVIDENCE: Final = 4.1
"""Least ``atanh(correlation) * sqrt(area)``, area in squares of the red cell's diameter: small overlaps must agree
better. Of the 20,910 pairs of BCCD's training fields 13 overlap and have 4.9 to 13.0; the others reach 3.4."""

_LOOK_CLOSER: Final = 2.8  # the same at the coarse scale, where half a pixel may be lost
_PEAKS: Final = 3


@dataclass(frozen=True)
class Overlap:
    """Two fields that show the same part of a film.

    Attributes
    ----------
    first, second : int
        Which they are; first is the smaller.
    x, y : float
        Where the second one's upper left corner lies in the first, in pixels of the overview.
    area : float
        Of the overlap in squares of the red cell's diameter.
    agreement : float
        Correlation in the overlap, up to 1.
    """

    first: int
    second: int
    x: float
    y: float
    area: float
    agreement: float

    @property
    def evidence(self) -> float:
        """How unlikely chance is: to be compared with ``LEAST_EVIDENCE``."""
        return float(np.arctanh(min(self.agreement, 0.9999)) * np.sqrt(self.area))


def overview_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a field's overview.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    ndarray of uint8, shape (about ``LONGEST`` * height / width, ``LONGEST``) or smaller
        Optical density in green.
    """
    small = shrink(pixels, min(1.0, LONGEST / max(pixels.shape[:2])))
    lit = lit_part(small)
    density = stain_maps(small, slide_colour_of(small, lit), lit).density
    return np.asarray(np.clip(np.rint(density * LEVELS + 32), 0, 255), np.uint8)


def find_overlaps(
    overviews: Sequence[NDArray[np.uint8]], red_cell: float, *, least_evidence: float = LEAST_EVIDENCE
) -> Iterator[Overlap]:
    """Yield the pairs of fields that overlap.

    Parameters
    ----------
    overviews : sequence of ndarray of uint8, all of one shape
        Of fields that one camera took.
    red_cell : float
        Usual diameter of their red cells in pixels of the overview.
    least_evidence : float
        How unlikely chance must be; lower only to measure what chance reaches.

    Yields
    ------
    Overlap
        In the order of the fields.
    """
    if len(overviews) < 2:
        return
    coarse_cell = min(red_cell, COARSE, LARGEST_COARSE / max(overviews[0].shape) * red_cell)
    spectra = [_Spectrum(_details(overview, red_cell, coarse_cell)) for overview in overviews]
    fine_cell = min(red_cell, FINE)
    fine: dict[int, NDArray[np.float32]] = {}
    squares = spectra[0].area() / coarse_cell**2
    wide_enough = spectra[0].sides_at_least(LEAST_SIDE * coarse_cell) & (squares >= LEAST_AREA)
    root = np.where(wide_enough, np.sqrt(squares), 0).astype(np.float32)
    for first in range(len(overviews)):
        turned = _turned(spectra[first])
        for second in range(first + 1, len(overviews)):
            best: Overlap | None = None
            for x, y in _peaks(turned, spectra[second], root):
                for number in (first, second):
                    if number not in fine:
                        fine[number] = _details(overviews[number], red_cell, fine_cell)
                step = fine_cell / coarse_cell
                agreement, right, below = _checked(fine[first], fine[second], x * step, y * step, step)
                found = _overlap(first, second, fine[first].shape, (right, below), agreement, fine_cell)
                least = least_evidence if best is None else best.evidence
                if found.agreement >= LEAST_AGREEMENT and found.evidence >= least:
                    best = found
            if best is not None:
                away = red_cell / fine_cell
                yield replace(best, x=best.x * away, y=best.y * away)


def _details(overview: NDArray[np.uint8], red_cell: float, wanted: float) -> NDArray[np.float32]:
    """Return an overview at another scale, without shading, of mean 0 and deviation 1."""
    small = shrink(overview, min(1.0, wanted / red_cell)).astype(np.float32)
    small -= cv2.GaussianBlur(small, (0, 0), SHADING * min(red_cell, wanted))
    small /= max(float(np.percentile(np.abs(small), 70)), 1.0)
    np.clip(small, -CONTRAST, CONTRAST, out=small)
    small -= small.mean()
    return np.asarray(small / max(float(small.std()), 1e-3), np.float32)


class _Spectrum:
    """A picture's Fourier transform, and the sums over the part of it that overlaps another at each displacement.

    All maps are indexed by where the other's corner lies in this picture, negative places counted from the end. They
    are what a field costs in memory while all are compared: 12 bytes for each of some 4 pixels of the coarse picture.
    """

    def __init__(self, picture: NDArray[np.float32]) -> None:
        self.height, self.width = (int(side) for side in picture.shape)
        shape = (cv2.getOptimalDFTSize(2 * self.height - 1), cv2.getOptimalDFTSize(2 * self.width - 1))
        padded = np.zeros(shape, np.float32)
        padded[: self.height, : self.width] = picture
        self.transform = cv2.dft(padded)
        self.down, self.across = (
            np.where(np.arange(length) < side, np.arange(length), np.arange(length) - length)
            for length, side in zip(shape, (self.height, self.width), strict=True)
        )
        area = self.area()
        sums, squares = self._sums(picture), self._sums(picture * picture)
        about_mean = squares - sums * sums / area
        # A part without any cells agrees with every other such part: nothing is said of it.
        rich = about_mean > 0.15 * area
        self.sums = (sums / np.sqrt(area)).astype(np.float32)
        self.inverse = np.where(rich, 1 / np.sqrt(np.maximum(about_mean, 1e-6)), 0).astype(np.float32)

    def area(self) -> NDArray[np.float64]:
        """Return the area of the overlap in pixels, 1 where there is none."""
        return np.maximum(self._sums(np.ones((self.height, self.width), np.float32)), 1)

    def sides_at_least(self, side: float) -> NDArray[np.bool_]:
        """Return at which displacements the overlap is so wide and so high."""
        rows, columns = self.height - np.abs(self.down) >= side, self.width - np.abs(self.across) >= side
        wide: NDArray[np.bool_] = rows[:, None] & columns[None, :]
        return wide

    def _sums(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sum over the overlap."""
        integral = np.zeros((self.height + 1, self.width + 1))
        integral[1:, 1:] = values.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
        top, bottom = np.clip(self.down, 0, self.height), np.clip(self.height + self.down, 0, self.height)
        left, right = np.clip(self.across, 0, self.width), np.clip(self.width + self.across, 0, self.width)
        return np.asarray(
            integral[np.ix_(bottom, right)]
            - integral[np.ix_(top, right)]
            - integral[np.ix_(bottom, left)]
            + integral[np.ix_(top, left)]
        )


@dataclass(frozen=True)
class _Turned:
    """A picture's transform, and its sums indexed by where its own corner lies in the other picture."""

    transform: NDArray[np.float32]
    sums: NDArray[np.float32]
    inverse: NDArray[np.float32]


def _turned(spectrum: _Spectrum) -> _Turned:
    sums, inverse = (np.roll(values[::-1, ::-1], 1, axis=(0, 1)) for values in (spectrum.sums, spectrum.inverse))
    return _Turned(np.asarray(spectrum.transform, np.float32), sums, inverse)


def _peaks(first: _Turned, second: _Spectrum, root: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield the displacements, in coarse pixels, at which two pictures agree better than most do by chance."""
    product = cv2.mulSpectrums(second.transform, first.transform, 0, conjB=True)
    together = cv2.dft(product, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
    agreement = (together - first.sums * second.sums) * first.inverse * second.inverse
    np.clip(agreement, 0, 0.99, out=agreement)
    # This grows with atanh(agreement) but is cheaper.
    evidence = agreement * root / np.sqrt(1 - agreement * agreement)
    for _ in range(_PEAKS):
        _, _, _, (column, row) = cv2.minMaxLoc(evidence)
        if np.arctanh(agreement[row, column]) * root[row, column] < _LOOK_CLOSER:
            return
        yield -int(second.across[column]), -int(second.down[row])
        rows, columns = (np.arange(at - 2, at + 3) % side for at, side in zip((row, column), root.shape, strict=True))
        evidence[np.ix_(rows, columns)] = 0


def _checked(
    one: NDArray[np.float32], other: NDArray[np.float32], x: float, y: float, step: float
) -> tuple[float, int, int]:
    """Return the best correlation within a step of a displacement, and the displacement there."""
    height, width = one.shape
    reach, across, down = int(np.ceil(step)) + 1, round(x), round(y)
    left, right = max(0, across), min(width, width + across)
    top, bottom = max(0, down), min(height, height + down)
    moving = other[top - down + reach : bottom - down - reach, left - across + reach : right - across - reach]
    if min(moving.shape) < 4 or float(moving.std()) < 0.3:
        return 0.0, across, down
    level = cv2.matchTemplate(one[top:bottom, left:right], moving, cv2.TM_CCOEFF_NORMED)
    _, agreement, _, (column, row) = cv2.minMaxLoc(level)
    return float(agreement), across + column - reach, down + row - reach


def _overlap(
    first: int, second: int, shape: tuple[int, ...], at: tuple[int, int], agreement: float, cell: float
) -> Overlap:
    area = max(0, shape[1] - abs(at[0])) * max(0, shape[0] - abs(at[1])) / cell**2
    return Overlap(first, second, at[0], at[1], area, agreement)
