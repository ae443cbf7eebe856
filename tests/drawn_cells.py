"""Drawn cells as picture files: one, a small data set to train on, and what an import of a set must come to."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from wbc_core.datasets.synthetic import render_cell

LABELS = ("lymphocyte", "neutrophil", "platelet")


@lru_cache(maxsize=256)
def cell(label: str, seed: int, size: int = 64) -> np.ndarray:
    return render_cell(label, seed=seed, size=size)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(path.suffix.lower(), pixels[..., ::-1])[1]
    path.write_bytes(encoded.tobytes())


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


def draw_set(
    folder: Path,
    *,
    labels: Sequence[str] = LABELS,
    train: int = 4,
    val: int = 2,
    test: int = 2,
    size: int = 64,
    first_seed: int = 0,
) -> None:
    """Write a data set with so many pictures of each label in each part, and its ``split.csv``."""
    rows: list[Sequence[object]] = [("file", "label", "split")]
    for part, count in (("train", train), ("val", val), ("test", test)):
        for label in count * list(labels):
            name = f"{len(rows) - 1}.png"
            write(folder / name, render_cell(label, seed=first_seed + len(rows) - 1, size=size))
            rows.append((name, label, part))
    write_table(folder / "split.csv", rows)


@dataclass(frozen=True)
class Made:
    """A set that was written, and what must come of it.

    Attributes
    ----------
    layout : str
        The layout that must be recognised.
    counts : dict
        Pictures by canonical label and published part.
    groups : set of str or None
        The groups that must come out; None where every picture is a group of its own.
    subtypes : dict
        Pictures by subtype.
    left_out : int
        Files that must be reported as left out.
    spoiled : int
        Pictures that are lost when `spoiled_file` is unreadable.
    spoiled_file : str
        A picture file; empty where there are none.
    """

    layout: str
    counts: dict[tuple[str, str], int]
    groups: set[str] | None = None
    subtypes: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    spoiled: int = 1
    spoiled_file: str = ""
