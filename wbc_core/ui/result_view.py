"""One result on the page."""

from __future__ import annotations

import json

import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.biology.statements import BONE_MARROW_STUDY, RESEARCH_USE
from wbc_core.services.single_image import ImageResult
from wbc_core.ui.biology_card import show_biology
from wbc_core.ui.doubts import doubts, reason_in_words
from wbc_core.ui.explanations import show_explanations
from wbc_core.ui.failures import show_failure
from wbc_core.ui.probability_chart import show_probabilities
from wbc_core.ui.state import Shown
from wbc_core.ui.wording import confidence_in_words, listed, percent, plain, short_name


def show_result(shown: Shown) -> None:
    """Show the picture, the type with its confidence, what speaks against it, and what the cell is."""
    result = shown.result
    if result.label is None:
        show_failure(result.error, result.hint)
        return
    verdict, pictures = st.columns([7, 5], gap="medium")
    with verdict:
        _show_verdict(shown)
        if not result.outside_study:
            show_probabilities(result)
    with pictures:
        _show_pictures(shown)
    against, biology = st.columns(2, gap="medium")
    with against.container(border=True):
        _show_doubts(result)
    with biology.container(border=True):
        named = class_facts(result.label)
        sure = result.status == "classified" or result.outside_study
        st.subheader(
            f"About {named.plural}" if sure else f"If it is {_article(named.name)} {named.name_inside}", anchor=False
        )
        show_biology(named)
    show_explanations(shown)
    _show_details(result)


def _article(name: str) -> str:
    return "an" if name[0].lower() in "aeiou" else "a"


def _show_verdict(shown: Shown) -> None:
    result = shown.result
    assert result.label is not None
    name = class_facts(result.label).name
    with st.container(horizontal=True, gap="small"):
        if result.status == "classified":
            st.badge("Classified", icon=":material/check:", color="green")
        else:
            st.badge("Unidentified", icon=":material/help:", color="orange")
        if result.in_study:
            st.badge("Bone-marrow study", icon=":material/science:", color="violet")
        if shown.synthetic:
            st.badge("Synthetic sample", icon=":material/draw:", color="gray")
    if result.status == "classified":
        st.header(name, anchor=False)
        st.markdown(f"**{confidence_in_words(result.confidence)}: {percent(result.confidence)}** calibrated confidence")
    else:
        st.header("Unidentified", anchor=False)
        st.markdown(reason_in_words(result) or "The model abstains.")
        if not result.outside_study:
            kind = "class" if result.in_study else "type"
            st.markdown(f"Closest {kind}: **{name}, {percent(result.confidence)}**. A person must decide.")
        if result.reason == "low_confidence":
            st.caption(f"This model names a type from a confidence of {percent(shown.needed)} on.")
    for warning in result.warnings:
        st.warning(plain(warning.hint), title=plain(warning.message), icon=":material/visibility_off:")
    if result.in_study:
        st.info(BONE_MARROW_STUDY, icon=":material/science:")
    st.caption(f"**{RESEARCH_USE}**")


def _show_pictures(shown: Shown) -> None:
    result = shown.result
    located = result.cell_x is not None
    text = "Your picture with a ring around the located cell" if located else "Your picture; no cell was located"
    st.image(shown.outlined, alt=text, width="stretch")
    st.text(f"{short_name(result.file)}\n{result.width} × {result.height} px, {result.format}{_size(result)}")
    for note in result.notes:
        st.caption(plain(note))
    if result.crop is not None:
        side = result.crop.shape[0]
        st.image(
            result.crop,
            caption=f"What the network saw ({side} × {side} px)",
            alt="The crop around the cell that the network classified",
            width=144,
        )


def _size(result: ImageResult) -> str:
    if result.cell_diameter_um is None:
        return ""
    return f", {'cell' if result.whole_cell else 'stained body'} {result.cell_diameter_um:.1f} µm across"


def _show_doubts(result: ImageResult) -> None:
    found = doubts(result)
    st.subheader("What speaks against it", anchor=False)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found.about_this_picture))
    if found.mimics:
        st.markdown(f"**Taken for:** {plain(listed(found.mimics, 'or'))}.")
    if found.about_the_type:
        st.markdown("**Check before you believe it:**\n" + "\n".join(f"- {plain(s)}" for s in found.about_the_type))


def _show_details(result: ImageResult) -> None:
    times = result.milliseconds
    parts = ", ".join(f"{step} {times[step]:.0f} ms" for step in ("decode", "locate", "predict") if step in times)
    total = f"{times['total']:.0f} ms" if "total" in times else "unknown time"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{plain(result.model_title)} ({plain(result.model_id)}): {total} ({parts}).")
        st.download_button(
            "Download as JSON",
            json.dumps(result.as_dict(), ensure_ascii=False, indent=2),
            file_name="cell.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="single_download",
        )
