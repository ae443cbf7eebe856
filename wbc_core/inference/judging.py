"""Whether an answer is good enough to name a type: the status of a picture and its reason."""

from __future__ import annotations


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
