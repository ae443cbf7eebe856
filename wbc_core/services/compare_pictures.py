"""The pictures behind a comparison: where they lie, their groups, and how good each is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from wbc_core.datasets.sources import IMAGE_SUFFIXES
from wbc_core.errors import DatasetError, ImageError
from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.prediction_table import PredictionTable
from wbc_core.evaluation.subgroups import Subgroup, by_key, terciles
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.imaging.quality import assess_quality, slide_brightness
from wbc_core.settings import settings

By = Literal["subtype", "group", "quality", "brightness"]
Finder = Callable[[str, str], Path | None]
"""Returns where a picture of a set lies, by the set's name and the picture's; None where it is not at hand."""

_SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class PictureFacts:
    """What a picture is like, besides its cell.

    Attributes
    ----------
    brightness : float or None
        Of the empty slide, 0 to 255; None where the picture cannot be read.
    quality : str
        Code of the most fundamental quality warning, ``good`` where there is none, empty where it cannot be read.
    """

    brightness: float | None
    quality: str


def set_folder(source: str) -> Path | None:
    """Return the folder of a set that is at hand, by its name; None where it is not."""
    if not _SET_NAME.fullmatch(source):
        return None
    folders = (root / source for root in (settings().data_dir, settings().datasets_dir))
    return next((folder for folder in folders if folder.is_dir()), None)


def picture_path(source: str, file: str) -> Path | None:
    """Return where a picture lies; None where it is not at hand.

    Parameters
    ----------
    source, file : str
        As a table of predictions names it: tables may be uploaded, so nothing outside the set's folder is found.
    """
    base = set_folder(source)
    if base is None or "\0" in file or Path(file).suffix.lower() not in IMAGE_SUFFIXES:
        return None
    path = (base / file).resolve()
    return path if path.is_relative_to(base.resolve()) and path.is_file() else None


def with_groups(table: PredictionTable) -> PredictionTable:
    """Return a table with the groups and subtypes that the sets' own tables know, as far as these are at hand."""
    group, subtype = table.group.copy(), table.subtype.copy()
    for source in table.sets():
        folder = set_folder(source)
        if folder is None or not (folder / "split.csv").is_file():
            continue
        known = _facts_of_set(folder / "split.csv", (folder / "split.csv").stat().st_mtime_ns)
        for row in np.flatnonzero(table.source == source):
            found = known.get(table.file[row])
            if found is not None:
                group[row], subtype[row] = group[row] or found[0], subtype[row] or found[1]
    return replace(table, group=group, subtype=subtype)


@lru_cache(maxsize=16)
def _facts_of_set(table: Path, changed: int) -> dict[str, tuple[str, str]]:
    try:
        frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        return {}
    if "file" not in frame:
        return {}
    columns = [frame[key] if key in frame else [""] * len(frame) for key in ("group", "subtype")]
    return {file: (group, subtype) for file, group, subtype in zip(frame["file"], *columns, strict=True)}


def picture_facts(
    lineup: Lineup, *, find: Finder = picture_path, progress: Callable[[int, int], None] | None = None
) -> tuple[PictureFacts, ...]:
    """Look at every picture of a comparison, once: what was found is kept in the cache folder.

    Parameters
    ----------
    lineup : Lineup
        The comparison's pictures.
    find : callable
        Where they lie; in the sets' folders if not given.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Returns
    -------
    tuple of PictureFacts
        One for each picture, in order.

    Raises
    ------
    DatasetError
        If no picture is at hand.
    """
    paths = [find(source, file) for source, file in zip(lineup.source, lineup.file, strict=True)]
    if not any(paths):
        raise DatasetError(
            "The pictures of this comparison are not at hand.",
            "Set WBC_DATA_DIR to the folder that holds their set, or choose subgroups by subtype or group.",
        )
    key = hashlib.sha256(b"1")
    for path in paths:
        key.update(f"{path}:{path.stat().st_mtime_ns if path else ''}\n".encode())
    kept = settings().cache_dir / f"pictures-{key.hexdigest()[:24]}.json"
    remembered = find is picture_path  # of what a visitor has uploaded nothing is written down
    if remembered and kept.is_file():
        try:
            return tuple(PictureFacts(**row) for row in json.loads(kept.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            kept.unlink(missing_ok=True)
    located = Preprocessing(size=96)
    facts = []
    for done, path in enumerate(paths, 1):
        facts.append(_look_at(path, located))
        if progress is not None:
            progress(done, len(paths))
    if not remembered:
        return tuple(facts)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(row) for row in facts]), encoding="utf-8")
    partial.replace(kept)
    return tuple(facts)


def _look_at(path: Path | None, preprocessing: Preprocessing) -> PictureFacts:
    if path is None:
        return PictureFacts(None, "")
    try:
        pixels = read_image(path).pixels
    except ImageError:
        return PictureFacts(None, "")
    warnings = assess_quality(pixels, preprocessing.locate(pixels))
    return PictureFacts(slide_brightness(pixels), warnings[0].code if warnings else "good")


def subgroups(
    lineup: Lineup,
    by: By,
    *,
    find: Finder = picture_path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Subgroup, ...]:
    """Return each model's accuracy within parts of the pictures.

    Parameters
    ----------
    lineup : Lineup
        The comparison's pictures.
    by : {"subtype", "group", "quality", "brightness"}
        Finer label; slide, donor or original; quality warning; third of the slide's brightness.
    find, progress
        See :func:`picture_facts`; used for quality and brightness.

    Raises
    ------
    DatasetError
        If nothing is known by which to part them.
    """
    keys: Sequence[str]
    if by == "brightness":
        facts = picture_facts(lineup, find=find, progress=progress)
        values = np.array([np.nan if row.brightness is None else row.brightness for row in facts])
        order = {"dark": 0, "medium": 1, "bright": 2}
        return tuple(sorted(by_key(lineup, terciles(values)), key=lambda row: order[row.name]))
    if by == "quality":
        keys = [row.quality for row in picture_facts(lineup, find=find, progress=progress)]
    else:
        column = lineup.subtype if by == "subtype" else lineup.group
        # A finer label belongs to its type: every pbc class has subtypes of its own.
        names = [lineup.labels[truth] for truth in lineup.truth]
        keys = [f"{name}: {key}" if key and by == "subtype" else key for name, key in zip(names, column, strict=True)]
    if not any(keys):
        raise DatasetError(
            f"No {by} is known of these pictures.", "Set WBC_DATA_DIR to the folder that holds their set."
        )
    return by_key(lineup, keys)
