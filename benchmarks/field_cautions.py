"""How often pictures are refused as fields, or bear a caution, and why.

``python -m benchmarks.field_cautions [--pictures N] [--split train]`` counts reasons and cautions over fields of BCCD,
which should have none but *thick* where red cells lie on one another, and over pictures of single cells of the other
sets, drawn at random, which are no fields. Limits are chosen on ``--split train`` alone.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2

from benchmarks.field_detection import labelled_fields
from wbc_core.datasets.sources import IMAGE_SUFFIXES
from wbc_core.imaging.decoding import read_image
from wbc_core.settings import settings
from wbc_core.smear.fields.film_words import CAUTIONS
from wbc_core.smear.fields.finding import find_cells

SINGLE_CELLS = ("pbc", "kaggle", "raabin", "cnmc")


def drawn(name: str, count: int) -> list[Path]:
    """Return pictures of a set drawn at random, the same ones each time."""
    folder = settings().data_dir / name
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return random.Random(5).sample(files, min(count, len(files)))


def measure(name: str, files: Iterable[Path]) -> None:
    """Print how many pictures of a set were refused or bear a caution."""
    word_of = {sentence: word for word, sentence in CAUTIONS.items()}
    total, refused, cautions = 0, Counter[str](), Counter[str]()
    for path in files:
        total += 1
        found = find_cells(read_image(path).pixels)
        if found.reason:
            refused[found.reason] += 1
        cautions.update(word_of[note] for note in found.notes if note in word_of)
    print(f"{name:8}{total:5}  refused {dict(refused)}  cautions {dict(cautions)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=150, help="so many of each set of single cells")
    parser.add_argument("--split", choices=("train", "val"), help="fields of this part alone; of both if not given")
    asked = parser.parse_args()
    cv2.setNumThreads(2)
    splits = ("train", "val") if asked.split is None else (asked.split,)
    measure("bccd", (path for split in splits for path, _ in labelled_fields(split)))
    for name in SINGLE_CELLS:
        measure(name, drawn(name, asked.pictures))


if __name__ == "__main__":
    main()
