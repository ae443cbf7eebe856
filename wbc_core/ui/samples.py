"""The eight drawn sample pictures."""

from __future__ import annotations

import cv2
import streamlit as st

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell

SAMPLE_SEEDS = dict.fromkeys(CELL_TYPES, 7) | {"basophil": 8, "immature_granulocyte": 8, "monocyte": 5}
"""Which drawing stands for each type: one that a person would call by its name."""

THUMBNAIL_SIDE = 200  # px; the cell with the red cells next to it

SAMPLE_NOTE = "Drawn by this program to show how the page works: synthetic, no real cells and no evidence of accuracy."


@st.cache_data(show_spinner=False, max_entries=len(CELL_TYPES))
def sample_png(label: str) -> bytes:
    """Return the sample of a cell type as a PNG file of 360 by 360 pixels."""
    return _png(render_cell(label, seed=SAMPLE_SEEDS[label]))


@st.cache_data(show_spinner=False, max_entries=len(CELL_TYPES))
def thumbnail_png(label: str) -> bytes:
    """Return the middle of the sample of a cell type as a PNG file."""
    picture = render_cell(label, seed=SAMPLE_SEEDS[label])
    edge = (picture.shape[0] - THUMBNAIL_SIDE) // 2
    return _png(picture[edge : edge + THUMBNAIL_SIDE, edge : edge + THUMBNAIL_SIDE])


@st.cache_data(show_spinner=False, max_entries=1)
def drawn_cells() -> dict[str, bytes]:
    """Return forty drawn cells, five of each type, as PNG files by name."""
    return {
        f"synthetic_{label}_{seed}.png": _png(render_cell(label, seed=SAMPLE_SEEDS[label] + seed))
        for label in CELL_TYPES
        for seed in range(5)
    }


@st.cache_data(show_spinner=False, max_entries=1)
def favicon_png() -> bytes:
    """Return the icon of the browser's tab, a drawn neutrophil: Streamlit would fetch a named icon from elsewhere."""
    picture = render_cell("neutrophil", seed=SAMPLE_SEEDS["neutrophil"])
    return _png(cv2.resize(picture[105:255, 105:255], (64, 64), interpolation=cv2.INTER_AREA))


def sample_name(label: str) -> str:
    """Return the file name under which a sample is classified."""
    return f"synthetic_{label}.png"


def _png(picture: cv2.typing.MatLike) -> bytes:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    return encoded.tobytes()
