"""All types as horizontal bars, with the figures as text for readers who do not see the chart."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.services.single_image import ImageResult
from wbc_core.ui.chart_specs import Spec, show_spec
from wbc_core.ui.wording import percent

BAR_HEIGHT = 30  # px


def show_probabilities(result: ImageResult) -> None:
    """Draw the calibrated probability of each type, the most probable on top."""
    ranked = sorted(result.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    names = [class_facts(label).name for label, _ in ranked]
    texts = [percent(share) for _, share in ranked]
    rows = pa.table(
        {
            "type": names,
            "share": [share for _, share in ranked],
            "text": texts,
            "bar": [f"{name} · {text}" for name, text in zip(names, texts, strict=True)],
            "rank": ["other" if place else "first" for place in range(len(ranked))],
        }
    )
    in_words = ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True))
    show_spec(_chart(len(ranked)), rows=rows, alt=f"Probability of each type: {in_words}.")
    with st.expander("The same as a table"):
        table = pd.DataFrame({"Type": names, "Probability": texts})
        st.table(table, hide_index=True, border="horizontal", alt="Probability of each type")


def _chart(bars: int) -> Spec:
    """Return the chart as Vega-Lite has it; Altair takes a second to import, which the first visitor would wait for."""
    # The figures stand in the axis labels, which follow the theme; text marks would stay black in the dark.
    names = {"labelLimit": 230, "labelFontSize": 13, "ticks": False, "domain": False}
    shares = {"format": "%", "values": [0, 0.5, 1], "title": None}
    ranks = {"domain": ["first", "other"]}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "height": BAR_HEIGHT * bars + 30,
        "mark": {"type": "bar", "cornerRadius": 3, "height": {"band": 0.62}},
        "encoding": {
            "x": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": shares},
            "y": {"field": "bar", "type": "nominal", "sort": None, "title": None, "axis": names},
            "color": {"field": "rank", "type": "nominal", "scale": ranks, "legend": None},
            "tooltip": [
                {"field": "type", "type": "nominal", "title": "Type"},
                {"field": "text", "type": "nominal", "title": "Probability"},
            ],
        },
    }
