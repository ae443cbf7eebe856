"""Micrometres per pixel: given by the user, or taken from the round red cells, or not stated at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wbc_core.errors import ImageError

RED_CELL_UM: Final = 7.5
"""Diameter of a red cell on the film in µm (7 to 8; Bain, Blood Cells, 6th ed. 2022)."""

RED_CELL_RANGE_UM: Final = 0.5
"""Half the width of that range: what is not known about these red cells."""

PLAUSIBLE_UM: Final = (0.02, 1.0)
"""Micrometres per pixel that a camera on a microscope can have at which single blood cells are seen."""

LEAST_ROUND: Final = 30
"""Fewest round red cells that give a scale."""


@dataclass(frozen=True)
class Scale:
    """Size of a pixel.

    Attributes
    ----------
    um_per_pixel : float
        Micrometres that one pixel is wide.
    error : float
        Half the width of its 95 % range, in µm per pixel; 0 of a scale that the user or the file gave.
    round_red_cells : int
        Red cells that it was taken from; 0 of a scale that the user or the file gave.
    stored : bool
        Whether it stands in the file.
    """

    um_per_pixel: float
    error: float = 0.0
    round_red_cells: int = 0
    stored: bool = False

    @property
    def given(self) -> bool:
        """Whether the user gave it."""
        return self.round_red_cells == 0 and not self.stored

    @property
    def source(self) -> str:
        """Where it is from: ``given``, ``the file``, or so many round red cells."""
        return "given" if self.given else "the file" if self.stored else f"{self.round_red_cells} round red cells"


def scale_of(diameters: Sequence[float], given: float | None = None) -> Scale | None:
    """Return the scale of fields that one camera took.

    Parameters
    ----------
    diameters : sequence of float
        Of their round red cells in pixels.
    given : float, optional
        Micrometres per pixel as the user knows them; they go before.

    Returns
    -------
    Scale or None
        From the median red cell; its error joins that of the median (1.2533 deviations over the root of their number,
        95 %) and the range in which a person's red cells lie. None where fewer than ``LEAST_ROUND`` are round.

    Raises
    ------
    ImageError
        If the given scale is no size of a pixel.

    Examples
    --------
    >>> scale_of([100.0] * 30).um_per_pixel
    0.075
    >>> scale_of([100.0] * 29) is None
    True
    """
    if given is not None:
        if not (math.isfinite(given) and 0.005 <= given <= 2):
            raise ImageError(
                f"A scale of {given:g} µm per pixel was given; between 0.005 and 2 was expected.",
                "Divide the µm of a stage micrometer by the pixels they cover.",
            )
        return Scale(given)
    if len(diameters) < LEAST_ROUND:
        return None
    values = np.asarray(diameters, float)
    median = float(np.median(values))
    # The spread from the quartiles: a few odd cells among the round ones must not widen it.
    low, high = np.percentile(values, (25, 75))
    of_median = 1.96 * 1.2533 * float(high - low) / 1.349 / math.sqrt(len(values)) / median
    relative = math.hypot(of_median, RED_CELL_RANGE_UM / RED_CELL_UM)
    um_per_pixel = RED_CELL_UM / median
    return Scale(um_per_pixel, um_per_pixel * relative, len(values))


def with_stored_scale(
    measured: Scale | None, stated: float | None, red_cell: float | None = None
) -> tuple[Scale | None, str]:
    """Return the scale of a field whose file may state one.

    Parameters
    ----------
    measured : Scale or None
        As the user gave it or the red cells show it.
    stated : float or None
        Micrometres per pixel as the file states them: a microscope's, a screen's or a printer's.
    red_cell : float, optional
        Usual diameter of the field's red cells in pixels, for the sentence.

    Returns
    -------
    scale : Scale or None
        The user's; else the file's where the red cells agree within their error, or too few measure and it can be a
        microscope's; else that of the red cells.
    note : str
        Why the file's was not used; empty where there is nothing to say.

    Examples
    --------
    >>> with_stored_scale(Scale(0.1, 0.007, 50), 0.104)[0].source
    'the file'
    >>> with_stored_scale(Scale(0.1, 0.007, 50), 352.8)[1]
    'The file states 72 dpi, the resolution of a screen or printer: not used as scale.'
    """
    if stated is None or (measured is not None and measured.given):
        return measured, ""
    if not can_be_a_microscopes(stated):
        return measured, (
            f"The file states {25_400 / stated:.0f} dpi, the resolution of a screen or printer: not used as scale."
        )
    if measured is None or abs(stated - measured.um_per_pixel) <= measured.error:
        return Scale(stated, stored=True), ""
    width = "" if red_cell is None else f": red cells would be {red_cell * stated:.1f} µm wide"
    return measured, f"The scale in the file, {stated:.4f} µm per pixel, was not used{width}."


def can_be_a_microscopes(stated: float | None) -> bool:
    """Whether a stored scale can be that of a camera on a microscope."""
    return stated is not None and PLAUSIBLE_UM[0] <= stated <= PLAUSIBLE_UM[1]
