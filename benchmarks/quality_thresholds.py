"""How often each quality warning appears on real pictures, as they are and made worse on purpose.

``python -m benchmarks.quality_thresholds [--images 1000]`` prints the table that the docstring of
``wbc_core.imaging.quality`` quotes. Only train and validation pictures are used; the thresholds were chosen on them.
Needs the labelled image sets (``WBC_DATA_DIR``).
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cell_contrast import red_cells_alone
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.localisation import CONVINCING_CONTRAST, CellLocation, locate_cell
from wbc_core.imaging.quality import assess_quality
from wbc_core.settings import settings

SETS = ("pbc", "raabin", "kaggle")
CODES = ("out_of_focus", "overexposed", "underexposed", "no_cell", "several_cells", "low_resolution")

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, CellLocation], Pixels]


def blurred(share: float) -> Change:
    """Blur by a Gaussian of ``share`` diameters of the nucleus, black corners kept out of it."""

    def change(pixels: Pixels, location: CellLocation) -> Pixels:
        width = share * location.diameter
        lit = (pixels.max(axis=2) >= 12).astype(np.float32)
        lit = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, np.ones((3, 3)))  # dark grains inside the cell are no corner
        weight = cv2.GaussianBlur(lit, (0, 0), width)[..., None]
        spread = cv2.GaussianBlur(pixels * lit[..., None], (0, 0), width) / np.maximum(weight, 1e-3)
        return np.clip(np.round(spread * lit[..., None]), 0, 255).astype(np.uint8)

    return change


def brightened(factor: float) -> Change:
    """Multiply every channel, as more or less light does."""
    return lambda pixels, _: np.clip(pixels * np.float32(factor), 0, 255).astype(np.uint8)


def resized(factor: float) -> Change:
    """Resize, as another camera or program does."""
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda pixels, _: cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "as they are": lambda pixels, _: pixels,
    "half the size": resized(0.5),
    "2.5 times the size": resized(2.5),
    **{f"blur {share:.2f}": blurred(share) for share in (0.03, 0.05, 0.07, 0.10, 0.15)},
    **{f"light x{factor}": brightened(factor) for factor in (0.6, 0.45, 0.35, 1.3, 1.6, 2.0, 2.5)},
}


def sample(name: str, most: int) -> Iterator[Pixels]:
    """Yield pictures of a set's train and validation parts, drawn with a fixed seed."""
    folder = settings().data_dir / name
    with (folder / "split.csv").open(newline="") as file:
        files = [row["file"] for row in csv.DictReader(file) if row["split"] in ("train", "val")]
    random.Random(7).shuffle(files)
    for file_name in files[:most]:
        yield read_image(folder / file_name).pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=1000, help="pictures per set at most")
    images = parser.parse_args().images
    cv2.setNumThreads(1)
    spent: list[float] = []
    for name in SETS:
        counts: dict[str, Counter[str]] = {change: Counter() for change in CHANGES}
        total = 0
        for pixels in sample(name, images):
            total += 1
            original = locate_cell(pixels)
            for title, change in CHANGES.items():
                changed = change(pixels, original)
                location = locate_cell(changed)
                start = time.perf_counter()
                warnings = assess_quality(changed, location)
                spent.append(time.perf_counter() - start)
                counts[title].update(warning.code for warning in warnings)
                counts[title]["any"] += bool(warnings)
        print(f"\n{name}: % of {total} pictures with a warning")
        print(f"{'':20}" + "".join(f"{code:>15}" for code in (*CODES, "any")))
        for title, count in counts.items():
            print(f"{title:20}" + "".join(f"{100 * count[code] / total:15.1f}" for code in (*CODES, "any")))
    contrasts = red_cells_alone()
    print(
        f"\nred cells alone: no_cell for {sum(c < CONVINCING_CONTRAST for c in contrasts)} of {len(contrasts)} pictures"
    )
    print(f"median time of one assessment: {1e3 * float(np.median(spent)):.2f} ms")


if __name__ == "__main__":
    main()
