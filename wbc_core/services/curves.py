"""Training curves: which runs there are, all that a page shows of one, uploads, and the table to take away."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from wbc_core.errors import WbcError
from wbc_core.inference.cards import CARD, load_card
from wbc_core.recipes.spec import parse_recipe
from wbc_core.reports.tables import on_one_line
from wbc_core.runs.catalogue import RunEntry, list_runs, read_entry
from wbc_core.runs.curves import Curve, read_history, read_run_curve
from wbc_core.runs.event_files import EventFile, by_training, curve_of, is_event_file, parse_event_file
from wbc_core.runs.folder import HISTORY, SPEC, State
from wbc_core.services.access import require_training
from wbc_core.services.models import installed_ids
from wbc_core.services.roles import Action
from wbc_core.settings import settings

MODEL = "model:"
"""Prefix of the keys of installed models; a run's key is its id."""
MOST_UPLOADS = 40


@dataclass(frozen=True)
class RunChoice:
    """One line of the chooser: a key that can stand in a link, and a title (empty where none is known)."""

    key: str
    title: str

    @property
    def label(self) -> str:
        """Text of the line; it never changes while a run goes on."""
        named = self.key.removeprefix(MODEL)
        text = f"{named} · {self.title}" if self.title else named
        return f"{text} (installed model)" if self.key.startswith(MODEL) else text


@dataclass(frozen=True)
class LoadedRun:
    """A run with all that a page shows of it.

    Attributes
    ----------
    key : str
        As in the link; names an upload's file where it is one.
    title : str
        Title of the spec; the id where there is none.
    state : str or None
        State of a run; None of an installed model or an upload.
    active : bool
        Whether its files still change.
    curve : Curve or None
        None where there is none to show.
    problem : WbcError or None
        Why there is no curve, or what went wrong with the run.
    spec : str or None
        Text of its spec.
    augmented : bool or None
        Whether training pictures were varied; None if that is not known.
    silent_s : float or None
        Seconds since the last sign of life of a run that is being worked on.
    """

    key: str
    title: str
    state: State | None = None
    active: bool = False
    curve: Curve | None = None
    problem: WbcError | None = None
    spec: str | None = field(default=None, repr=False)
    augmented: bool | None = None
    silent_s: float | None = None

    @property
    def id(self) -> str:
        """Id of the run or model, or name of the upload."""
        return self.key.removeprefix(MODEL)


def run_choices() -> tuple[RunChoice, ...]:
    """Return all runs, the most recent first, then the installed models that came with their history.

    Raises
    ------
    AccessError
        If training is not open to this visitor; so do the functions that read a run.
    """
    require_training(Action.LOOK)
    runs = [RunChoice(entry.id, entry.title) for entry in list_runs(settings().runs_dir)]
    models = []
    for model_id in installed_ids():
        folder = settings().models_dir / model_id
        if (folder / HISTORY).is_file():
            models.append(RunChoice(MODEL + model_id, _card_title(folder)))
    return (*runs, *models)


def load_run(key: str) -> LoadedRun:
    """Read a run's or a model's curve and spec; what is missing or broken becomes its problem, never an exception.

    Parameters
    ----------
    key : str
        From :func:`run_choices` or from a link; anything else than the name of a run's folder is refused.
    """
    require_training(Action.LOOK)
    if key.startswith(MODEL):
        return _load_model(key)
    entry = read_entry(settings().runs_dir / key) if _is_name(key) else None
    if entry is None:
        return LoadedRun(key, key, problem=WbcError(f"There is no run named {key!r}.", "It may have been deleted."))
    return _load_entry(entry)


def _load_entry(entry: RunEntry) -> LoadedRun:
    status, problem, curve = entry.status, None, None
    try:
        curve = read_run_curve(entry.folder)
    except WbcError as error:
        problem = error
    if status is None:
        problem = problem or WbcError(
            f"The status of {entry.id} is missing or broken.", "What it has written so far is shown."
        )
    elif status.message:
        problem = WbcError(status.message, status.hint)
    spec = _text(entry.folder / SPEC)
    return LoadedRun(
        entry.id,
        entry.title or entry.id,
        status.state if status is not None else None,
        entry.active,
        curve,
        problem,
        spec,
        _augmented(spec, entry.id),
        entry.silent_s,
    )


def _load_model(key: str) -> LoadedRun:
    model_id = key.removeprefix(MODEL)
    folder = settings().models_dir / model_id
    if not _is_name(model_id) or not (folder / CARD).is_file():
        problem = WbcError(f"There is no installed model named {model_id!r}.", "It may have been removed.")
        return LoadedRun(key, model_id, problem=problem)
    try:
        spec = _text(settings().models_dir / "recipes" / Path(load_card(folder).training.recipe).name)
        curve = read_run_curve(folder)
    except WbcError as error:
        return LoadedRun(key, _card_title(folder) or model_id, problem=error)
    return LoadedRun(key, _card_title(folder) or model_id, curve=curve, spec=spec, augmented=_augmented(spec, model_id))


def load_uploads(files: Sequence[tuple[str, bytes]]) -> tuple[LoadedRun, ...]:
    """Read uploaded CSVLogger and TensorBoard files; event files of one training become one run.

    Parameters
    ----------
    files : sequence of (str, bytes)
        Name and content; at most 40, each at most 25 MB. The content decides what a file is.

    Returns
    -------
    tuple of LoadedRun
        In the order of upload, event files last; one that cannot be read comes with its problem.
    """
    require_training(Action.CLASSIFY)
    loaded: list[LoadedRun] = []
    events: list[EventFile] = []
    for name, data in files[:MOST_UPLOADS]:
        try:
            if is_event_file(data) or ".tfevents." in name:
                events.append(parse_event_file(data, name))
            else:
                loaded.append(LoadedRun(name, name, curve=read_history(data, name)))
        except WbcError as error:
            loaded.append(LoadedRun(name, name, problem=error))
    for group in by_training(events):
        name = group[0].name
        try:
            loaded.append(LoadedRun(name, name, curve=curve_of(group)))
        except WbcError as error:
            loaded.append(LoadedRun(name, name, problem=error))
    if len(files) > MOST_UPLOADS:
        problem = WbcError(
            f"{len(files)} files were uploaded; only the first {MOST_UPLOADS} are read.", "Remove some of them."
        )
        loaded.append(LoadedRun("more", "More files", problem=problem))
    return tuple(loaded)


def by_name(runs: Sequence[LoadedRun]) -> dict[str, LoadedRun]:
    """Return runs by a name that no other one of them has.

    The name is the title; where another run has the same one, the id stands behind it, and where that is not enough,
    as of two uploads of one name, a number.
    """
    titles = Counter(run.title for run in runs)
    named: dict[str, LoadedRun] = {}
    for run in runs:
        name = run.title if titles[run.title] == 1 or run.title == run.id else f"{run.title} ({run.id})"
        number, candidate = 1, name
        while candidate in named:
            number += 1
            candidate = f"{name} ({number})"
        named[candidate] = run
    return named


def curves_csv(curves: Mapping[str, Curve]) -> str:
    """Return curves by name as one CSV table: a column ``run``, then epoch (from 1) and every logged value."""
    tables = [curve.table.assign(run=on_one_line(name)) for name, curve in curves.items()]
    table = pd.concat(tables, ignore_index=True).dropna(axis="columns", how="all")
    written = io.StringIO()
    table = table[["run", *(column for column in table if column != "run")]]
    table.rename(columns=on_one_line).to_csv(written, index=False)  # names of columns come from files, too
    return written.getvalue()


def _is_name(text: str) -> bool:
    """Return whether a text can only be the name of a folder, and not a path to elsewhere."""
    return bool(text) and Path(text).name == text and text not in (".", "..") and "\0" not in text


def _card_title(folder: Path) -> str:
    try:
        return load_card(folder).title
    except WbcError:
        return ""


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _augmented(spec: str | None, name: str) -> bool | None:
    try:
        return parse_recipe(spec, name).augmentation_strength > 0 if spec is not None else None
    except WbcError:
        return None
