"""Pictures that a model gets wrong, is least sure of, or whose label looks wrong: chosen, sorted, a page at a time."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.services.compare_pictures import picture_path
from wbc_core.services.comparing import models_with_predictions
from wbc_core.services.error_gallery import Answers, Kind, Status, answers_of
from wbc_core.settings import settings
from wbc_core.ui.compare_choice import shown_names
from wbc_core.ui.compare_thumbnails import figure_html, small_picture
from wbc_core.ui.error_detail import OPENED, open_picture, show_detail
from wbc_core.ui.error_notes import noted_labels, show_export
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.linked_choice import linked_choice
from wbc_core.ui.wording import percent

ON_A_PAGE, COLUMNS = 12, 3
PAGE = "errors_page"
KINDS: dict[Kind, str] = {"mistakes": "Mistakes", "uncertain": "Least certain", "suspected": "Label looks wrong"}
EXPLAINED: dict[Kind, str] = {
    "mistakes": "What the model names otherwise than the set does. The less it believes the set's label, the earlier.",
    "uncertain": "All pictures, right and wrong. The less sure the model is of its answer, the earlier.",
    "suspected": "Confident learning doubts these labels: the model takes the picture for another class as surely as "
    "it usually takes that class's own pictures. It may be the model that is wrong. Look before you believe either.",
}
ANY = ""
STATUSES: dict[str, str] = {ANY: "Any", "classified": "Classified", "unidentified": "Unidentified"}


def show_error_gallery() -> None:
    """Ask for a model and a set, and show its pictures."""
    answers = _ask_for_answers()
    if answers is None:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown(":material/image_search: **No model brings its test predictions.**", text_alignment="center")
            st.caption("Install or train one; its mistakes appear here.", text_alignment="center")
        return
    st.fragment(_show)(answers)


def _ask_for_answers() -> Answers | None:
    offered = {model.model_id: model for model in models_with_predictions()}
    if not offered:
        return None
    ids = sorted(offered, key=lambda model_id: model_id != settings().default_model)
    names = shown_names({model_id: offered[model_id].title for model_id in ids}, [])
    left, right = st.columns([6, 4], gap="medium")
    with left:
        model_id = linked_choice("Model", names, "model", key="errors_model", what="model", on_change=_to_the_start)
    sets = {name: f"{name}: {count:,} pictures" for name, count in offered[model_id].sets.items()}
    with right:
        source = linked_choice("Test set", sets, "set", key="errors_set", what="test set", on_change=_to_the_start)
    return answers_of(model_id, source)


def _show(answers: Answers) -> None:
    with failures_shown("The pictures could not be shown.", "Choose another model, or reload the page."):
        rows = _ask_for_rows(answers)
        opened = st.session_state.get(OPENED)
        if opened is not None and opened in rows.tolist():
            show_detail(answers, rows, opened)
        else:
            _show_page(answers, rows)
        show_export(answers)


def _ask_for_rows(answers: Answers) -> NDArray[np.int64]:
    kind: Kind = st.segmented_control(
        "Pictures",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="mistakes",
        required=True,
        key="errors_kind",
        on_change=_to_the_start,
    )
    st.caption(EXPLAINED[kind])
    pairs = {ANY: "Any"} | {
        f"{truth}>{said}": f"{class_facts(truth).name} called {class_facts(said).name_inside} ({count:,})"
        for (truth, said), count in answers.pairs().items()
    }
    left, right = st.columns([6, 4], gap="medium")
    if st.session_state.get("errors_pair") not in pairs:
        st.session_state["errors_pair"] = ANY
    with left:
        pair: str = st.selectbox(
            "Mix-up", list(pairs), format_func=pairs.__getitem__, key="errors_pair", on_change=_to_the_start
        )
    with right:
        status: str = st.selectbox(
            "Status",
            list(STATUSES),
            format_func=STATUSES.__getitem__,
            key="errors_status",
            on_change=_to_the_start,
            help=f"Below {percent(answers.threshold)} confidence this model does not answer. The shipped predictions "
            "hold confidence alone: whether a cell stood out is not known here.",
        )
    truth, _, said = pair.partition(">")
    asked: Status | None = "classified" if status == "classified" else "unidentified" if status else None
    rows = answers.rows(kind, pair=(truth, said) if pair else None, status=asked)
    if kind == "suspected" and answers.suspicions.reason:
        st.info(answers.suspicions.reason, icon=":material/info:")
    return rows


def _show_page(answers: Answers, rows: NDArray[np.int64]) -> None:
    total, wrong = len(answers.table), int((answers.said != answers.table.truth).sum())
    st.markdown(
        f"**{len(rows):,} {'picture' if len(rows) == 1 else 'pictures'}** below. "
        f"In all the model is wrong on {wrong:,} of {total:,}."
    )
    if not len(rows):
        return
    pages = -(-len(rows) // ON_A_PAGE)
    page = 1
    if pages > 1:
        st.session_state[PAGE] = min(max(int(st.session_state.get(PAGE) or 1), 1), pages)
        page = st.number_input(f"Page, of {pages:,}", 1, pages, key=PAGE, width=160)
    shown = rows[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    missing = 0
    for start in range(0, len(shown), COLUMNS):
        for place, row in zip(st.columns(COLUMNS, gap="small"), shown[start : start + COLUMNS], strict=False):
            with place, st.container(border=True, gap="small", height="stretch"):
                missing += not _show_picture(answers, int(row))
    if missing:
        which = "These pictures are" if missing == len(shown) else f"{missing} of these pictures are"
        st.caption(
            f"{which} not at hand here, so their file names stand alone. Whoever has the set shows it by setting "
            "WBC\\_DATA\\_DIR to its folder."
        )


def _show_picture(answers: Answers, row: int) -> bool:
    """Show a picture with its labels; False where it is not at hand."""
    table, labels = answers.table, answers.table.labels
    truth, said = class_facts(labels[table.truth[row]]).name, class_facts(labels[answers.said[row]]).name
    right = table.truth[row] == answers.said[row]
    lines = [f"Said: {said}, {percent(answers.confidence[row])}" + (" (right)" if right else "")]
    if not right:
        lines.append(f"{truth} gets {percent(answers.of_truth[row])}")
    if not answers.answered[row]:
        lines.append("Unidentified")
    if str(table.file[row]) in noted_labels(answers):
        lines.append("⚑ Label noted as wrong")
    source = small_picture(picture_path(table.source[row], table.file[row]))
    st.html(figure_html(str(table.file[row]), truth, source, lines))
    st.button(
        "Look closer",
        key=f"errors_open_{row}",
        icon=":material/zoom_in:",
        on_click=open_picture,
        args=(row,),
        help=f"{truth}, {table.file[row]}" if len(str(table.file[row])) < 200 else None,
    )
    return source is not None


def _to_the_start() -> None:
    st.session_state[PAGE] = 1
    st.session_state.pop(OPENED, None)
