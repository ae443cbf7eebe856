"""Data sets: import, check, split, describe and list them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.checks import CheckReport, check
from wbc_core.datasets.fingerprints import fingerprints_of
from wbc_core.datasets.importers.registry import LAYOUTS
from wbc_core.datasets.installing import Progress, Wishes, install, name_for, require_name
from wbc_core.datasets.records import RECORD_NAME, TABLE_NAME, DatasetRecord, read_record
from wbc_core.datasets.sources import read_source
from wbc_core.datasets.splitting_sets import SplitReport, rows_to_split, split_rows, write_split
from wbc_core.datasets.statistics import PARTS, Statistics, describe
from wbc_core.errors import DatasetError
from wbc_core.settings import settings

FRACTIONS: Mapping[str, float] = {"train": 0.7, "val": 0.15, "test": 0.15}


@dataclass(frozen=True)
class InstalledDataset:
    """A set that recipes can name.

    Attributes
    ----------
    name : str
        As recipes and commands name it.
    path : Path
        Its folder.
    imported : bool
        Whether it was imported here.
    counts : dict of str to dict of str to int
        Pictures by label and part; the empty name stands for no part.
    licence : str
        As given when it was imported.
    """

    name: str
    path: Path
    imported: bool
    counts: dict[str, dict[str, int]]
    licence: str = ""

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        return sum(sum(row.values()) for row in self.counts.values())

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of train, val and test that hold pictures."""
        return tuple(part for part in PARTS if any(row.get(part) for row in self.counts.values()))


def import_dataset(
    source: Path,
    *,
    name: str | None = None,
    layout: str | None = None,
    labels: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
    to: Path | None = None,
    licence: str = "",
    replace: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, DatasetRecord]:
    """Import labelled pictures of any known layout.

    Parameters
    ----------
    source : Path
        Folder, archive, CSV table or .npz file.
    name : str, optional
        The set's name; taken from the source if not given.
    layout : str, optional
        See :data:`wbc_core.datasets.importers.registry.LAYOUTS`; found out if not given.
    labels : mapping of str to str, optional
        What labels of the source mean, where their names do not say it.
    leave_out : sequence of str
        Labels whose pictures are not wanted.
    to : Path, optional
        Folder to write the set's folder into; the setting ``datasets_dir`` if not given.
    licence : str
        Under which terms the pictures may be used.
    replace : bool
        Whether an imported set of the same name gives way.
    progress : callable, optional
        Called with what is being done, how many are done and how many there are.

    Returns
    -------
    Path
        The set's folder.
    DatasetRecord
        What it holds, and what was left out.

    Raises
    ------
    DatasetError
        If the source or a label is not understood, the name is taken, or the disk is full.
    """
    chosen = name_for(source) if name is None else name
    require_name(chosen)
    target = settings().datasets_dir if to is None else to
    known = settings().data_dir / chosen
    if (known / TABLE_NAME).is_file() and known.resolve() != (target / chosen).resolve():
        raise DatasetError(
            f"There is a data set {chosen} in {settings().data_dir}, and recipes would use that one.",
            "Choose another --name.",
        )
    if (target / chosen).exists() and not (target / chosen / RECORD_NAME).is_file():
        raise DatasetError(f"{target / chosen} exists and was not imported here.", "Choose another --name.")
    wishes = Wishes(layout, labels, leave_out, licence, replace)
    return target / chosen, install(source, target / chosen, wishes, progress=progress)


def check_dataset(source: str, *, progress: Progress | None = None) -> CheckReport:
    """Look for what would make results on a set untrustworthy.

    Parameters
    ----------
    source : str
        Name of an installed set, or path of a folder or CSV table.
    progress : callable, optional
        As for :func:`import_dataset`.

    Raises
    ------
    DatasetError
        If there is no such set, or it cannot be read as one.
    """
    path = locate(source)
    images = read_source(path)
    return check(path.resolve().name, images, fingerprints_of(images, progress=progress))


def describe_dataset(source: str, *, progress: Progress | None = None) -> Statistics:
    """Count a set's pictures by label and part, and measure their sizes and colours; see :func:`check_dataset`."""
    images = read_source(locate(source))
    return describe(images, fingerprints_of(images, progress=progress))


def split_dataset(
    source: str,
    *,
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    join_duplicates: bool = True,
    resplit: bool = False,
    progress: Progress | None = None,
) -> SplitReport:
    """Part a set into train, val and test by group, class by class, and write its ``split.csv``.

    Parameters
    ----------
    source : str
        Name of an imported set, or path of a folder or CSV table; ``split.csv`` is written beside the pictures.
    fractions : mapping of str to float
        Shares of train, val and test.
    seed : int
        Decides among equals.
    join_duplicates : bool
        Whether pictures that show (nearly) the same become one group.
    resplit : bool
        Whether a published test part is parted too, instead of kept.
    progress : callable, optional
        As for :func:`import_dataset`.

    Raises
    ------
    DatasetError
        If there is no such set, or its split was published with it.
    """
    path = locate(source)
    images = read_source(path)
    table, rows, columns = rows_to_split(path, images)
    marks = fingerprints_of(images, progress=progress) if join_duplicates else None
    done, record, notes = split_rows(images, rows, marks, fractions=fractions, seed=seed, keep_test=not resplit)
    write_split(table, done, columns, record)
    return SplitReport(table, record, notes)


def installed_datasets() -> tuple[InstalledDataset, ...]:
    """Return the sets that recipes can name: those of ``data_dir``, then imported ones, by name.

    Sets whose table cannot be read are left out.
    """
    found: dict[str, InstalledDataset] = {}
    for folder in (settings().data_dir, settings().datasets_dir):
        for table in sorted(folder.glob(f"*/{TABLE_NAME}")):
            name = table.parent.name
            if not name.startswith(".") and name not in found:
                try:
                    record = read_record(table.parent)
                    counts = _counts(table)
                except DatasetError:
                    continue
                found[name] = InstalledDataset(
                    name, table.parent, record is not None, counts, record.licence if record else ""
                )
    return tuple(found[name] for name in sorted(found))


def layouts() -> tuple[tuple[str, str, str], ...]:
    """Return name, title and form of every layout that can be imported."""
    return tuple((layout.name, layout.title, layout.form) for layout in LAYOUTS.values())


def locate(source: str) -> Path:
    """Return the path that a name or a path of a set means.

    Raises
    ------
    DatasetError
        If it is neither; the message lists the closest names.
    """
    if Path(source).exists():
        return Path(source)
    for folder in (settings().data_dir, settings().datasets_dir):
        if source and (folder / source / TABLE_NAME).is_file():
            return folder / source
    names = [dataset.name for dataset in installed_datasets()]
    closest = get_close_matches(source, names, n=3, cutoff=0.5) or names
    raise DatasetError(
        f"There is no data set {source!r}, neither under this name nor at this path.",
        f"Sets found: {', '.join(closest) or 'none'}. `wbc datasets import` adds one.",
    )


def _counts(table: Path) -> dict[str, dict[str, int]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = Counter((row["label"], row.get("split") or "") for row in csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise DatasetError(f"{table} cannot be read as a table.", "Save it as CSV in UTF-8.") from error
    counts: dict[str, dict[str, int]] = {}
    for (label, part), count in sorted(rows.items()):
        row = counts.setdefault(canonical_label(label or ""), {})
        row[part] = row.get(part, 0) + count
    return counts
