"""The pictures behind every number of a batch, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import Final

import streamlit as st

from wbc_core.batches.rows import BatchRow, repeated
from wbc_core.biology.classes import class_facts
from wbc_core.errors import WbcError
from wbc_core.imaging.decoding import decode_image
from wbc_core.services.batch_corrections import BatchReview, corrected_rows
from wbc_core.services.batches import BatchView, read_picture
from wbc_core.ui.batch_review import mark_of, show_review
from wbc_core.ui.compare_thumbnails import SIDE, reduced_address
from wbc_core.ui.wording import REASONS, percent, short_name


@dataclass(frozen=True)
class Note:
    """What a picture shows beside the cell that was judged: a name for it, and what it means for one and for many."""

    name: str
    one: str
    many: str

    def sentence(self, count: int) -> str:
        """Return what it means for so many pictures."""
        return f"1 picture {self.one}" if count == 1 else f"{count:,} pictures {self.many}"


NOTES: Final = {
    "several_cells": Note(
        "Several cells",
        "shows several stained cells: only the most prominent one was judged. Whole fields go to the page Fields.",
        "show several stained cells: only the most prominent one of each was judged. Whole fields go to the page"
        " Fields.",
    ),
    "crowded": Note(
        "Crammed",
        "is crammed with stain, wider than the picture: it may be no single cell.",
        "are crammed with stain, wider than the picture: they may be no single cells.",
    ),
}

ON_A_PAGE = 24
GROUP, PAGE = "batch_group", "batch_page"
REPEATS = "Repeats, not counted"

_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:0.9rem"
_BOX = f"width:{SIDE}px;height:{SIDE}px;border-radius:0.4rem"
_EMPTY = f"{_BOX};display:flex;align-items:center;justify-content:center;text-align:center;border:1px dashed #8888"
_WORDS = "font-size:0.8rem;line-height:1.35;overflow-wrap:anywhere"


def show_pictures(view: BatchView, review: BatchReview) -> None:
    """Ask which number to look behind, show its pictures, the least certain first, and offer to correct them."""
    rows = corrected_rows(view.request.id)
    again = repeated(rows)
    groups = groups_of(rows, again)
    if not groups:
        return
    st.subheader("The pictures behind the numbers", anchor=False)
    names = list(groups)
    if st.session_state.get(GROUP) not in names:
        st.session_state[GROUP] = names[0]
    # Options without their numbers: those change with corrections, and a browser keeps the words that it chose.
    chosen: str = st.selectbox("Show", names, key=GROUP, on_change=_to_first_page)
    found = groups[chosen]
    st.caption("1 picture." if len(found) == 1 else f"{len(found):,} pictures, the least certain first.")
    pages = -(-len(found) // ON_A_PAGE)
    page = 1
    if pages > 1:
        st.session_state[PAGE] = min(max(int(st.session_state.get(PAGE) or 1), 1), pages)
        page = st.number_input(f"Page, of {pages}", 1, pages, key=PAGE, width=160)
    shown = found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    figures = [_figure(view, row, number) for number, row in enumerate(shown, start=1)]
    st.html(f'<div style="{_GRID}">{"".join(figures)}</div>')
    if chosen != REPEATS:
        show_review(view, review, shown)
    if not view.pictures_at_hand:
        st.caption("The server no longer has these pictures: uploads are kept in memory for an hour, never on a disk.")


def groups_of(rows: list[BatchRow], again: dict[str, str]) -> dict[str, list[BatchRow]]:
    """Return the rows behind each number, the least certain first; repeats apart, as they are not counted.

    Returns
    -------
    dict of str to list of BatchRow
        The largest class first, then what is unidentified, by reason, then pictures of several cells once more, then
        repeats.
    """
    named: dict[str, list[BatchRow]] = {}
    doubtful: dict[str, list[BatchRow]] = {}
    noted: dict[str, list[BatchRow]] = {}
    repeats = []
    for row in rows:
        if row.status == "failed":
            continue
        if row.file in again:
            repeats.append(row)
            continue
        if row.note in NOTES:
            noted.setdefault(NOTES[row.note].name, []).append(row)
        if row.status == "classified" and row.label is not None:
            named.setdefault(class_facts(row.label).name, []).append(row)
        else:
            words = REASONS.get(row.reason, row.reason).rstrip(".")
            doubtful.setdefault(f"Unidentified: {words[0].lower()}{words[1:]}", []).append(row)
    sizes = Counter({name: len(found) for name, found in named.items()})
    groups = {name: named[name] for name, _ in sizes.most_common()} | doubtful | noted
    if repeats:
        groups[REPEATS] = repeats
    return {name: sorted(found, key=lambda row: (row.confidence, row.place)) for name, found in groups.items()}


def _figure(view: BatchView, row: BatchRow, number: int) -> str:
    source = _thumbnail(view, row)
    name = class_facts(row.label).name if row.label else ""
    alt = escape(f"{number}: {name}{mark_of(row)}, {row.file}")
    if source is None:
        picture = f'<div style="{_EMPTY}" role="img" aria-label="{alt}, not at hand">not at hand</div>'
    else:
        picture = f'<img src="{source}" alt="{alt}" style="{_BOX};object-fit:cover">'
    sure = "" if row.corrected_from else f", {percent(row.confidence)}".replace(" %", "\u00a0%")
    said = f"<b>{number}</b> · {escape(name)}{sure}{escape(mark_of(row))}"
    file = (
        f'<span style="opacity:0.8" title="{escape(row.file)}">{escape(short_name(row.file.rpartition("/")[2]))}</span>'
    )
    return f'<figure style="margin:0">{picture}<figcaption style="{_WORDS}">{said}<br>{file}</figcaption></figure>'


def _thumbnail(view: BatchView, row: BatchRow) -> str | None:
    """Return a reduced picture; never remembered, as uploads go with their batch."""
    if not view.pictures_at_hand:
        return None
    try:
        data = read_picture(view.request.id, row)
        return None if data is None else reduced_address(decode_image(data, row.file).pixels)
    except WbcError:
        return None


def _to_first_page() -> None:
    st.session_state[PAGE] = 1
