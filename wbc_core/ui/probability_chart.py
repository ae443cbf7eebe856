"""All types as horizontal bars, with the figures as text for readers who do not see the chart."""

from __future__ import annotations

import altair
import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.services.single_image import ImageResult
from wbc_core.ui.wording import percent

BAR_HEIGHT = 30  # px


def show_probabilities(result: ImageResult) -> None:
    """Draw the calibrated probability of each type, the most probable on top."""
    ranked = sorted(result.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    rows = pd.DataFrame(
        {
            "type": [class_facts(label).name for label, _ in ranked],
            "share": [share for _, share in ranked],
            "text": [percent(share) for _, share in ranked],
            "bar": [f"{class_facts(label).name} · {percent(share)}" for label, share in ranked],
            "rank": ["first"] + ["other"] * (len(ranked) - 1),
        }
    )
    in_words = ", ".join(f"{name} {text}" for name, text in zip(rows["type"], rows["text"], strict=True))
    st.altair_chart(_chart(rows), alt=f"Probability of each type: {in_words}.", width="stretch")
    with st.expander("The same as a table"):
        table = rows[["type", "text"]].rename(columns={"type": "Type", "text": "Probability"})
        st.table(table, hide_index=True, border="horizontal", alt="Probability of each type")


def _chart(rows: pd.DataFrame) -> altair.Chart:
    # The figures stand in the axis labels, which follow the theme; text marks would stay black in the dark.
    names = altair.Axis(labelLimit=230, labelFontSize=13, ticks=False, domain=False)
    shares = altair.Axis(format="%", values=[0, 0.5, 1], title=None)
    chart: altair.Chart = (
        altair.Chart(rows)
        .mark_bar(cornerRadius=3, height={"band": 0.62})
        .encode(
            x=altair.X("share:Q", scale=altair.Scale(domain=[0, 1]), axis=shares),
            y=altair.Y("bar:N", sort=None, title=None, axis=names),
            color=altair.Color("rank:N", scale=altair.Scale(domain=["first", "other"]), legend=None),
            tooltip=[altair.Tooltip("type:N", title="Type"), altair.Tooltip("text:N", title="Probability")],
        )
        .properties(height=BAR_HEIGHT * len(rows) + 30)
    )
    return chart
