"""C-NMC 2019 (Gupta and Gehlot, TCIA, doi:10.7937/tcia.2019.dc64i46r): ``fold_0/all/UID_11_10_1_all.bmp``.

A name says subject (``11``, or ``H10`` for a person without leukaemia), cell and class: ``all`` blast, ``hem`` normal
precursor. The subject is the group. Training folds become the part ``train``. The preliminary test set, which its
publishers call validation data, has plain names; ``C-NMC_test_prelim_phase_data_labels.csv`` (columns ``Patient_ID``,
``new_names``, ``labels``; 1 = all) gives each its former name, and with it the subject. It becomes the part ``val``.
The final test set is published without labels and is left out.
"""

from __future__ import annotations

import csv
import re
from pathlib import PurePosixPath

from wbc_core.datasets.contents import TABLE, Contents, Member, Skipped
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading

_NAME = re.compile(r"UID_(H?\d+)_\d+_\d+_(all|hem)", re.IGNORECASE)
_NUMBERS = {"1": "all", "0": "hem"}


def read(contents: Contents) -> Reading:
    """Read C-NMC."""
    former = _former_names(contents)
    plain = [member for member in contents.pictures if not _NAME.fullmatch(member.stem)]
    folder = _prelim_folder(plain, set(former))
    pictures: list[FoundPicture] = []
    skipped: list[Skipped] = []
    for member in contents.pictures:
        name = _NAME.fullmatch(member.stem)
        if name is not None:
            fold = any(part.lower().startswith("fold_") for part in member.folders)
            part = "train" if fold else ""
            pictures.append(FoundPicture(member.name, name[2].lower(), member, name[1].upper(), part))
        elif former and member.folders == folder and _key(member) in former:
            patient, number = former[_key(member)]
            known = _NAME.fullmatch(PurePosixPath(patient).stem)
            if known is None or _NUMBERS.get(number) != known[2].lower():
                skipped.append(Skipped(member.name, f"the table's label {number} and its name {patient} differ"))
                continue
            pictures.append(FoundPicture(member.name, known[2].lower(), member, known[1].upper(), "val"))
        elif former:
            skipped.append(Skipped(member.name, "no label is published for it"))
    if not pictures:
        return Reading()
    return Reading(
        tuple(pictures),
        tuple(skipped),
        notes=("The cells come from bone marrow: a study of lymphoblasts, not of blood smears.",),
    )


def _key(member: Member) -> str:
    return PurePosixPath(member.name).name.lower()


def _former_names(contents: Contents) -> dict[str, tuple[str, str]]:
    """Map a picture's new name to its former one and its label's number."""
    found: dict[str, tuple[str, str]] = {}
    for member in contents.ending_in(TABLE):
        try:
            with member.path.open(newline="", encoding="utf-8-sig") as stream:
                rows = csv.DictReader(stream)
                if {"Patient_ID", "new_names", "labels"} <= set(rows.fieldnames or ()):
                    for row in rows:
                        new = (row["new_names"] or "").strip().lower()
                        found[new] = ((row["Patient_ID"] or "").strip(), (row["labels"] or "").strip())
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
    return found


def _prelim_folder(plain: list[Member], names: set[str]) -> tuple[str, ...] | None:
    """Return the folder that holds most of the table's names; the final test set uses the same names elsewhere."""
    counts: dict[tuple[str, ...], int] = {}
    for member in plain:
        if _key(member) in names:
            prelim = any("prelim" in part.lower() or "valid" in part.lower() for part in member.folders)
            counts[member.folders] = counts.get(member.folders, 0) + (1_000_000 if prelim else 1)
    return max(sorted(counts), key=lambda folder: counts[folder], default=None)


LAYOUT = Layout(
    "cnmc", "C-NMC 2019", "fold_0/all/UID_<subject>_<n>_<k>_all.bmp, and the validation CSV", PUBLISHED, read
)
