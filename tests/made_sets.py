"""Small sets of drawn cells in every layout that is imported, with what an import of each must come to."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from wbc_core.datasets.synthetic import render_cell

TYPES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
BLOODMNIST = ("basophil", "eosinophil", "erythroblast", "immature_granulocyte", *TYPES[2:], "platelet")


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


def class_folders(folder: Path, jpg: str) -> Made:
    """Parts, classes under laboratories' names, and folders of patients below the classes."""
    for part, count in (("train", 2), ("Validation", 1), ("test", 1)):
        for name, label in (("Neutrophils", "neutrophil"), ("Mono", "monocyte"), ("LYMPH", "lymphocyte")):
            for seed in range(count):
                write(folder / "cells" / part / name / f"patient{seed}{part}" / f"{seed}{jpg}", cell(label, seed))
    labels = ("neutrophil", "monocyte", "lymphocyte")
    return Made(
        "class-folders",
        {(label, part): count for label in labels for part, count in (("train", 2), ("val", 1), ("test", 1))},
        {"patient0train", "patient1train", "patient0Validation", "patient0test"},
        spoiled_file=f"cells/train/Mono/patient0train/0{jpg}",
    )


def csv_table(folder: Path, jpg: str) -> Made:
    rows: list[Sequence[object]] = [("File", "Label", "Group", "split", "SUBTYPE")]
    for seed in range(4):
        for label in ("eosinophil", "basophil"):
            name = f"pictures/{label[:3]}{seed}{jpg}"
            write(folder / name, cell(label, seed))
            rows.append((name, label.upper(), f"slide{seed}", "test" if seed == 3 else "training", f"kind{seed % 2}"))
    write_table(folder / "cells.csv", rows)
    counts = {(label, part): n for label in ("eosinophil", "basophil") for part, n in (("train", 3), ("test", 1))}
    return Made(
        "csv",
        counts,
        {f"slide{seed}" for seed in range(4)},
        {"kind0": 4, "kind1": 4},
        spoiled_file=f"pictures/eos0{jpg}",
    )


def kaggle(folder: Path, jpg: str) -> Made:
    for part, originals in (("TRAIN", (0, 1)), ("TEST", (0,))):
        for label in TYPES[1:]:
            for original in originals:
                for turn in range(2):
                    pixels = np.rot90(cell(label, original + 5 * len(part)), turn)
                    write(folder / f"images/{part}/{label.upper()}/_{original}_{turn * 1000 + 7}{jpg}", pixels)
    write(folder / f"images/TEST_SIMPLE/EOSINOPHIL/_0_5239{jpg}", cell("eosinophil", 99))
    return Made(
        "kaggle",
        {(label, part): count for label in TYPES[1:] for part, count in (("train", 4), ("test", 2))},
        {
            f"{part}-{label.upper()}-{n}"
            for label in TYPES[1:]
            for part, ns in (("TRAIN", (0, 1)), ("TEST", (0,)))
            for n in ns
        },
        left_out=1,
        spoiled_file=f"images/TRAIN/MONOCYTE/_1_7{jpg}",
    )


def pbc(folder: Path, jpg: str) -> Made:
    subtypes = {
        "basophil": ("BA",),
        "ig": ("IG", "MMY", "MY", "PMY"),
        "neutrophil": ("BNE", "SNE", "NEUTROPHIL"),
        "platelet": ("PLATELET",),
    }
    drawn = {"ig": "immature_granulocyte"}
    for label, prefixes in subtypes.items():
        for seed in range(4):
            prefix = prefixes[seed % len(prefixes)]
            pixels = cell(drawn.get(label, label), seed)
            write(folder / f"PBC_dataset_normal_DIB/{label}/{prefix}_{1000 + seed}{jpg}", pixels)
    counts = {(drawn.get(label, label), ""): 4 for label in subtypes}
    expected = Counter(prefixes[seed % len(prefixes)] for prefixes in subtypes.values() for seed in range(4))
    return Made("pbc", counts, None, dict(expected), spoiled_file=f"PBC_dataset_normal_DIB/ig/IG_1000{jpg}")


def raabin(folder: Path, jpg: str) -> Made:
    """Names ``label_imageid`` in one test, class folders in the other and in training."""
    for label in TYPES:
        for seed in range(2):
            write(folder / f"Train/{label.title()}/95-9-4-{seed}_8{seed}_1{jpg}", cell(label, seed))
        write(folder / f"TestA/{label.title()}_95-8-22-5_11_1{jpg}", cell(label, 7))
    for label in ("eosinophil", "neutrophil"):
        write(folder / f"TestB/{label.title()}/95-1-1-1_3_2{jpg}", cell(label, 8))
    counts = {(label, "train"): 2 for label in TYPES} | {(label, "test"): 1 for label in TYPES}
    counts |= {("eosinophil", "test"): 2, ("neutrophil", "test"): 2}
    groups = {"95-9-4-0", "95-9-4-1", "95-8-22-5", "95-1-1-1"}
    return Made("raabin", counts, groups, spoiled_file=f"Train/Monocyte/95-9-4-0_80_1{jpg}")


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


def all_idb2(folder: Path, jpg: str) -> Made:
    tif = ".TIF" if jpg.isupper() else ".tif"
    for number in range(6):
        blast = number < 3
        pixels = cell("lymphocyte" if blast else "eosinophil", number)
        write(folder / f"ALL_IDB2/img/Im{number + 1:03d}_{int(blast)}{tif}", pixels)
    counts = {("lymphoblast", ""): 3, ("normal_precursor", ""): 3}
    return Made("all-idb2", counts, None, spoiled_file=f"ALL_IDB2/img/Im001_1{tif}")


def cnmc(folder: Path, jpg: str) -> Made:
    """Two folds, the preliminary test with its table, and the final test, whose names are the same."""
    bmp = ".BMP" if jpg.isupper() else ".bmp"
    for fold, (patient, healthy) in enumerate((("11", "H3"), ("12", "H4"))):
        for seed in range(2):
            train = folder / f"C-NMC_training_data/fold_{fold}"
            write(train / f"all/UID_{patient}_{seed}_1_all{bmp}", cell("lymphocyte", seed + 10 * fold))
            write(train / f"hem/UID_{healthy}_{seed}_1_hem{bmp}", cell("monocyte", seed + 10 * fold))
    prelim = folder / "validation_data/C-NMC_test_prelim_phase_data"
    rows: list[Sequence[object]] = [("Patient_ID", "new_names", "labels")]
    for number, (subject, word) in enumerate((("57", "all"), ("57", "all"), ("H17", "hem")), start=1):
        write(prelim / f"{number}{bmp}", cell("lymphocyte" if word == "all" else "monocyte", 30 + number))
        rows.append((f"UID_{subject}_{number}_1_{word}.bmp", f"{number}.bmp", int(word == "all")))
    write_table(folder / "validation_data/C-NMC_test_prelim_phase_data_labels.csv", rows)
    write(folder / f"testing_data/C-NMC_test_final_phase_data/1{bmp}", cell("lymphocyte", 50))
    return Made(
        "cnmc",
        {
            ("lymphoblast", "train"): 4,
            ("normal_precursor", "train"): 4,
            ("lymphoblast", "val"): 2,
            ("normal_precursor", "val"): 1,
        },
        {"11", "12", "H3", "H4", "57", "H17"},
        left_out=1,
        spoiled_file=f"C-NMC_training_data/fold_0/all/UID_11_0_1_all{bmp}",
    )


def lisc(folder: Path, jpg: str) -> Made:
    bmp = ".BMP" if jpg.isupper() else ".bmp"
    named = {"Baso": "basophil", "eosi": "eosinophil", "lymp": "lymphocyte", "mono": "monocyte", "neut": "neutrophil"}
    for name, label in named.items():
        for seed in range(2):
            write(folder / f"LISC Database/Main Dataset/{name}/{seed + 1}{bmp}", cell(label, seed))
        mask = folder / f"LISC Database/Ground Truth Segmentation/{name}/areaforexpert1/1_expert{bmp}"
        write(mask, np.zeros((64, 64, 3), np.uint8))
    write(folder / f"LISC Database/Main Dataset/mixt/1{bmp}", cell("monocyte", 9))
    return Made(
        "lisc",
        {(label, ""): 2 for label in named.values()},
        None,
        left_out=6,
        spoiled_file=f"LISC Database/Main Dataset/neut/1{bmp}",
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


def medmnist(folder: Path, jpg: str) -> Made:
    arrays = {}
    for part, count in (("train", 2), ("val", 1), ("test", 1)):
        frames = [
            cv2.resize(cell(label, seed), (28, 28), interpolation=cv2.INTER_AREA)
            for label in BLOODMNIST
            for seed in range(count)
        ]
        arrays[f"{part}_images"] = np.stack(frames)
        arrays[f"{part}_labels"] = np.repeat(np.arange(8), count)[:, None].astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "bloodmnist.npz", **arrays)
    if jpg.isupper():
        (folder / "bloodmnist.npz").rename(folder / "bloodmnist.NPZ")
    counts = {(label, part): n for label in BLOODMNIST for part, n in (("train", 2), ("val", 1), ("test", 1))}
    return Made("medmnist", counts, None)


def own(folder: Path, jpg: str) -> Made:
    """A set in the form in which sets are kept here, which other layouts would understand too."""
    rows: list[Sequence[object]] = [("file", "label", "group", "split")]
    for seed in range(3):
        for label in ("eosinophil", "monocyte"):
            write(folder / f"{label}/{seed}{jpg}", cell(label, seed))
            rows.append((f"{label}/{seed}{jpg}", label, f"donor{seed}", ("train", "val", "test")[seed]))
    write_table(folder / "split.csv", rows)
    counts = {(label, part): 1 for label in ("eosinophil", "monocyte") for part in ("train", "val", "test")}
    return Made("split-csv", counts, {"donor0", "donor1", "donor2"}, spoiled_file=f"monocyte/1{jpg}")


MAKERS: dict[str, Callable[[Path, str], Made]] = {
    maker.__name__: maker
    for maker in (
        all_idb1,
        all_idb2,
        class_folders,
        cnmc,
        csv_table,
        kaggle,
        lisc,
        medmnist,
        own,
        pbc,
        raabin,
        voc,
    )
}
