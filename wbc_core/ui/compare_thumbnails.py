"""Small pictures with what each model said of them, as one piece of HTML: a page of them must appear at once."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.errors import ImageError
from wbc_core.evaluation.lineup import Lineup
from wbc_core.imaging.decoding import read_image
from wbc_core.services.compare_pictures import Finder, picture_path
from wbc_core.ui.wording import percent, short_name

SIDE = 112  # px on the page
_SHARPNESS = 1.5  # pixels of the file for each of the page
_QUALITY = 82  # of JPEG; some 5 kB for each picture

_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:0.9rem"
_FIGURE = "margin:0;display:flex;gap:0.7rem;align-items:flex-start;min-width:0"
_WORDS = "font-size:0.875rem;line-height:1.4;min-width:0;overflow-wrap:anywhere"
_LINE = "font-size:inherit;margin:0;padding:0"
_BOX = f"flex:none;width:{SIDE}px;height:{SIDE}px;border-radius:0.4rem"
_EMPTY = f"{_BOX};display:flex;align-items:center;justify-content:center;text-align:center;border:1px dashed #8888"


def gallery_html(
    lineup: Lineup, rows: NDArray[np.int64], names: Mapping[str, str], find: Finder = picture_path
) -> tuple[str, int]:
    """Return pictures with file name, truth and each model's answer as HTML, and how many are not at hand.

    Parameters
    ----------
    lineup : Lineup
        The comparison's pictures.
    rows : ndarray of int64, shape (pictures,)
        Which to show, in this order.
    names : mapping of str to str
        Names of the models to show.
    find : callable
        Where the pictures lie; in the sets' folders if not given.
    """
    figures, missing = [], 0
    said, right = lineup.said[:, rows], lineup.right[:, rows]
    confidence = lineup.probabilities[:, rows].max(axis=2)
    for place, row in enumerate(rows):
        source = small_picture(find(lineup.source[row], lineup.file[row]), keep=find is picture_path)
        missing += source is None
        truth = class_facts(lineup.labels[lineup.truth[row]]).name
        answers = [
            (
                names[model],
                lineup.labels[said[number, place]],
                float(confidence[number, place]),
                bool(right[number, place]),
            )
            for number, model in enumerate(lineup.names)
        ]
        figures.append(_figure(lineup.file[row], truth, source, [_answer(*answer) for answer in answers]))
    return f'<div style="{_GRID}">{"".join(figures)}</div>', missing


def small_picture(path: Path | None, *, keep: bool = True) -> str | None:
    """Return a reduced picture as a data address; None where it is not at hand or cannot be read.

    Parameters
    ----------
    path : Path or None
        Its file.
    keep : bool
        Whether to remember it for every visitor; not what one has uploaded.
    """
    if path is None:
        return None
    return _kept(path, path.stat().st_mtime_ns) if keep else _reduced(path)


@lru_cache(maxsize=4000)  # some 30 MB
def _kept(path: Path, changed: int) -> str | None:
    # A changed file is another one: `changed` is part of what the cache goes by.
    return _reduced(path)


def reduced_address(pixels: NDArray[np.uint8]) -> str | None:
    """Return a picture, reduced to what the page shows of it, as a data address; None where it cannot be encoded."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE * _SHARPNESS / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}" if done else None


def _reduced(path: Path) -> str | None:
    try:
        pixels = read_image(path).pixels
    except ImageError:
        return None
    return reduced_address(pixels)


def figure_html(file: str, truth: str, source: str | None, lines: Sequence[str]) -> str:
    """Return one picture with its true class and lines of plain text beside it as HTML.

    Parameters
    ----------
    file : str
        Its name.
    truth : str
        Name of its class.
    source : str or None
        From :func:`small_picture`.
    lines : sequence of str
        What stands below the class; escaped here.
    """
    return _figure(file, truth, source, [f'<li style="{_LINE}">{_unbroken(line)}</li>' for line in lines])


def _figure(file: str, truth: str, source: str | None, answers: list[str]) -> str:
    alt = f"{truth}, picture {Path(file).name}"
    if source is None:
        picture = f'<div style="{_EMPTY}" role="img" aria-label="{escape(alt)}, not at hand">not at hand</div>'
    else:
        picture = f'<img src="{source}" alt="{escape(alt)}" style="{_BOX};object-fit:cover">'
    items = "".join(answers)
    return (
        f'<figure style="{_FIGURE}">{picture}<figcaption style="{_WORDS}"><strong>{escape(truth)}</strong> (truth)'
        f'<ul style="list-style:none;font-size:inherit;margin:0.15rem 0;padding:0">{items}</ul>'
        f'<span style="opacity:0.8" title="{escape(file)}">{escape(short_name(file))}</span></figcaption></figure>'
    )


def _unbroken(text: str) -> str:
    """Escape text for HTML, and keep each figure and its sign on one line."""
    return re.sub("(&[lg]t;) ", r"\1&nbsp;", escape(text)).replace(" %", "&nbsp;%")


def _answer(name: str, label: str, confidence: float, right: bool) -> str:
    mark = '<span role="img" aria-label="right">✓</span>' if right else '<span role="img" aria-label="wrong">✗</span>'
    said = f"{mark} {_unbroken(f'{class_facts(label).name}, {percent(confidence)}')}"
    return f"<li style='{_LINE}'>{said if right else f'<strong>{said}</strong>'} · {escape(name)}</li>"
