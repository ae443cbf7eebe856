"""What is said where nothing that was handed in is a picture."""

from __future__ import annotations

from collections.abc import Mapping


def no_picture_among(left_out: Mapping[str, str]) -> str:
    """Return a sentence that names the first of the files that are no pictures.

    Parameters
    ----------
    left_out : mapping of str to str
        Their names, with the reason; may be empty.

    Examples
    --------
    >>> no_picture_among({})
    'There is no picture among what was handed in.'
    >>> no_picture_among({"a.pdf": "is no picture: files ending in .pdf are left out", "b": "…"})
    'There is no picture among what was handed in; a.pdf is no picture: files ending in .pdf are left out, and 1 more.'
    """
    words = "There is no picture among what was handed in"
    if not left_out:
        return f"{words}."
    name, reason = next(iter(left_out.items()))
    more = len(left_out) - 1
    return f"{words}; {name[:80]} {reason}{f', and {more:,} more' if more else ''}."
