"""One picture of the error gallery: large, with every probability, the heat map, and the nearest training cells."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.services.compare_pictures import picture_path
from wbc_core.services.error_gallery import Answers
from wbc_core.ui.error_notes import ask_for_note
from wbc_core.ui.explanations import show_explanations
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.options import Options
from wbc_core.ui.picture_source import Picture
from wbc_core.ui.state import classified
from wbc_core.ui.wording import percent, plain, short_name

OPENED = "errors_opened"
NAMED = 3  # probabilities in words
UNREADABLE = "The picture could not be shown."
UNREADABLE_HINT = "Its file may have changed since the model was tested."


def open_picture(row: int | None) -> None:
    """Open a picture by its row number; None closes it."""
    st.session_state[OPENED] = row


def show_detail(answers: Answers, rows: NDArray[np.int64], row: int) -> None:
    """Show one picture.

    Parameters
    ----------
    answers : Answers
        Of the model.
    rows : ndarray of int64
        The pictures of the gallery in their order, to step through.
    row : int
        Which one.
    """
    place = int(np.flatnonzero(rows == row)[0])
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("All pictures", icon=":material/grid_view:", key="errors_back", on_click=open_picture, args=(None,))
        for text, icon, to in (("Previous", "arrow_back", place - 1), ("Next", "arrow_forward", place + 1)):
            there = 0 <= to < len(rows)
            st.button(
                text,
                icon=f":material/{icon}:",
                key=f"errors_{text.lower()}",
                on_click=open_picture,
                args=(int(rows[to]) if there else None,),
                disabled=not there,
            )
        st.caption(f"{place + 1:,} of {len(rows):,}")
    path = picture_path(answers.table.source[row], answers.table.file[row])
    shown = None
    if path is not None:
        with failures_shown(UNREADABLE, UNREADABLE_HINT):
            picture = Picture(path.read_bytes(), str(answers.table.file[row]))
            shown = classified(picture, Options(answers.model_id, None, None))
    left, right = st.columns([4, 6], gap="medium")
    with left:
        if shown is not None:
            truth = class_facts(answers.table.labels[answers.table.truth[row]]).name
            st.image(shown.outlined, alt=f"{truth}, the located cell in a ring", width="stretch")
        elif path is None:
            st.info(
                "Set WBC\\_DATA\\_DIR to the folder that holds its set to see it, its heat map and its neighbours.",
                title="The picture is not at hand here",
                icon=":material/hide_image:",
            )
        st.caption(plain(f"{answers.source}: {short_name(str(answers.table.file[row]))}"))
    with right:
        for line in in_words(answers, row):
            st.markdown(line)
        ask_for_note(answers, row)
    if shown is not None:
        show_explanations(shown)


def in_words(answers: Answers, row: int) -> list[str]:
    """Return what set and model say of a picture, in Markdown."""
    labels, values = answers.table.labels, answers.table.probabilities[row]
    names = [class_facts(label).name for label in labels]
    truth = int(answers.table.truth[row])
    ranked = np.argsort(-values, kind="stable")[:NAMED]
    lines = [
        f"**The set says** {plain(names[truth])}.",
        f"**The model says** {plain(names[int(answers.said[row])])}"
        + (", as the set does." if answers.said[row] == truth else "."),
        "Its probabilities: " + ", ".join(plain(f"{names[at]} {percent(values[at])}") for at in ranked) + ".",
    ]
    if truth not in ranked:
        lines.append(plain(f"{names[truth]} gets {percent(values[truth])}."))
    if not answers.answered[row]:
        lines.append(f"It would not answer: it needs {percent(answers.threshold)} to be sure enough.")
    return lines
