"""What a visitor sees whose picture waits for its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from wbc_core.inference.waiting_line import waiting_as
from wbc_core.ui.visitors import current_session


@contextmanager
def place_in_line_shown() -> Iterator[None]:
    """Show the place in line for as long as what the block predicts has to wait; nothing where it need not.

    Each time the place is shown, Streamlit ends the run of a page whose visitor has left: their picture then leaves the
    line.
    """
    line = st.empty()

    def show(place: int) -> None:
        line.markdown(f":material/hourglass_top: {place_in_words(place)}")

    with waiting_as(current_session(), show):
        yield
    line.empty()


def place_in_words(place: int) -> str:
    """Return a place in line as a sentence.

    Examples
    --------
    >>> place_in_words(3)
    'Other pictures are being classified: you are number 3 in line.'
    """
    if place == 1:
        return "Other pictures are being classified: you are next in line."
    return f"Other pictures are being classified: you are number {place:,} in line."
