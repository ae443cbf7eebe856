"""Small sets of drawn cells in every layout that is imported, with what an import of each must come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.drawn_cells import Made, cell, write, write_table
from tests.made_fields import all_idb1, voc

TYPES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
BLOODMNIST = ("basophil", "eosinophil", "erythroblast", "immature_granulocyte", *TYPES[2:], "platelet")


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
