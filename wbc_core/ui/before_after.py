"""Two pictures in one frame, parted by a line that the visitor moves: with the mouse, a finger or the arrow keys."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

SIDE = 448  # px; both pictures are brought to this width without smoothing

_HTML = """<figure>
<div class="frame"><img class="before"><img class="after"><div class="line"></div></div>
<input type="range" min="0" max="100" value="50">
<figcaption><span class="left"></span><span class="right"></span></figcaption>
</figure>"""

_CSS = """figure { margin: 0; max-width: 448px; font-family: var(--st-font); color: var(--st-text-color); }
.frame { position: relative; border-radius: var(--st-base-radius); overflow: hidden; }
img { display: block; width: 100%; }
.after { position: absolute; inset: 0; }
.line { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--st-primary-color); }
input { width: 100%; margin: 0.5rem 0 0; accent-color: var(--st-primary-color); }
figcaption { display: flex; justify-content: space-between; gap: 1rem; font-size: 0.875rem; }"""

# Names reach the page as text and attributes only, never as markup.
_JS = """export default function (component) {
  const { data, parentElement: root } = component;
  const find = (selector) => root.querySelector(selector);
  find('.before').src = data.before;
  find('.before').alt = data.before_name;
  find('.after').src = data.after;
  find('.after').alt = data.after_name;
  find('.left').textContent = '◀ ' + data.before_name;
  find('.right').textContent = data.after_name + ' ▶';
  const range = find('input');
  range.setAttribute('aria-label', 'Part between ' + data.before_name + ' and ' + data.after_name);
  const move = () => {
    find('.after').style.clipPath = 'inset(0 0 0 ' + range.value + '%)';
    find('.line').style.left = range.value + '%';
  };
  range.oninput = move;
  move();
}"""

_component = st.components.v2.component("wbc_before_after", html=_HTML, css=_CSS, js=_JS)


def show_before_after(
    before: NDArray[np.uint8], after: NDArray[np.uint8], before_name: str, after_name: str, *, key: str
) -> None:
    """Show two pictures of the same field, one left and one right of a line that can be moved.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (height, width, 3)
        In RGB; of the same shape, apart from scale.
    before_name, after_name : str
        What they are.
    key : str
        Of the component.
    """
    _component(
        data={"before": _png(before), "after": _png(after), "before_name": before_name, "after_name": after_name},
        key=key,
    )


def _png(pixels: NDArray[np.uint8]) -> str:
    height = round(SIDE * pixels.shape[0] / pixels.shape[1])
    sized = cv2.resize(pixels, (SIDE, height), interpolation=cv2.INTER_NEAREST)
    done, encoded = cv2.imencode(".png", sized[..., ::-1])
    assert done
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"
