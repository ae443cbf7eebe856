"""Which models are compared on which set: chosen or linked models, and tables of predictions that a visitor brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from wbc_core.errors import DatasetError, WbcError
from wbc_core.evaluation.prediction_table import PredictionTable
from wbc_core.services.access import may
from wbc_core.services.compare_pictures import Finder, picture_path
from wbc_core.services.comparing import (
    ModelComparison,
    ShippedPredictions,
    compare_models,
    compare_tables,
    models_with_predictions,
    shipped_predictions,
    uploaded_predictions,
)
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.ui.compare_live import ask_for_live, newly_done
from wbc_core.ui.failures import show_failure

MOST = 8
"""Models side by side: as many as there are colours."""

MODELS_KEY, SET_KEY, LINKED_KEY = "compare_models", "compare_set", "compare_linked"
MODEL_PARAMETER, SET_PARAMETER = "model", "set"
_PUT_KEY = "compare_put"
UPLOAD_BOX_KEY, _OPENED_KEY = "compare_upload_box", "compare_upload_opened"
_READ_KEY, _RESULT_KEY = "compare_read", "compare_result"
_Read = tuple[tuple[str, ...], tuple[PredictionTable, ...], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison and how the page names its models.

    Attributes
    ----------
    comparison : ModelComparison
        What was found.
    names : dict of str to str
        Names to show, by the comparison's own; no two alike.
    installed : tuple of str
        Ids of the models that can classify a picture, uploads left out.
    find : callable
        Where the pictures lie.
    """

    comparison: ModelComparison
    names: dict[str, str]
    installed: tuple[str, ...]
    find: Finder = picture_path

    @property
    def shown(self) -> list[str]:
        """The names to show, in the order of the models."""
        return [self.names[name] for name in self.comparison.lineup.names]


def compared() -> Compared | None:
    """Ask what to compare, and compare it.

    Returns
    -------
    Compared or None
        None as long as nothing is chosen.

    Raises
    ------
    WbcError
        If the chosen models have no set, picture or labels in common.
    """
    offered = {model.model_id: model for model in models_with_predictions()}
    left, right = st.columns([7, 3], gap="medium")
    with left:
        chosen = _ask_for_models(offered)
    tables = _ask_for_uploads(taken=len(chosen))
    titles = shown_names({model_id: offered[model_id].title for model_id in chosen}, [])
    run = ask_for_live(titles, [name for model in offered.values() for name in model.sets])
    live = {} if run is None or run.state == "running" else run.tables
    counts = [offered[model_id].sets | (live[model_id].sets() if model_id in live else {}) for model_id in chosen]
    tables = _with_a_set_in_common(counts, tables)
    counts += [table.sets() for table in tables]
    if not counts:
        return None
    sets = shared_sets(counts)
    fresh = newly_done(run)
    if fresh in sets:
        st.session_state[SET_KEY] = fresh
    source = None
    if sets:
        with right:
            source = _ask_for_set(sets, None if run is None else run.live.name)
    names = titles | {table.name: table.name for table in tables}
    if run is None or source != run.live.name:
        return Compared(_compare(tuple(chosen), tables, source), names, tuple(chosen))
    answers = tuple(live[model_id] for model_id in chosen)
    return Compared(_compare((), (*answers, *tables), source), names, tuple(chosen), run.live.path_of)


def first_choice(offered: Sequence[ShippedPredictions]) -> list[str]:
    """Return the models to begin with: those that name the same classes of the same set as the default model.

    Models that name fewer or merged classes would take the others' classes away; they can be added. Where nothing is
    like the default model, the most that are alike; of two choices with as many models the one with the larger set.

    Parameters
    ----------
    offered : sequence of ShippedPredictions
        All that could be chosen.

    Returns
    -------
    list of str
        At most :data:`MOST` ids; the default model comes first.
    """
    alike: dict[tuple[str, frozenset[str]], list[str]] = {}
    largest: Counter[tuple[str, frozenset[str]]] = Counter()
    for model in offered:
        for name, count in model.sets.items():
            key = (name, frozenset(model.labels))
            alike.setdefault(key, []).append(model.model_id)
            largest[key] = max(largest[key], count)
    if not alike:
        return []
    default = settings().default_model
    ids = alike[
        max(alike, key=lambda key: (default in alike[key] and len(alike[key]) > 1, len(alike[key]), largest[key]))
    ]
    return sorted(ids, key=lambda model_id: model_id != default)[:MOST]


def shared_sets(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the sets in which every model has pictures with the fewest that one has, the largest set first."""
    fewest = {name: min(row.get(name, 0) for row in counts) for name in counts[0]}
    return dict(sorted(((name, count) for name, count in fewest.items() if count), key=lambda item: -item[1]))


def shown_names(titles: Mapping[str, str], uploads: Sequence[str]) -> dict[str, str]:
    """Return names to show, by the comparison's own: a title; with the id where two models bear the same title."""
    often = Counter(titles.values())
    names = {key: title if often[title] == 1 else f"{title} ({key})" for key, title in titles.items()}
    return names | {name: name for name in uploads}


def _ask_for_models(offered: Mapping[str, ShippedPredictions]) -> list[str]:
    linked = st.query_params.get_all(MODEL_PARAMETER)
    unknown = [model_id for model_id in dict.fromkeys(linked) if model_id not in offered]
    known = [model_id for model_id in dict.fromkeys(linked) if model_id in offered]
    if st.session_state.get(LINKED_KEY) != linked or MODELS_KEY not in st.session_state:
        # A link, the first visit, or the browser's back button.
        st.session_state[MODELS_KEY] = known[:MOST] or first_choice(tuple(offered.values()))
        st.session_state[LINKED_KEY] = linked
        st.session_state[_PUT_KEY] = st.session_state[MODELS_KEY]
    elif st.session_state[MODELS_KEY] == st.session_state.get(_PUT_KEY):
        # Put in once more: a click during the first run ends it before the browser's box has heard of its models.
        st.session_state[MODELS_KEY] = st.session_state[_PUT_KEY]
    chosen: list[str] = st.multiselect(
        "Models",
        list(offered),
        format_func=lambda model_id: offered[model_id].title if model_id in offered else model_id,
        key=MODELS_KEY,
        max_selections=MOST,
        placeholder="Type to search" if offered else "None has brought its predictions",
        help=f"Up to {MOST}. The choice stands in the page's address: copy that to share it.",
    )
    chosen = [model_id for model_id in chosen if model_id in offered]
    if unknown and chosen == (known[:MOST] or first_choice(tuple(offered.values()))):
        show_failure(
            f"There is no model named {', '.join(unknown)} that brings its test predictions.",
            "The others of the address are shown." if known else "Others are shown instead; choose those you want.",
        )
    elif len(known) > MOST and chosen == known[:MOST]:
        show_failure(
            f"The address names {len(known)} models.", f"The first {MOST} are shown, more cannot be told apart."
        )
    elif chosen != linked:
        st.query_params[MODEL_PARAMETER] = chosen
        st.session_state[LINKED_KEY] = chosen
    return chosen


def _ask_for_set(sets: Mapping[str, int], own: str | None) -> str:
    linked = st.query_params.get(SET_PARAMETER)
    options = list(sets)
    if linked is not None and (linked != st.session_state.get("compare_linked_set") or SET_KEY not in st.session_state):
        st.session_state["compare_linked_set"] = linked
        st.session_state[SET_KEY] = linked
    refused = st.session_state.get(SET_KEY) not in (None, *options)
    # Put in at every run: a click during the first one ends it before the browser's box has heard of its set.
    st.session_state[SET_KEY] = options[0] if refused or SET_KEY not in st.session_state else st.session_state[SET_KEY]
    chosen: str = st.selectbox(
        "Test set",
        options,
        format_func=lambda name: f"{name}: {sets[name]:,} pictures",
        key=SET_KEY,
        help="Sets in which every chosen model, and every added file, has predictions.",
    )
    if refused and linked is not None and linked not in sets:
        show_failure(f"The chosen models share no test set named {linked}.", f"{chosen} is shown instead.")
    if chosen not in (linked, own):  # pictures of one's own stand in no address
        st.query_params[SET_PARAMETER] = chosen
        st.session_state["compare_linked_set"] = chosen
    return chosen


def _ask_for_uploads(taken: int) -> tuple[PredictionTable, ...]:
    """Take tables of other programs and return those that can be read; say what is wrong with the others."""
    box = st.expander(
        "Add predictions of another program", icon=":material/upload_file:", key=UPLOAD_BOX_KEY, on_change="rerun"
    )
    if not box.open and not st.session_state.get(_OPENED_KEY):
        return ()  # what is folded up would keep a visitor waiting all the same
    st.session_state[_OPENED_KEY] = True  # folded up again, its files stay
    with box:
        files = st.file_uploader(
            f"CSV files, up to {settings().max_upload_mb} MB each",
            accept_multiple_files=True,
            max_upload_size=settings().max_upload_mb,
            key="compare_upload",
            disabled=not may(Action.CLASSIFY),
            help="Columns source, file, truth, label, confidence, and one p_<label> for each label: the form in which "
            "every model here brings its own. Files stay in memory.",
        )
        st.caption(
            "No predictions yet? Run the models on pictures of your own, below. For many pictures there is the command "
            "`wbc compare ID ID --on FOLDER`."
        )
    ids = tuple(file.file_id for file in files)
    read: _Read = st.session_state.get(_READ_KEY, ((), (), ()))
    if read[0] != ids:
        with st.spinner("Reading the files …"):
            read = (ids, *_read([(file.name, file.getvalue()) for file in files]))
        st.session_state[_READ_KEY] = read
    for message, hint in read[2]:
        show_failure(message, hint)
    room = max(0, MOST - taken)
    if len(read[1]) > room:
        show_failure(f"More than {MOST} cannot be told apart, so not every file is shown.", "Take a model out first.")
    return read[1][:room]


def _read(files: Sequence[tuple[str, bytes]]) -> tuple[tuple[PredictionTable, ...], tuple[tuple[str, str], ...]]:
    tables: list[PredictionTable] = []
    failures = []
    for name, data in files:
        try:
            table = uploaded_predictions(data, name)
        except WbcError as error:
            failures.append((error.message, error.hint))
            continue
        taken = {each.name for each in tables} | {model.model_id for model in models_with_predictions()}
        stem, number = table.name, 1
        while table.name in taken:
            number += 1
            table = replace(table, name=f"{stem} ({number})")
        tables.append(table)
    return tuple(tables), tuple(failures)


def _with_a_set_in_common(
    counts: Sequence[Mapping[str, int]], tables: Sequence[PredictionTable]
) -> tuple[PredictionTable, ...]:
    """Return the tables that share a set with the models; say of the others that they are left out."""
    shared = shared_sets(counts) if counts else {}
    if not shared:
        return tuple(tables)
    for table in tables:
        if not shared.keys() & table.sets().keys():
            show_failure(
                f"{table.name} has no test set in common with the chosen models, so it is left out.",
                f"It has {', '.join(table.sets())}; they have {', '.join(shared)}.",
            )
    return tuple(table for table in tables if shared.keys() & table.sets().keys())


def _compare(ids: tuple[str, ...], tables: tuple[PredictionTable, ...], source: str | None) -> ModelComparison:
    if not tables:
        return compare_models(ids, source=source)
    key = (ids, tuple(id(table) for table in tables), source)
    remembered = st.session_state.get(_RESULT_KEY)
    if remembered is None or remembered[0] != key:
        both = [*(shipped_predictions(model_id) for model_id in ids), *tables]
        try:
            remembered = (key, compare_tables(both, source=source))
        except DatasetError as error:
            if not ids:
                raise
            show_failure(f"{error.message} The added files are left out.", error.hint)
            return compare_models(ids, source=source)
        st.session_state[_RESULT_KEY] = remembered
    comparison: ModelComparison = remembered[1]
    return comparison
