"""How surely overlapping fields are told from others, whether each cell counts once, and what it costs.

``python -m benchmarks.field_overlaps [--split train|val] [--fields N] [--cuttings N]`` compares every pair of BCCD's
fields (``WBC_DATA_DIR``). Some do show the same part of a film; all pairs above the threshold are named, so that they
can be looked at, with the best agreement of the others. ``--cuttings`` cuts two overlapping pictures out of each of the
first so many fields, one of them darker, both with noise, and counts cells that are counted twice.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.field_detection import THREADS, Pixels, labelled_fields, overlap
from wbc_core.imaging.decoding import read_image
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.finding import find_cells
from wbc_core.smear.fields.once import count_once
from wbc_core.smear.fields.overlaps import LEAST_EVIDENCE, LONGEST, find_overlaps, overview_of
from wbc_core.smear.fields.ruler import usual_size

SHARE = 0.7
"""Width and height of a cutting as shares of its field's."""

CHANCE = 3.0
"""Evidence from which on pairs are listed at all."""


def all_pairs(split: str, most: int | None) -> None:
    """Compare all fields with one another."""
    paths = [path for path, _ in labelled_fields(split)[:most]]
    pictures = [read_image(path).pixels for path in paths]
    sizes = [size.diameter for size in map(usual_size, pictures[:40]) if size is not None]
    reduced = LONGEST / max(pictures[0].shape)
    start = time.process_time()
    overviews = [overview_of(pixels) for pixels in pictures]
    prepared = time.process_time()
    pairs = list(find_overlaps(overviews, statistics.median(sizes) * reduced, least_evidence=CHANCE))
    seconds = time.process_time() - prepared
    number = len(paths) * (len(paths) - 1) // 2
    print(
        f"BCCD {split}: {number:,} pairs of {len(paths)} fields in {seconds:.1f} s CPU, "
        f"{1000 * (prepared - start) / len(paths):.1f} ms a field before"
    )
    for pair in sorted(pairs, key=lambda pair: -pair.evidence):
        if pair.evidence >= LEAST_EVIDENCE:
            names = f"{paths[pair.first].stem} {paths[pair.second].stem}"
            print(f"  {names}: evidence {pair.evidence:.1f}, correlation {pair.agreement:.3f}")
    others = [pair.evidence for pair in pairs if pair.evidence < LEAST_EVIDENCE]
    print(f"  the others reach {max(others, default=0.0):.2f}; the threshold is {LEAST_EVIDENCE}")


def cuttings(split: str, most: int) -> None:
    """Count the cells of two overlapping cuttings of each field."""
    random = np.random.default_rng(7)
    recognised = twice = kept = cut_apart = 0
    fields = labelled_fields(split)[:most]
    for path, _ in fields:
        pixels = read_image(path).pixels
        height, width = pixels.shape[:2]
        high, wide = round(SHARE * height), round(SHARE * width)
        places = [(int(random.integers(0, width - wide + 1)), int(random.integers(0, height - high + 1))) for _ in "ab"]
        shown = [
            _taken(pixels[y : y + high, x : x + wide], light, random)
            for (x, y), light in zip(places, (1.0, 0.85), strict=True)
        ]
        found = [find_cells(picture) for picture in shown]
        red_cell = found[0].red_cell
        if red_cell is None or found[1].red_cell is None:
            cut_apart += 1
            continue
        reduced = min(1.0, LONGEST / max(high, wide))
        pairs = list(find_overlaps([overview_of(picture) for picture in shown], red_cell * reduced))
        right, below = (there - here for here, there in zip(*places, strict=True))
        placed = [replace(pair, x=pair.x / reduced, y=pair.y / reduced) for pair in pairs]
        recognised += any(abs(pair.x - right) + abs(pair.y - below) < 0.2 * red_cell for pair in placed)
        once = count_once([each.cells for each in found], placed, (wide, high), red_cell)
        counted = [
            _moved(cell, *places[at])
            for at in (0, 1)
            for number, cell in enumerate(found[at].cells)
            if cell.kind == "wbc" and cell.counted and (at, number) not in once.elsewhere
        ]
        kept += len(counted)
        twice += sum(overlap(one, other) > 0.3 for at, one in enumerate(counted) for other in counted[:at])
    print(
        f"two cuttings of {len(fields)} fields: {recognised} recognised where they lie, {cut_apart} refused; "
        f"{kept} leukocytes counted, {twice} of them twice"
    )


def _taken(part: Pixels, light: float, random: np.random.Generator) -> Pixels:
    return np.clip(part * light + random.normal(0, 4, part.shape), 0, 255).astype(np.uint8)


def _moved(cell: FieldCell, x: int, y: int) -> tuple[float, float, float, float]:
    return cell.xmin + x, cell.ymin + y, cell.xmax + x, cell.ymax + y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--fields", type=int, default=None, help="the first so many only")
    parser.add_argument("--cuttings", type=int, default=0, help="two cuttings of each of so many fields instead")
    asked = parser.parse_args()
    cv2.setNumThreads(THREADS)
    if asked.cuttings:
        cuttings(asked.split, asked.cuttings)
    else:
        all_pairs(asked.split, asked.fields)


if __name__ == "__main__":
    main()
