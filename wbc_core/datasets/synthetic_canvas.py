"""The drawing surface behind `render_cell`: µm coordinates, soft masks, stain colours, optics."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.float32]
"""(H, W) float32 coverage in [0, 1]."""
Points: TypeAlias = NDArray[np.float64]
"""(N, 2) float64, x and y in µm from the picture's centre."""
Colour: TypeAlias = tuple[int, int, int]

_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates
_RED_CELL_RADIUS_UM = 3.75


def _turned(x: Points, y: Points, centre: tuple[float, ...], turn: float) -> Points:
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y], axis=1)


class Canvas:
    """A square field of a stained film under the ×100 objective.

    Parameters
    ----------
    size : int
        Edge in pixels.
    field_um : float
        Edge in µm.
    rng : numpy.random.Generator
        Source of every irregularity.
    """

    def __init__(self, size: int, field_um: float, rng: np.random.Generator) -> None:
        self.size, self.rng = size, rng
        self.px = size / field_um  # pixels per µm
        self._field_um = field_um
        self.rgb = np.empty((size, size, 3), np.float32)
        self.rgb[:] = np.array([253, 236, 213]) + rng.normal(0, 0.8, 3)

    # --- shapes -------------------------------------------------------------------------------------------------

    def _fixed_point(self, points_um: Points) -> NDArray[np.int32]:
        pixels = points_um * self.px + self.size / 2 - 0.5
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)

    def polygon(self, points_um: Points) -> Mask:
        """Return the coverage of a closed outline given in µm."""
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(mask, [self._fixed_point(points_um)], 255, cv2.LINE_AA, _SHIFT)
        return np.asarray(mask / 255, np.float32)

    def outline(
        self,
        centre: tuple[float, float],
        radius: float,
        *,
        roughness: float,
        harmonics: int = 5,
        elongation: float = 1.0,
    ) -> Points:
        """Return a roundish outline whose radius wavers by about `roughness` (a share of the radius)."""
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        wave = np.zeros_like(angle)
        for k in range(2, harmonics + 1):
            wave += self.rng.normal(0, 1 / np.sqrt(k)) * np.cos(k * angle + self.rng.uniform(0, 2 * np.pi))
        r = radius * (1 + roughness * wave)
        x, y = r * np.cos(angle) * np.sqrt(elongation), r * np.sin(angle) / np.sqrt(elongation)
        return _turned(x, y, centre, self.rng.uniform(0, 2 * np.pi))

    def blob(
        self,
        centre: tuple[float, float],
        radius: float,
        *,
        roughness: float,
        harmonics: int = 5,
        elongation: float = 1.0,
    ) -> Mask:
        """Return the coverage of a roundish outline (see `outline`)."""
        return self.polygon(
            self.outline(centre, radius, roughness=roughness, harmonics=harmonics, elongation=elongation)
        )

    def ellipse(self, centre: tuple[float, ...], half_axes: tuple[float, float], turn: float) -> Mask:
        """Return an ellipse; `turn` in radians rotates its first half axis from x."""
        angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        return self.polygon(_turned(half_axes[0] * np.cos(angle), half_axes[1] * np.sin(angle), centre, turn))

    def stroke(self, path_um: Points, half_width_um: float) -> Mask:
        """Return a thick line along a path, with round ends."""
        mask = np.zeros((self.size, self.size), np.uint8)
        width = max(1, round(2 * half_width_um * self.px))
        cv2.polylines(mask, [self._fixed_point(path_um)], False, 255, width, cv2.LINE_AA, _SHIFT)
        return np.asarray(mask / 255, np.float32)

    def warp(self, mask: Mask, amplitude_um: float, wavelength_um: float) -> Mask:
        """Return the mask pushed about by smooth noise, so that no outline stays a ruler's work."""
        grid_y, grid_x = np.mgrid[0 : self.size, 0 : self.size].astype(np.float32)
        push = amplitude_um * self.px
        dx, dy = self.noise(wavelength_um) * push, self.noise(wavelength_um) * push
        return np.asarray(cv2.remap(mask, grid_x + dx, grid_y + dy, cv2.INTER_LINEAR), np.float32)

    def noise(self, wavelength_um: float) -> Mask:
        """Return smooth noise of unit spread and the given wavelength."""
        step = max(1, int(wavelength_um * self.px / 6))  # a coarser grid is enough for long waves, and quicker
        edge = self.size // step + 8
        white = self.rng.standard_normal((edge, edge), dtype=np.float32)
        smooth = cv2.GaussianBlur(white, (0, 0), max(0.3 * wavelength_um * self.px / step, 0.3))
        if step > 1:
            smooth = cv2.resize(smooth, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        smooth = smooth[4 : 4 + self.size, 4 : 4 + self.size]
        return np.asarray(smooth / max(float(smooth.std()), 1e-6), np.float32)

    # --- stains -------------------------------------------------------------------------------------------------

    def _lay(self, colour: NDArray[Any] | Colour, coverage: NDArray[Any]) -> None:
        x, y, width, height = cv2.boundingRect((coverage > 0).astype(np.uint8))
        here = (slice(y, y + height), slice(x, x + width))
        paint = np.asarray(colour, np.float32)
        paint = paint if paint.ndim == 1 else paint[here]
        self.rgb[here] += coverage[here][..., None].astype(np.float32) * (paint - self.rgb[here])

    def red_cells(self, keep_clear_um: float) -> None:
        """Scatter red cells with central pallor; overlaps darken as absorbances add."""
        rng, half = self.rng, self._field_um / 2
        placed: list[tuple[float, float]] = []
        discs, hollows = np.zeros((2, self.size, self.size), np.uint8)
        pallor = rng.uniform(0.45, 0.85)
        clearance = keep_clear_um + 2.7
        for x, y in rng.uniform(-half - 2, half + 2, (110, 2)):
            if np.hypot(x, y) < clearance or any(np.hypot(x - u, y - v) < 6.7 for u, v in placed):
                continue
            placed.append((x, y))
            radius = _RED_CELL_RADIUS_UM * rng.uniform(0.9, 1.08)
            elongation, depth = rng.uniform(1.0, 1.2), rng.uniform(0.85, 1.12)
            disc = self.outline((x, y), radius, roughness=0.022, harmonics=4, elongation=elongation)
            self._stack(discs, disc, round(100 * depth))
            centre = (x + rng.normal(0, 0.15), y + rng.normal(0, 0.15))
            hollow = self.outline(centre, radius * rng.uniform(0.32, 0.52), roughness=0.07, harmonics=4)
            self._stack(hollows, hollow, round(100 * depth * pallor * rng.uniform(0.55, 1.1)))
        body = discs.astype(np.float32) / 100
        rim = np.clip(body - cv2.GaussianBlur(body, (0, 0), 0.6 * self.px), 0, 1) * np.minimum(body, 1)
        density = body + 0.3 * rim - cv2.GaussianBlur(hollows.astype(np.float32) / 100, (0, 0), 0.3 * self.px)
        density = np.clip(density, 0, 1.6) * (1 + 0.03 * self.noise(2.5))
        absorbance = -np.log(np.array([205, 172, 164], np.float32) / np.array([253, 236, 213], np.float32))
        self.rgb *= np.exp(-density[..., None] * absorbance)

    def _stack(self, layers: NDArray[np.uint8], outline_um: Points, amount: int) -> None:
        """Add one filled outline to what already lies there."""
        scratch = np.zeros_like(layers)
        cv2.fillPoly(scratch, [self._fixed_point(outline_um)], amount, cv2.LINE_AA, _SHIFT)
        cv2.add(layers, scratch, layers)

    def cytoplasm(self, body: Mask, colour: Colour, *, grain: float, rim: Colour | None) -> None:
        """Lay a cell body: ground-glass grain (in grey levels) and, with `rim`, a deeper edge."""
        texture = 0.6 * self.noise(0.45) + 0.8 * self.noise(1.6)
        self._lay(
            np.asarray(colour, np.float32) + grain * texture[..., None], cv2.GaussianBlur(body, (0, 0), 0.12 * self.px)
        )
        if rim is not None:
            edge = np.clip(body - cv2.GaussianBlur(body, (0, 0), 0.7 * self.px), 0, 1) * 1.5
            self._lay(rim, np.asarray(np.minimum(edge, 0.85) * body, np.float32))

    def nucleus(self, mask: Mask, *, dark: Colour, light: Colour, clump_um: float, contrast: float) -> None:
        """Lay a nucleus: chromatin clumps of a size in µm between a dark and a light purple, and its membrane."""
        mask = self.warp(mask, 0.1, 1.4)
        clumps = np.tanh(1.6 * (0.8 * self.noise(clump_um) + 0.45 * self.noise(clump_um * 0.5)))
        lightness = np.clip(0.34 + 0.45 * contrast * clumps, 0, 1)
        membrane = np.clip(1.7 * (mask - cv2.GaussianBlur(mask, (0, 0), 0.32 * self.px)), 0, 1)
        lightness = lightness * (1 - 0.8 * membrane)
        mix = np.asarray(dark, np.float32) + lightness[..., None] * (
            np.asarray(light, np.float32) - np.asarray(dark, np.float32)
        )
        self._lay(mix, cv2.GaussianBlur(mask, (0, 0), 0.09 * self.px))

    def granules(
        self, region: Mask, colour: Colour, *, per_um2: float, radius_um: tuple[float, float], opacity: float
    ) -> None:
        """Scatter granules over a region: so many a square µm, radii between two bounds in µm."""
        stamp = np.zeros((self.size, self.size), np.uint8)
        ys, xs = np.nonzero(region > 0.9)
        if len(xs) == 0:
            return
        count = int(per_um2 * len(xs) / self.px**2)
        chosen = self.rng.integers(0, len(xs), count)
        radii = self.rng.uniform(*radius_um, count) * self.px * (1 << _SHIFT)
        for index, radius in zip(chosen, radii, strict=True):
            point = (int(xs[index]) << _SHIFT, int(ys[index]) << _SHIFT)
            cv2.circle(stamp, point, max(int(radius), 6), 255, -1, cv2.LINE_AA, _SHIFT)
        self._lay(colour, stamp.astype(np.float32) / 255 * opacity * np.minimum(region * 1.2, 1))

    def packed_granules(
        self, region: Mask, colour: Colour, *, spacing_um: float, radius_um: float, refractile: bool
    ) -> None:
        """Fill a region with even granules side by side; refractile ones carry a light point."""
        stamp, glint = np.zeros((2, self.size, self.size), np.uint8)
        reach = np.arange(-11.0, 11.0, spacing_um)
        for row, y in enumerate(reach):
            for x in reach + (row % 2) * spacing_um / 2:
                jitter = self.rng.normal(0, 0.14, 2)
                point = self._fixed_point(np.array([[x + jitter[0], y + jitter[1]]]))[0]
                centre = (int(point[0]), int(point[1]))
                scale = self.px * (1 << _SHIFT)
                cv2.circle(
                    stamp, centre, int(radius_um * self.rng.uniform(0.85, 1.1) * scale), 255, -1, cv2.LINE_AA, _SHIFT
                )
                cv2.circle(glint, centre, max(int(0.4 * radius_um * scale), 6), 255, -1, cv2.LINE_AA, _SHIFT)
        inside = cv2.erode(region, np.ones((3, 3), np.uint8), iterations=max(1, round(0.3 * self.px)))
        shade = np.asarray(colour, np.float32) + 10 * self.noise(0.9)[..., None]
        self._lay(shade, stamp.astype(np.float32) / 255 * 0.85 * inside)
        if refractile:
            self._lay((234, 172, 156), glint.astype(np.float32) / 255 * 0.4 * inside)

    def vacuoles(self, body: Mask, *, count: int, radius_um: tuple[float, float], colour: Colour) -> None:
        """Punch light, round vacuoles into the cytoplasm."""
        inner = cv2.erode(body, np.ones((3, 3), np.uint8), iterations=max(1, round(0.8 * self.px)))
        ys, xs = np.nonzero(inner > 0.9)
        if len(xs) == 0:
            return
        stamp = np.zeros((self.size, self.size), np.uint8)
        for index in self.rng.integers(0, len(xs), count):
            radius = int(self.rng.uniform(*radius_um) * self.px * (1 << _SHIFT))
            cv2.circle(
                stamp, (int(xs[index]) << _SHIFT, int(ys[index]) << _SHIFT), radius, 255, -1, cv2.LINE_AA, _SHIFT
            )
        self._lay(colour, stamp.astype(np.float32) / 255 * 0.8)

    # --- optics -------------------------------------------------------------------------------------------------

    def photograph(self) -> NDArray[np.uint8]:
        """Return the field as a camera sees it: soft blur, uneven light, slight noise; (H, W, 3) uint8 RGB."""
        image = cv2.GaussianBlur(self.rgb, (0, 0), max(0.09 * self.px, 0.4))
        slope = np.linspace(-1, 1, self.size, dtype=np.float32)
        light = 1 + 0.012 * (self.rng.normal() * slope[None, :] + self.rng.normal() * slope[:, None])
        image = image * light[..., None] * (1 + self.rng.normal(0, 0.003, 3).astype(np.float32))
        image += self.rng.standard_normal((self.size, self.size, 1), dtype=np.float32) * 1.4
        image += self.rng.standard_normal(image.shape, dtype=np.float32) * 0.8
        return np.ascontiguousarray(np.clip(image + 0.5, 0, 255).astype(np.uint8))
