"""The eleven morphology attributes of WBCAtt, and how they read in words.

Tsutsui et al. 2023, "WBCAtt: A White Blood Cell Dataset Annotated with Detailed Morphological Attributes", NeurIPS
Datasets and Benchmarks (arXiv:2306.13531): pathologists described leukocytes of the PBC set (Acevedo et al. 2020).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import DatasetError

TABLE_NAME = "attributes.csv"

ATTRIBUTES = (
    "cell_size",
    "cell_shape",
    "nucleus_shape",
    "nuclear_cytoplasmic_ratio",
    "chromatin_density",
    "cytoplasm_vacuole",
    "cytoplasm_texture",
    "cytoplasm_colour",
    "granule_type",
    "granule_colour",
    "granularity",
)
"""Columns of the table."""

DESCRIBED = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
"""The table describes these cells only."""


@dataclass(frozen=True)
class DescribedCell:
    """A picture and what a pathologist saw in it: one value an attribute, in the order of `ATTRIBUTES`."""

    image: LabelledImage
    values: tuple[str, ...]


def described_cells(folder: Path, images: Sequence[LabelledImage]) -> tuple[DescribedCell, ...]:
    """Join pictures to a set's ``attributes.csv`` by file name, whatever the file's type.

    Parameters
    ----------
    folder : Path
        The set's folder.
    images : sequence of LabelledImage
        Pictures of that set; those without a description are left out.

    Returns
    -------
    tuple of DescribedCell
        In the order of the pictures.

    Raises
    ------
    DatasetError
        If the table is missing or lacks a column, or none of the pictures stands in it.
    """
    table = folder / TABLE_NAME
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = {"img_name", *ATTRIBUTES} - set(reader.fieldnames or ())
            rows = [] if missing else list(reader)
    except OSError as error:
        raise DatasetError(
            f"There are no described cells at {table}.", "Put WBCAtt's table there: it describes cells of the PBC set."
        ) from error
    if missing:
        raise DatasetError(
            f"{table} lacks the column {' and '.join(sorted(missing))}.", "Use WBCAtt's table as it was published."
        )
    known = {Path(row["img_name"]).stem: tuple(row[name] for name in ATTRIBUTES) for row in rows}
    cells = tuple(DescribedCell(image, known[stem]) for image in images if (stem := Path(image.file).stem) in known)
    if not cells:
        raise DatasetError(
            f"None of the pictures stands in {table}.", "The table describes pictures of the PBC set, by file name."
        )
    return cells
