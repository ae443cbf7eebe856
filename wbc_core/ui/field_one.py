"""One field of a run: its picture with boxes, the cell that was chosen, and what a person makes of the cells."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from wbc_core.services.field_corrections import corrected_results
from wbc_core.services.field_results import ELSEWHERE, NOT_FOUND, ON_BORDER, FieldResult, FoundCell
from wbc_core.services.field_runs import FieldRun, field_pixels
from wbc_core.smear.fields.debris import DEBRIS
from wbc_core.ui.field_actions import CHOSEN, FIELD, MISSED, add_at, choose, choose_none, follow_changes
from wbc_core.ui.field_cell import facts_of, name_of, origin_of, show_cell
from wbc_core.ui.field_picture import Box, show_field
from wbc_core.ui.field_review import show_review
from wbc_core.ui.field_table import show_table
from wbc_core.ui.wording import percent, plain, short_name

KINDS = {
    "wbc": "Leukocytes",
    "smudge_cell": "Smudge cells",
    "artefact": "Artefacts",
    "platelet": "Platelets",
    "rbc": "Red cells",
}
SHOWN = "field_kinds"
_LEFT = {
    ON_BORDER: "left to another field",
    ELSEWHERE: "left to another field",
    "not_classed": "taken out by hand",
    "not_a_cell": "taken out by hand",
}


@st.fragment
def show_one_field(run: FieldRun) -> None:
    """Ask which field and which cells to show, and show them; what is changed here runs the whole page again."""
    follow_changes()
    results = corrected_results(run)
    counted = [number for number, result in enumerate(results) if result.status == "counted"]
    if st.session_state.get(FIELD) not in counted:
        st.session_state[FIELD] = counted[0]
    choice, kinds = st.columns([6, 5], gap="small", vertical_alignment="bottom")
    with choice:
        number: int = st.selectbox(
            "Field",
            counted,
            key=FIELD,
            # as found: words that change with corrections would be lost by a browser that keeps what it chose
            format_func=lambda at: f"{short_name(run.results[at].file)} · {_leukocytes(run.results[at])} found",
            on_change=choose_none,
        )
    with kinds:
        shown = st.pills(
            "Show",
            list(KINDS),
            selection_mode="multi",
            default=[kind for kind in KINDS if kind != "rbc"],
            format_func=KINDS.__getitem__,
            key=SHOWN,
            wrap=True,
        )
    result = results[number]
    pixels = field_pixels(run, number)
    chosen: int | None = st.session_state.get(CHOSEN)
    adding = st.session_state.get(MISSED) is not None
    picture, cell = st.columns([8, 3], gap="medium")
    with picture:
        show_field(
            pixels,
            boxes_of(result, shown),
            chosen=chosen,
            alt=f"Field {result.file} with a box around {_leukocytes(result)}",
            hint="Click the middle of the cell that was missed."
            if adding
            else "Choose a box to see its cell. Dashed: unidentified. Pale: not counted here. Blue: by hand.",
            key=f"field_picture_{number}",
            on_choice=choose,
            on_point=(lambda x, y: add_at(run, number, x, y)) if adding else None,
        )
    with cell:
        if chosen is not None and chosen < len(result.cells):
            show_cell(run, number, chosen, result.cells[chosen], pixels)
        else:
            st.caption("No cell is chosen yet.")
    st.caption(plain(_facts(result)))
    for note in result.notes:
        st.caption(plain(note))
    show_review(run, number, _open_names(result))
    show_table(result, shown, f"field_table_{number}")


def boxes_of(result: FieldResult, kinds: Sequence[str]) -> list[Box]:
    """Return the boxes of the kinds asked for, the large ones first, so that small ones stay within reach."""
    boxes = []
    for number, found in enumerate(result.cells):
        if found.cell.kind not in kinds:
            continue
        style = [found.cell.kind]
        style += ["uncertain"] if found.status == "unidentified" else []
        style += ["left"] if not found.counts else []
        style += ["corrected"] if found.corrected_from else []
        cell = found.cell
        boxes.append(
            Box(number, cell.xmin, cell.ymin, cell.xmax, cell.ymax, " ".join(style), _words(found), _mark(found))
        )
    return sorted(boxes, key=lambda box: -(box.xmax - box.xmin) * (box.ymax - box.ymin))


def _words(found: FoundCell) -> str:
    parts = [name_of(found)]
    if found.confidence is not None and not found.corrected_from:
        parts.append(percent(found.confidence))
    if not found.counts:
        parts.append(_LEFT.get(found.reason, "not counted"))
    words = ", ".join(parts)
    return f"{words}. {origin}" if (origin := origin_of(found)) else words


def _mark(found: FoundCell) -> str:
    """Return what stands beside a box: of what may be a leukocyte its name, of what a person changed a sign too."""
    if found.corrected_from:
        return f"{name_of(found)} ✎"
    if found.cell.kind not in ("wbc", *DEBRIS) or not found.counts:
        return ""
    return f"{name_of(found)} ✓" if found.reviewed else name_of(found)


def _open_names(result: FieldResult) -> int:
    """Return how many cells have a name that nobody has looked at."""
    return sum(
        found.counts and not found.reviewed and found.status != "unidentified"
        for found in result.cells
        if found.cell.kind in ("wbc", *DEBRIS)
    )


def _facts(result: FieldResult) -> str:
    cells = [_number(result, kind) for kind in DEBRIS if result.counted(kind)]
    cells += [_number(result, "platelet"), _number(result, "rbc")]
    added = sum(found.corrected_from == NOT_FOUND for found in result.cells)
    cells += [f"{added} added by hand"] if added else []
    size = f"{result.width} × {result.height} px"
    return f"{', '.join((_leukocytes(result), *cells))}. {size}, {facts_of(result)}."


def _leukocytes(result: FieldResult) -> str:
    return _number(result, "wbc")


def _number(result: FieldResult, kind: str) -> str:
    """Return how many cells of a kind count, in words."""
    count, many = len(result.counted(kind)), KINDS[kind].lower()
    return f"{count:,} {many[:-1] if count == 1 else many}"
