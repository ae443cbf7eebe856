"""Small sets of drawn fields of several cells, with the places of the cells, in the layouts that are imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.drawn_cells import Made, cell, write


def field_of(cells: dict[tuple[int, int], np.ndarray], size: tuple[int, int] = (600, 700)) -> np.ndarray:
    """A pale field with cells whose centres lie at the given x and y."""
    pixels = np.full((*size, 3), (236, 232, 238), np.uint8)
    for (x, y), drawn in cells.items():
        half = len(drawn) // 2
        pixels[y - half : y - half + len(drawn), x - half : x - half + len(drawn)] = drawn
    return pixels


def all_idb1(folder: Path, jpg: str) -> Made:
    """Two fields with blasts and their centroids, two without."""
    centres = {"Im001_1": ((200, 210), (520, 380)), "Im002_1": ((350, 300),)}
    for name, points in centres.items():
        cells = {point: cell("lymphocyte", at, 140) for at, point in enumerate(points)}
        write(folder / f"im/{name}{jpg}", field_of(cells))
        (folder / "xyc").mkdir(exist_ok=True)
        (folder / f"xyc/{name}.xyc").write_text("".join(f"{x}\t{y}\r\n" for x, y in points))
    for number in (3, 4):
        write(folder / f"im/Im00{number}_0{jpg}", field_of({(300, 320): cell("monocyte", number, 160)}))
        (folder / f"xyc/Im00{number}_0.xyc").write_text("")
    return Made(
        "all-idb1",
        {("lymphoblast", ""): 3, ("normal_precursor", ""): 2},
        {"Im001", "Im002", "Im003", "Im004"},
        spoiled=2,
        spoiled_file=f"im/Im001_1{jpg}",
    )


def voc(folder: Path, jpg: str) -> Made:
    """Two fields in BCCD's form, each with a leukocyte, a red cell and two platelets."""
    boxes = (("WBC", 100, 100, 300, 310), ("RBC", 400, 60, 470, 130), ("Platelets", 500, 300, 540, 342))
    for number in range(2):
        name = f"BloodImage_{number:05d}"
        cells = {(200, 205): cell("neutrophil", number, 160), (520, 320): cell("platelet", number, 80)}
        write(folder / f"BCCD/JPEGImages/{name}{jpg}", field_of({**cells, (100, 500): cell("platelet", 9, 80)}))
        objects = "".join(
            f"<object><name>{label}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>"
            f"</bndbox></object>"
            for label, a, b, c, d in (*boxes, ("Platelets", 80, 480, 120, 520))
        )
        annotation = f"<annotation><filename>{name}.jpg</filename>{objects}</annotation>"
        path = folder / f"BCCD/Annotations/{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(annotation)
        listed = folder / f"BCCD/ImageSets/Main/{('train', 'test')[number]}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text(name + "\n")
    return Made(
        "voc",
        {("platelet", "train"): 2, ("platelet", "test"): 2},
        {"BloodImage_00000", "BloodImage_00001"},
        left_out=4,
        spoiled=2,
        spoiled_file=f"BCCD/JPEGImages/BloodImage_00000{jpg}",
    )
