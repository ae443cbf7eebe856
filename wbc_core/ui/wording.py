"""How figures and foreign text are put into words."""

from __future__ import annotations

import re
import string
import unicodedata

from wbc_core.services.access import is_public
from wbc_core.settings import settings

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_COMMAND = re.compile(r"\\`((?:[A-Za-z0-9 ]|\\[-./_])+)\\`")  # escaped already
_LONGEST_NAME = 48

CONFIDENCE_WORDS = (  # lower bound, words
    (0.99, "Very sure"),
    (0.95, "Sure"),
    (0.80, "Fairly sure"),
    (0.50, "Unsure"),
    (0.00, "Very unsure"),
)

REASONS = {
    "low_confidence": "The model is not sure enough to name a type.",
    "unknown_cell": "The cell looks like none of the types this model knows.",
    "not_a_cell": "There seems to be no stained cell in the picture.",
    "poor_quality": "The picture is too poor to judge the cell.",
    "left_open": "A person has looked at it and left it open.",
}


def plain(text: str) -> str:
    r"""Return text so that Markdown shows it letter by letter.

    Every ASCII punctuation mark is escaped, so that no tag, link, directive or formula can arise; line breaks, control
    characters and marks that turn the writing direction are dropped.

    Examples
    --------
    >>> plain("<b>a*b</b>")
    '\\<b\\>a\\*b\\<\\/b\\>'
    """
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return _PUNCTUATION.sub(r"\\\1", re.sub(r"\s+", " ", printable).strip())


def with_commands(text: str) -> str:
    r"""Return text as :func:`plain` does, but what stands in backticks and can only be a command as code.

    Examples
    --------
    >>> with_commands("See `wbc jobs list` and `<b>`.")
    'See `wbc jobs list` and \\`\\<b\\>\\`\\.'
    """
    return _COMMAND.sub(lambda found: "`" + found[1].replace("\\", "") + "`", plain(text))


def short_name(name: str) -> str:
    """Return a file name of at most 48 characters; a longer one loses its middle.

    Examples
    --------
    >>> short_name("a" * 60 + ".jpg")
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaaaaa.jpg'
    """
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:32]}…{name[-15:]}"


def percent(share: float) -> str:
    """Return a probability as a percentage that never claims certainty.

    Examples
    --------
    >>> percent(0.98765), percent(0.9999), percent(0.0004)
    ('98.8 %', '> 99.9 %', '< 0.1 %')
    """
    if share > 0.9994:
        return "> 99.9 %"
    if share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def kept_in_memory(url_path: str) -> str:
    """Return what becomes of uploaded pictures on a page."""
    if url_path == "batch" and is_public():
        return (
            "Uploaded pictures, their names and the results stay in memory for an hour after their batch has ended, or"
            " until it is deleted, and are never stored."
        )
    if url_path == "batch":
        return (
            "Uploaded pictures stay in memory for an hour after their batch has ended, or until it is deleted, and are"
            " never stored; file names and results are kept on the server until it is deleted, at most"
            f" {settings().batch_days:g} days."
        )
    if url_path == "smear_field":
        return (
            "Uploaded pictures and results stay in memory for an hour, or until you let them be forgotten, and are"
            " never stored."
        )
    return "Uploaded pictures stay in memory while this page is open and are never stored."


def confidence_in_words(confidence: float) -> str:
    """Return how sure the model is, in words.

    Examples
    --------
    >>> confidence_in_words(0.97)
    'Sure'
    """
    return next(words for bound, words in CONFIDENCE_WORDS if confidence >= bound)


def listed(words: tuple[str, ...] | list[str], last: str = "and") -> str:
    """Return words as an enumeration.

    Examples
    --------
    >>> listed(("band", "metamyelocyte", "monocyte"))
    'band, metamyelocyte and monocyte'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def duration(seconds: float) -> str:
    """Return a length of time in two units at most.

    Examples
    --------
    >>> duration(8), duration(95), duration(240), duration(3 * 3600 + 240), duration(2 * 86400)
    ('8 s', '1 min 35 s', '4 min', '3 h 4 min', '2 d')
    """
    whole = round(seconds)
    for size, unit, below, lesser in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {lesser}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def roughly(seconds: float) -> str:
    """Return a length of time in one unit.

    Examples
    --------
    >>> roughly(8.2), roughly(100), roughly(1234), roughly(5400), roughly(200000)
    ('8 s', '2 min', '21 min', '1.5 h', '56 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36000 else f"{seconds / 3600:.0f} h"
