"""Whether an answer is good enough to name a type: the status of a picture and its reason."""

from __future__ import annotations

from wbc_core.imaging.localisation import CellLocation


def judge(confidence: float, convincing: bool, threshold: float, *, unknown: bool = False) -> tuple[str, str]:
    """Return status and reason of a picture that could be read.

    Parameters
    ----------
    confidence : float
        Calibrated probability of the top label.
    convincing : bool
        Whether a stained cell stands out in the picture.
    threshold : float
        The card's abstention threshold.
    unknown : bool
        Whether the cell is unlike all that the model was trained on.

    Returns
    -------
    tuple of str
        ``("classified", "")``, or ``"unidentified"`` and ``"not_a_cell"``, ``"unknown_cell"`` or ``"low_confidence"``.

    Examples
    --------
    >>> judge(0.97, True, 0.8)
    ('classified', '')
    """
    if not convincing:
        return "unidentified", "not_a_cell"
    if unknown:
        return "unidentified", "unknown_cell"
    if confidence < threshold:
        return "unidentified", "low_confidence"
    return "classified", ""


def note_of(location: CellLocation, shape: tuple[int, ...]) -> str:
    """Return a word for a picture that shows more than the one cell that is judged.

    Parameters
    ----------
    location : CellLocation
        Where the cell lies.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    str
        ``several_cells``: others of a similar size, the most prominent was judged. ``crowded``: what is stained is
        wider than the picture. Else empty.

    Examples
    --------
    >>> note_of(CellLocation(True, 50, 50, 40, others=2, strength=80), (100, 100))
    'several_cells'
    """
    if not location.convincing or location.cut_out:
        return ""
    if location.others:
        return "several_cells"
    return "crowded" if location.diameter > min(shape[:2]) else ""
