"""One field of a run: its picture with boxes, the cell that was chosen, and all leukocytes in a row."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.services.field_results import ELSEWHERE, FieldResult, FoundCell
from wbc_core.services.field_runs import FieldRun, field_pixels
from wbc_core.services.fields import cut_out
from wbc_core.smear.fields.debris import DEBRIS
from wbc_core.ui.field_picture import Box, show_field
from wbc_core.ui.wording import REASONS, confidence_in_words, percent, plain, short_name

KINDS = {
    "wbc": "Leukocytes",
    "smudge_cell": "Smudge cells",
    "artefact": "Artefacts",
    "platelet": "Platelets",
    "rbc": "Red cells",
}
FIELD, SHOWN, CHOSEN = "field_number", "field_kinds", "field_chosen"
SIDE = 132  # px of a cell on the page
TITLES = {
    "red_cell": "Red cell",
    "platelet": "Platelet",
    "giant_platelet": "Giant platelet",
    "platelet_clump": "Platelet clump",
    "smudge_cell": "Smudge cell",
    "artefact": "Artefact",
}


@st.fragment
def show_one_field(run: FieldRun) -> None:
    """Ask which field and which cells to show, and show them."""
    counted = [number for number, result in enumerate(run.results) if result.status == "counted"]
    if st.session_state.get(FIELD) not in counted:
        st.session_state[FIELD] = counted[0]
    choice, kinds = st.columns([6, 5], gap="small", vertical_alignment="bottom")
    with choice:
        number: int = st.selectbox(
            "Field",
            counted,
            key=FIELD,
            format_func=lambda at: f"{short_name(run.results[at].file)} · {_leukocytes(run.results[at])}",
            on_change=_forget_choice,
        )
    with kinds:
        shown = st.pills(
            "Show",
            list(KINDS),
            selection_mode="multi",
            default=[kind for kind in KINDS if kind != "rbc"],
            format_func=KINDS.__getitem__,
            key=SHOWN,
        )
    result = run.results[number]
    pixels = field_pixels(run, number)
    chosen: int | None = st.session_state.get(CHOSEN)
    picture, cell = st.columns([8, 3], gap="medium")
    with picture:
        show_field(
            pixels,
            boxes_of(result, shown),
            chosen=chosen,
            alt=f"Field {result.file} with a box around {_leukocytes(result)}",
            hint="Choose a box to see its cell. Dashed: unidentified. Pale: left to another field.",
            key=f"field_picture_{number}",
            on_choice=_choose,
        )
        st.caption(plain(_facts(result)))
        for note in result.notes:
            st.caption(plain(note))
    with cell:
        if chosen is not None and chosen < len(result.cells):
            _show_cell(result, result.cells[chosen], pixels)
        else:
            st.caption("No cell is chosen yet.")


def boxes_of(result: FieldResult, kinds: list[str]) -> list[Box]:
    """Return the boxes of the kinds asked for, the large ones first, so that small ones stay within reach."""
    boxes = []
    for number, found in enumerate(result.cells):
        if found.cell.kind not in kinds:
            continue
        style = [found.cell.kind]
        style += ["uncertain"] if found.status == "unidentified" else []
        style += ["left"] if not found.counts else []
        name = name_of(found)
        sure = "" if found.confidence is None else f", {percent(found.confidence)}"
        left = "" if found.counts else ", left to another field"
        mark = name if found.cell.kind in ("wbc", *DEBRIS) and found.counts else ""
        cell = found.cell
        boxes.append(
            Box(number, cell.xmin, cell.ymin, cell.xmax, cell.ymax, " ".join(style), f"{name}{sure}{left}", mark)
        )
    return sorted(boxes, key=lambda box: -(box.xmax - box.xmin) * (box.ymax - box.ymin))


def name_of(found: FoundCell) -> str:
    """Return what a cell is called: its type, *Unidentified*, or the kind of what is no leukocyte."""
    if found.cell.kind != "wbc":
        return TITLES.get(found.label, found.label)
    return class_facts(found.label).name if found.status != "unidentified" else "Unidentified"


def _show_cell(result: FieldResult, found: FoundCell, pixels: NDArray[np.uint8]) -> None:
    st.markdown(f"**{plain(name_of(found))}**")
    st.image(cut_out(pixels, found), alt=f"The cell as the model saw it: {name_of(found)}", width=SIDE)
    if found.confidence is not None:
        closest = class_facts(found.label).name
        if found.status == "unidentified":
            st.markdown(f"{REASONS.get(found.reason, '')} Closest: {closest}, {percent(found.confidence)}.")
        else:
            st.markdown(f"{confidence_in_words(found.confidence)}: {percent(found.confidence)}")
        others = sorted(found.probabilities.items(), key=lambda item: -item[1])[1:3]
        st.caption(plain("; ".join(f"{class_facts(label).name} {percent(share)}" for label, share in others)))
    size = found.diameter_um(result.scale)
    if size is not None:
        st.caption(f"{size:.1f} µm across")
    if found.reason == ELSEWHERE:
        st.caption(f"It is counted in {plain(short_name(found.counted_in))}, which shows it too.")
    elif not found.counts:
        st.caption("The lower or right edge cuts it: it counts in the neighbouring field.")


def _facts(result: FieldResult) -> str:
    scale = result.scale
    if scale is None:
        words = "scale unknown: fewer than 30 round red cells"
    elif scale.given:
        words = f"{scale.um_per_pixel:.4f} µm per pixel, as given"
    elif scale.stored:
        words = f"{scale.um_per_pixel:.4f} µm per pixel, as the file states"
    else:
        words = (
            f"{scale.um_per_pixel:.4f} ± {scale.error:.4f} µm per pixel, from {scale.round_red_cells:,} round red cells"
        )
    cells = [f"{len(result.counted(kind))} {KINDS[kind].lower()}" for kind in DEBRIS if result.counted(kind)]
    cells += [f"{len(result.counted('platelet'))} platelets", f"{len(result.counted('rbc'))} red cells that count"]
    return f"{', '.join((_leukocytes(result), *cells))}; {result.width} × {result.height} px, {words}."


def _leukocytes(result: FieldResult) -> str:
    count = len(result.counted("wbc"))
    return f"{count} {'leukocyte' if count == 1 else 'leukocytes'}"


def _choose(number: int) -> None:
    st.session_state[CHOSEN] = number


def _forget_choice() -> None:
    st.session_state.pop(CHOSEN, None)
