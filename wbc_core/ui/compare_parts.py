"""Parts of a set: accuracy by subtype, slide, quality and brightness, and the part that hides behind the average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.evaluation.prediction_table import FEWEST
from wbc_core.evaluation.subgroups import Subgroup, weakest_part
from wbc_core.services.compare_pictures import By, subgroups
from wbc_core.services.comparing import ModelComparison
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_table import written
from wbc_core.ui.wording import listed, plain

KINDS: dict[By, tuple[str, str]] = {
    "subtype": ("Subtype", "The finer label that the set gives, such as band or segmented neutrophils."),
    "group": ("Slide, donor or original", "What the set's own table calls a group: pictures that resemble each other."),
    "quality": ("Quality", "The most fundamental warning that the single-image page would show of the picture."),
    "brightness": ("Brightness", "Thirds of the set by the brightness of the empty slide."),
}
_LOOKED_AT = frozenset({"quality", "brightness"})
_NAMED: dict[By, str] = {
    "subtype": "The set gives no finer label than the class, or it is not installed here.",
    "group": "The set names no slide, donor or original, or it is not installed here.",
}


def show_parts(compared: Compared) -> None:
    """Show each model's accuracy on the parts of the set."""
    by: By = st.segmented_control(
        "Part the pictures by",
        list(KINDS),
        format_func=lambda key: KINDS[key][0],
        default=first_known(compared),
        required=True,
        key="compare_parts_by",
    )
    st.caption(KINDS[by][1])
    comparison = compared.comparison
    if by in _NAMED and not any(_column(compared, by)):
        st.info(f"{_NAMED[by]} Part the pictures by something else.", icon=":material/info:")
        return
    parts = _looked_at(compared, by) if by in _LOOKED_AT else subgroups(comparison.lineup, by)
    shown = sorted((part for part in parts if part.n >= FEWEST), key=lowest)
    if not shown:
        st.info(f"No part has {FEWEST} pictures or more.", icon=":material/info:")
        return
    for sentence in weakest_in_words(comparison, shown, by, compared.names):
        st.markdown(sentence)
    st.dataframe(
        parts_table(shown, by, compared),
        hide_index=True,
        column_config={
            "Part": st.column_config.TextColumn(pinned=True, width=200),
            "Pictures": st.column_config.NumberColumn(format="localized", width=80),
        },
        alt=f"Accuracy by {KINDS[by][0].lower()} of each model with 95 % intervals, the lowest first",
        key="compare_parts",
    )
    small = len(parts) - len(shown)
    left_out = (
        f" {small:,} {'part' if small == 1 else 'parts'} of fewer than {FEWEST} pictures left out." if small else ""
    )
    st.caption(
        "Accuracy with its 95 % interval, the part with the lowest figure first. Among many parts one or the other "
        f"looks weak by chance alone: take it as a place to look, not as proof.{left_out}"
    )


def _looked_at(compared: Compared, by: By) -> tuple[Subgroup, ...]:
    """Part by what the pictures look like; the first time each of them is read."""
    place = st.empty()

    def told(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            place.progress(done / total, text=f"Looking at the pictures: {done:,} of {total:,}")

    parts = subgroups(compared.comparison.lineup, by, find=compared.find, progress=told)
    place.empty()
    return parts


def first_known(compared: Compared) -> By:
    """Return by what the pictures are parted at first: what is known without looking at them, if anything is."""
    known: tuple[By, ...] = ("subtype", "group")
    return next((by for by in known if any(_column(compared, by))), "subtype")


def _column(compared: Compared, by: By) -> Sequence[str]:
    lineup = compared.comparison.lineup
    column: list[str] = (lineup.subtype if by == "subtype" else lineup.group).tolist()
    return column


def lowest(part: Subgroup) -> float:
    """Return the lowest accuracy that a model has on a part."""
    return min(figure.value or 0.0 for figure in part.accuracy)


def weakest_in_words(
    comparison: ModelComparison, parts: Sequence[Subgroup], by: By, names: Mapping[str, str]
) -> list[str]:
    """Name for each model the part whose interval lies below its accuracy on the whole, in Markdown.

    Parameters
    ----------
    comparison : ModelComparison
        The models.
    parts : sequence of Subgroup
        Parts of its pictures.
    by : str
        By what they were parted.
    names : mapping of str to str
        Names to show.
    """
    sentences, even = [], []
    for number, row in enumerate(comparison.measures):
        whole = row.figures["accuracy"].value
        assert whole is not None
        part = weakest_part(parts, number, whole)
        if part is None:
            even.append(names[row.name])
            continue
        figure = written(part.accuracy[number], "accuracy")
        sentences.append(
            f"**Weakest part of {plain(names[row.name])}**: {plain(part_name(part.name, by))}, {figure} on "
            f"{part.n:,} pictures, against {100 * whole:.1f} % on all; the interval lies wholly below that."
        )
    if even:
        who = "any model" if len(even) == len(comparison.measures) > 1 else plain(listed(even))
        sentences.append(f"No part of {who} lies below the whole by more than its interval allows.")
    return sentences


def parts_table(parts: Sequence[Subgroup], by: By, compared: Compared) -> pd.DataFrame:
    """Return one line for each part: its pictures, and each model's accuracy with its interval."""
    rows: dict[str, list[object]] = {
        "Part": [part_name(part.name, by) for part in parts],
        "Pictures": [part.n for part in parts],
    }
    for number, name in enumerate(compared.shown):
        rows[name] = [written(part.accuracy[number], "accuracy") for part in parts]
    return pd.DataFrame(rows)


def part_name(name: str, by: By) -> str:
    """Return a part's name as people write it.

    Examples
    --------
    >>> part_name("neutrophil: BNE", "subtype"), part_name("out_of_focus", "quality"), part_name("s_1", "group")
    ('Neutrophil: BNE', 'Out of focus', 's_1')
    """
    if by == "subtype":
        label, _, finer = name.partition(": ")
        return f"{class_facts(label).name}: {finer.replace('_', ' ')}"
    return name if by == "group" else name.replace("_", " ").capitalize()
