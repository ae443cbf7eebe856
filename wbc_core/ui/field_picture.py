"""A field with a box around every cell: zoom it, choose a cell by mouse, finger or keyboard."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

WIDEST = 1800  # px of the picture that is sent; a larger field is reduced, its boxes stay where they are
_QUALITY = 85  # of JPEG

_HTML = """<div class="tools">
<button class="less" type="button" aria-label="Zoom out">−</button>
<button class="more" type="button" aria-label="Zoom in">+</button>
<span class="hint"></span>
</div>
<div class="frame"><div class="stage"><img><svg xmlns="http://www.w3.org/2000/svg"></svg></div></div>"""

_CSS = """.tools { display: flex; gap: 0.5rem; align-items: center; margin-bottom: 0.5rem; font-family: var(--st-font);
  color: var(--st-text-color); font-size: 0.875rem; }
.tools button { width: 2.2rem; height: 2.2rem; border: 1px solid var(--st-border-color); cursor: pointer;
  border-radius: var(--st-base-radius); background: var(--st-background-color); color: var(--st-text-color);
  font-size: 1.1rem; }
.frame { overflow: auto; max-height: 640px; border-radius: var(--st-base-radius); }
.stage { position: relative; width: 100%; }
img { display: block; width: 100%; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; }
rect { fill: transparent; stroke-width: 2; vector-effect: non-scaling-stroke; cursor: pointer; }
rect:hover, rect:focus { fill: rgba(255, 255, 255, 0.25); outline: none; stroke-width: 4; }
rect.wbc { stroke: #5b21b6; } rect.platelet { stroke: #0f766e; } rect.rbc { stroke: #c2410c; stroke-width: 1; }
rect.smudge_cell { stroke: #be185d; } rect.artefact { stroke: #475569; }
rect.uncertain { stroke-dasharray: 6 4; } rect.corrected { stroke: #1d4ed8; stroke-width: 3; }
rect.left { stroke-opacity: 0.45; } svg.adding, svg.adding rect { cursor: crosshair; }
rect.chosen { stroke: #facc15; stroke-width: 4; }
text { font: 600 14px sans-serif; fill: #ffffff; paint-order: stroke; stroke: #3b0764; stroke-width: 3px;
  pointer-events: none; }"""

# Names reach the page as text and attributes only, never as markup.
_JS = """const ZOOMS = [1, 1.5, 2, 3, 4, 6];
const NS = 'http://www.w3.org/2000/svg';
export default function (component) {
  const { data, parentElement: root, setTriggerValue } = component;
  const find = (selector) => root.querySelector(selector);
  const stage = find('.stage'), svg = find('svg'), image = find('img');
  if (image.src !== data.picture) { image.src = data.picture; }
  image.alt = data.alt;
  find('.hint').textContent = data.hint;
  svg.setAttribute('viewBox', `0 0 ${data.width} ${data.height}`);
  svg.replaceChildren();
  for (const box of data.boxes) {
    const rect = document.createElementNS(NS, 'rect');
    rect.setAttribute('x', box.x); rect.setAttribute('y', box.y);
    rect.setAttribute('width', box.w); rect.setAttribute('height', box.h);
    rect.setAttribute('class', box.kind + (box.number === data.chosen ? ' chosen' : ''));
    rect.setAttribute('tabindex', '0'); rect.setAttribute('role', 'button');
    rect.setAttribute('aria-label', box.words);
    const title = document.createElementNS(NS, 'title');
    title.textContent = box.words;
    rect.appendChild(title);
    const choose = () => { if (!data.adding) { setTriggerValue('chosen', box.number); } };
    rect.onclick = choose;
    rect.onkeydown = (event) => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); event.stopPropagation(); choose(); }
    };
    svg.appendChild(rect);
    if (box.mark) {
      const mark = document.createElementNS(NS, 'text');
      mark.textContent = box.mark;
      mark.setAttribute('x', box.x); mark.setAttribute('y', box.y > 16 ? box.y - 4 : box.y + box.h + 14);
      mark.style.fontSize = `${Math.max(10, data.width / 46, (11 * data.width) / (stage.clientWidth || 640))}px`;
      svg.appendChild(mark);
    }
  }
  svg.classList.toggle('adding', data.adding);
  svg.onclick = (event) => {
    if (!data.adding) { return; }
    const place = svg.getBoundingClientRect();
    setTriggerValue('point', [
      ((event.clientX - place.left) / place.width) * data.width,
      ((event.clientY - place.top) / place.height) * data.height,
    ]);
  };
  const zoom = (step) => {
    const at = Math.min(ZOOMS.length - 1, Math.max(0, Number(stage.dataset.zoom || 0) + step));
    stage.dataset.zoom = at;
    stage.style.width = `${100 * ZOOMS[at]}%`;
  };
  find('.more').onclick = () => zoom(1);
  find('.less').onclick = () => zoom(-1);
}"""

_component = st.components.v2.component("wbc_field", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class Box:
    """One cell in the picture.

    Attributes
    ----------
    number : int
        By which a click names it.
    xmin, ymin, xmax, ymax : float
        In pixels of the field.
    style : str
        Words of the cell's kind, ``uncertain``, ``left``.
    words : str
        What a screen reader and the pointer say.
    mark : str
        Stands beside the box; may be empty.
    """

    number: int
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    style: str
    words: str
    mark: str = ""


def show_field(
    pixels: NDArray[np.uint8],
    boxes: Sequence[Box],
    *,
    chosen: int | None,
    alt: str,
    hint: str,
    key: str,
    on_choice: Callable[[int], None],
    on_point: Callable[[float, float], None] | None = None,
) -> None:
    """Show a field with its boxes.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        In RGB.
    boxes : sequence of Box
        Small ones last, so that they can be reached.
    chosen : int, optional
        Number of the box that is marked.
    alt, hint : str
        What the picture shows, and what can be done.
    key : str
        Of the component.
    on_choice : callable
        Called with the number of the box that is chosen, before the page runs again.
    on_point : callable, optional
        Where given, clicks choose no boxes: it is called with x and y of the place, in pixels of the field.
    """
    height, width = pixels.shape[:2]

    def choose() -> None:
        number = st.session_state[key]["chosen"]
        if number is not None:
            on_choice(int(number))

    def point() -> None:
        place = st.session_state[key]["point"]
        if place is not None and on_point is not None:
            on_point(float(place[0]), float(place[1]))

    _component(
        data={
            "picture": _jpeg(pixels),
            "width": width,
            "height": height,
            "chosen": chosen,
            "alt": alt,
            "hint": hint,
            "adding": on_point is not None,
            "boxes": [
                {
                    "number": box.number,
                    "x": round(box.xmin, 1),
                    "y": round(box.ymin, 1),
                    "w": round(box.xmax - box.xmin, 1),
                    "h": round(box.ymax - box.ymin, 1),
                    "kind": box.style,
                    "words": box.words,
                    "mark": box.mark,
                }
                for box in boxes
            ],
        },
        key=key,
        on_chosen_change=choose,
        on_point_change=point,
    )


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    scale = min(1.0, WIDEST / pixels.shape[1])
    if scale < 1:
        size = (WIDEST, max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
