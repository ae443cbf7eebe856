"""How names are compared, and which known name a misspelt one is closest to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches


def comparison_form(text: str) -> str:
    """Return a name in the form in which names are compared: case, separators and a remark in brackets do not matter.

    Examples
    --------
    >>> comparison_form(" Nucleated-Red cells (late)")
    'nucleated_red_cells'
    """
    without_remark = re.sub(r"\([^()]*\)", " ", text)
    return re.sub(r"[\s_\-]+", "_", without_remark.casefold()).strip("_")


def singular(form: str) -> str:
    """Return a compared name without its plural *s*."""
    return form.removesuffix("s")


def closest_names(form: str, names: Mapping[str, str], choice: Sequence[str]) -> str:
    """Return the hint for a name that is not known.

    Parameters
    ----------
    form : str
        The name in its comparison form.
    names : mapping of str to str
        What each known name stands for.
    choice : sequence of str
        What may be chosen.
    """
    closest = dict.fromkeys(names[name] for name in get_close_matches(form, names, n=6, cutoff=0.6))
    if closest:
        return f"The closest: {', '.join(closest)}. All: {', '.join(choice)}."
    return f"Choose from: {', '.join(choice)}."


def quoted(text: str) -> str:
    """Return a name as it stands in a message: in quotes, and cut where it is very long."""
    shown = text.strip()
    return f'"{shown if len(shown) <= 60 else shown[:57] + "..."}"'
