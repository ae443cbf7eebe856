"""The eight drawn sample pictures."""

from __future__ import annotations

import cv2
import streamlit as st

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.services.drawn_samples import SAMPLE_SEEDS, as_png, sample_png

__all__ = ["SAMPLE_NOTE", "SAMPLE_SEEDS", "drawn_cells", "favicon_png", "sample_name", "sample_png", "thumbnail_png"]

THUMBNAIL_SIDE = 200  # px; the cell with the red cells next to it

SAMPLE_NOTE = "Drawn by this program to show how the page works: synthetic, no real cells and no evidence of accuracy."


@st.cache_data(show_spinner=False, max_entries=len(CELL_TYPES))
def thumbnail_png(label: str) -> bytes:
    """Return the middle of the sample of a cell type as a PNG file."""
    picture = render_cell(label, seed=SAMPLE_SEEDS[label])
    edge = (picture.shape[0] - THUMBNAIL_SIDE) // 2
    return as_png(picture[edge : edge + THUMBNAIL_SIDE, edge : edge + THUMBNAIL_SIDE])


@st.cache_data(show_spinner=False, max_entries=1)
def drawn_cells() -> dict[str, bytes]:
    """Return forty drawn cells, five of each type, as PNG files by name."""
    return {
        f"synthetic_{label}_{seed}.png": as_png(render_cell(label, seed=SAMPLE_SEEDS[label] + seed))
        for label in CELL_TYPES
        for seed in range(5)
    }


@st.cache_data(show_spinner=False, max_entries=1)
def favicon_png() -> bytes:
    """Return the icon of the browser's tab, a drawn neutrophil: Streamlit would fetch a named icon from elsewhere."""
    picture = render_cell("neutrophil", seed=SAMPLE_SEEDS["neutrophil"])
    return as_png(cv2.resize(picture[105:255, 105:255], (64, 64), interpolation=cv2.INTER_AREA))


def sample_name(label: str) -> str:
    """Return the file name under which a sample is classified."""
    return f"synthetic_{label}.png"
