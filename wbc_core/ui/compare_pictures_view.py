"""The pictures behind a cell of a confusion matrix, and those on which models disagree, a page at a time."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.subgroups import behind_cell, where_models_differ
from wbc_core.services.compare_pictures import picture_path
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_thumbnails import gallery_html
from wbc_core.ui.navigation import error_gallery
from wbc_core.ui.wording import plain

CELL_MODEL, CELL_TRUTH, CELL_SAID = "compare_cell_model", "compare_cell_truth", "compare_cell_said"
KIND, PAGE = "compare_pictures", "compare_page"
ONE_CELL, DISAGREEING = "One cell of a matrix", "Where models disagree"
ON_A_PAGE = 24


def show_pictures(compared: Compared, model: str) -> None:
    """Ask which pictures to show, and show them.

    Parameters
    ----------
    compared : Compared
        The comparison.
    model : str
        Whose matrix to begin with.
    """
    lineup = compared.comparison.lineup
    kinds = [ONE_CELL, DISAGREEING] if len(lineup.names) > 1 else [ONE_CELL]
    if st.session_state.get(KIND) not in kinds:
        st.session_state[KIND] = ONE_CELL
    kind = st.segmented_control("Pictures", kinds, key=KIND, label_visibility="collapsed", on_change=_to_first_page)
    if kind == DISAGREEING:
        rows = where_models_differ(lineup)
        st.markdown(f"**{_pictures(len(rows))}** not all models name alike; those that most get wrong come first.")
    else:
        rows = _ask_for_cell(compared, model)
    _show_page(compared, rows)
    asked = st.session_state.get(CELL_MODEL) if kind == ONE_CELL else None
    if asked in compared.installed and compared.find is picture_path:
        st.page_link(
            error_gallery(),
            label=plain(f"All mistakes of {compared.names[asked]}, with heat maps"),
            icon=":material/image_search:",
            query_params={"model": asked, "set": compared.comparison.source},
        )


def commonest_mistake(lineup: Lineup, model: int) -> tuple[str, str]:
    """Return the true and the named label that a model mixes up most; the first class twice where it errs nowhere."""
    wrong = np.zeros((len(lineup.labels), len(lineup.labels)), dtype=np.int64)
    np.add.at(wrong, (lineup.truth, lineup.said[model]), 1)
    np.fill_diagonal(wrong, 0)
    row, column = divmod(int(wrong.argmax()), len(lineup.labels))
    return lineup.labels[row], lineup.labels[column]


def _ask_for_cell(compared: Compared, model: str) -> NDArray[np.int64]:
    lineup = compared.comparison.lineup
    if st.session_state.get(CELL_MODEL) not in lineup.names:
        st.session_state[CELL_MODEL] = model
    chosen = (st.session_state.get(CELL_TRUTH), st.session_state.get(CELL_SAID))
    if not set(chosen) <= set(lineup.labels):
        position = lineup.names.index(st.session_state[CELL_MODEL])
        st.session_state[CELL_TRUTH], st.session_state[CELL_SAID] = commonest_mistake(lineup, position)
    by, true, named = st.columns([4, 3, 3], gap="small")
    with by:
        asked: str = st.selectbox(
            "Answers of",
            lineup.names,
            format_func=compared.names.__getitem__,
            key=CELL_MODEL,
            on_change=_to_first_page,
        )
    with true:
        truth: str = st.selectbox(
            "True class", lineup.labels, format_func=_name, key=CELL_TRUTH, on_change=_to_first_page
        )
    with named:
        said: str = st.selectbox(
            "The model said", lineup.labels, format_func=_name, key=CELL_SAID, on_change=_to_first_page
        )
    rows = behind_cell(lineup, lineup.names.index(asked), truth, said)
    inside, other = class_facts(truth).name_inside, class_facts(said).name_inside
    words = f"is {inside}, and so the model says" if truth == said else f"is {inside}, and the model says {other}"
    order = "; its surest answer comes first" if len(rows) > 1 else ""
    st.markdown(f"**{_pictures(len(rows))}** where the truth {plain(words)}{order}.")
    return rows


def _show_page(compared: Compared, rows: NDArray[np.int64]) -> None:
    if not len(rows):
        return
    pages = -(-len(rows) // ON_A_PAGE)
    page = 1
    if pages > 1:
        st.session_state[PAGE] = min(max(int(st.session_state.get(PAGE) or 1), 1), pages)
        page = st.number_input(f"Page, of {pages}", 1, pages, key=PAGE, width=160)
    shown = rows[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    html, missing = gallery_html(compared.comparison.lineup, shown, compared.names, compared.find)
    if missing:
        which = "These pictures are" if missing == len(shown) else f"{missing} of these pictures are"
        st.caption(
            f"{which} not at hand here, so their file names stand alone. Whoever has the set shows it by setting "
            "WBC\\_DATA\\_DIR to its folder."
        )
    st.html(html)
    if pages > 1:
        first = (page - 1) * ON_A_PAGE + 1
        st.caption(f"Pictures {first:,} to {first + len(shown) - 1:,} of {len(rows):,}.")


def _to_first_page() -> None:
    st.session_state[PAGE] = 1


def _name(label: str) -> str:
    return class_facts(label).name


def _pictures(count: int) -> str:
    return f"{count:,} {'picture' if count == 1 else 'pictures'}"
