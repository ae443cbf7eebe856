"""Where the model looked: a class's map painted over the user's picture, with what it does not show."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.explanation.overlay import legend, painted, placed
from wbc_core.services.explaining import Explanation
from wbc_core.ui.state import Shown
from wbc_core.ui.wording import plain

FIRST_OPACITY = 60
"""Per cent."""

NOT_SHOWN = (
    "**What this does not show.** The map says where the signals came from that were added up for this class in the "
    "model's last step. It does not say what the model saw there, nor that the reason is a good one, nor that the "
    "answer is right: a wrong answer has a map too."
)


def show_heat_map(shown: Shown, explanation: Explanation, key: str) -> None:
    """Show the map of a class, chosen among all of the model's, over the picture.

    Parameters
    ----------
    shown : Shown
        Result and picture.
    explanation : Explanation
        Of the same result.
    key : str
        Differs from picture to picture: the choice of the class starts anew with each.
    """
    picture, controls = st.columns([7, 5], gap="medium")
    with controls:
        ranked = sorted(explanation.labels, key=lambda label: -float(_logit(explanation, label)))
        label = st.selectbox(
            "Show what speaks for",
            ranked,
            index=ranked.index(shown.result.label) if shown.result.label in ranked else 0,
            format_func=lambda name: class_facts(name).name,
            key=f"single_map_class_{key}",
        )
        opacity = st.slider("Opacity of the map", 0, 100, FIRST_OPACITY, 5, format="%d %%", key="single_map_opacity")
        name = class_facts(label).name_inside
        st.image(legend(opacity / 100), alt="Scale of the map from blue to orange", width="stretch")
        st.caption(
            f"Blue speaks against {plain(name)}, orange for it, what stays clear for neither; compared with the "
            "average class. All classes share one scale. The square is what the model saw, the ring the located cell."
        )
    with picture:
        where = place_in_words(explanation.map_of(label))
        st.image(
            _painted(shown, explanation, label, opacity / 100),
            alt=f"Your picture with the map for {name} over it: {where}",
            width="stretch",
        )
        st.markdown(plain(f"{where[0].upper()}{where[1:]}."))
    rows, columns = explanation.maps.shape[1:]
    st.caption(NOT_SHOWN)
    st.caption(
        f"The map is coarse: {rows} × {columns} places over the square, blended into each other, and each of them has "
        "seen most of the cell. It can tell the cell from its surroundings, not one granule from the next."
    )


def place_in_words(values: NDArray[np.float32]) -> str:
    """Say where in the square a map is strongest for its class, for readers who do not see it.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        A map.

    Returns
    -------
    str
        From the centre of gravity of what speaks for the class.

    Examples
    --------
    >>> place_in_words(np.array([[0.0, 0.0], [0.0, 3.0]], np.float32))
    'what speaks for it lies at the lower right of the square'
    >>> place_in_words(np.array([[-1.0, -2.0]], np.float32))
    'no place in the square speaks for it'
    """
    for_it = np.clip(values, 0, None)
    if not for_it.any():
        return "no place in the square speaks for it"
    rows, columns = values.shape
    y, x = np.mgrid[:rows, :columns]
    down = float(((y + 0.5) * for_it).sum() / for_it.sum() / rows)
    across = float(((x + 0.5) * for_it).sum() / for_it.sum() / columns)
    vertical = "upper" if down < 0.42 else "lower" if down > 0.58 else ""
    horizontal = "left" if across < 0.42 else "right" if across > 0.58 else ""
    if not vertical and not horizontal:
        return "what speaks for it lies around the middle of the square"
    if not horizontal:
        return f"what speaks for it lies in the {vertical} part of the square"
    return f"what speaks for it lies at the {f'{vertical} {horizontal}'.strip()} of the square"


def _logit(explanation: Explanation, label: str) -> np.float32:
    return np.float32(explanation.logits[explanation.labels.index(label)])


def _painted(shown: Shown, explanation: Explanation, label: str, opacity: float) -> NDArray[np.uint8]:
    """Paint the map in the coordinates of the picture as it is displayed, which is a reduced one."""
    picture = np.asarray(shown.outlined, np.uint8)
    height, width = picture.shape[:2]
    scale = width / shown.result.width
    left, top, side = explanation.square
    field, inside = placed(explanation.map_of(label), (left * scale, top * scale, side * scale), height, width)
    return painted(picture, field, inside, limit=explanation.limit, opacity=opacity)
