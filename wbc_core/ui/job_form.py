"""The form that writes a training's recipe: fields or YAML, with the same checks."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.checks import counted
from wbc_core.errors import DatasetError
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.recipes.spec import Recipe, recipe_yaml
from wbc_core.services import training_form
from wbc_core.services.training_form import FormValues, InstalledSet
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.wording import plain

FIELDS, YAML = "Form", "Edit as YAML"
TABS_KEY, TEXT_KEY = "jobs_form_tab", "jobs_form_yaml"
_WRITTEN, _COPIED = "jobs_form_written", "jobs_form_copied"

UNEXPECTED = ("The form could not be read.", "Choose another start, or reload the page.")

SCHEDULES = {
    "cosine": "falls along a cosine",
    "constant": "stays the same",
    "step": "falls in steps",
    "plateau": "falls where it stalls",
}
WEIGHTS = {"imagenet": "ImageNet (everyday photographs)", "random": "random"}


@dataclass(frozen=True)
class Draft:
    """A recipe that holds, and its text as it will be kept with the run."""

    recipe: Recipe
    text: str


def ask_for_recipe() -> Draft | None:
    """Show the form; the open tab counts.

    Returns
    -------
    Draft or None
        None where the values do not hold yet; what is wrong is shown.
    """
    sets = training_form.installed_sets()
    base = _ask_for_start(sets)
    fields, yaml = st.tabs([FIELDS, YAML], key=TABS_KEY, on_change=_copy_to_editor)
    draft = None
    with fields, failures_shown(*UNEXPECTED):
        values = _ask_for_values(base[0], base[1], sets)
        recipe = training_form.recipe_from(base[1], values, sets)
        st.session_state[_WRITTEN] = recipe_yaml(recipe)
        if fields.open:
            draft = Draft(recipe, st.session_state[_WRITTEN])
    if yaml.open:
        draft = None
        with yaml, failures_shown(*UNEXPECTED):
            st.text_area(
                "The recipe",
                key=TEXT_KEY,
                height=420,
                help="Every field is described in docs/training.md. The form does not take over what is changed here.",
            )
            text = st.session_state[TEXT_KEY]
            draft = Draft(training_form.checked_recipe(text), text)
    return draft


def _copy_to_editor() -> None:
    """Put the form's recipe into the editor, unless it stands there already, perhaps changed by hand."""
    written = st.session_state.get(_WRITTEN, "")
    if st.session_state.get(TABS_KEY) == YAML and st.session_state.get(_COPIED) != written:
        st.session_state[TEXT_KEY] = st.session_state[_COPIED] = written


def _ask_for_start(sets: tuple[InstalledSet, ...]) -> tuple[str, Recipe]:
    recipes = training_form.starting_points()
    start = st.selectbox(
        "Start from",
        [training_form.BLANK, *recipes],
        format_func=lambda name: f"{recipes[name].title} · {name}" if name else "A plain recipe",
        key="jobs_form_start",
        help="The recipes that made the installed models, and the full ones of the reference systems.",
    )
    return start, recipes[start] if start in recipes else training_form.blank_recipe(sets)


def _ask_for_values(start: str, base: Recipe, sets: tuple[InstalledSet, ...]) -> FormValues:
    first = training_form.values_of(base)

    def key(field: str) -> str:
        return f"jobs_form_{start}_{field}"  # another start brings its own values

    left, right = st.columns(2)
    title = left.text_input("Title", first.title, max_chars=120, key=key("title"))
    identifier = right.text_input(
        "Id of the model", first.id, max_chars=41, key=key("id"), help="Small letters, digits and hyphens."
    )
    chosen_sets, labels = _ask_for_data(first, base, sets, key("sets"), key("labels"))
    left, middle, right = st.columns([2, 1, 1])  # the names of networks are long
    architecture = left.selectbox(
        "Network",
        list(ARCHITECTURES),
        index=list(ARCHITECTURES).index(first.architecture),
        format_func=lambda name: f"{ARCHITECTURES[name].title} · {ARCHITECTURES[name].parameters_m:.1f} M weights",
        key=key("architecture"),
    )
    weights = training_form.first_weights(architecture)
    initial = middle.selectbox(
        "First weights",
        weights,
        index=weights.index(first.initial_weights) if first.initial_weights in weights else 0,
        format_func=lambda name: WEIGHTS.get(name, f"those of {name}"),
        key=f"{key('weights')}_{architecture}",
    )
    size = right.number_input("Input size in pixels", 32, 512, first.size, step=16, key=key("size"))
    phased = bool(base.phases)
    left, middle, right = st.columns(3)
    epochs = left.number_input("Epochs", 1, 1000, first.epochs, key=key("epochs"), disabled=phased)
    rate = middle.number_input(
        "Learning rate", 1e-6, 1.0, first.learning_rate, step=1e-4, format="%g", key=key("rate"), disabled=phased
    )
    schedule = right.selectbox(
        "Schedule of the learning rate",
        training_form.SCHEDULES,
        index=training_form.SCHEDULES.index(first.schedule),
        format_func=SCHEDULES.__getitem__,
        key=key("schedule"),
    )
    if phased:
        steps = ", then ".join(f"{counted(phase.epochs, 'epoch')} at {phase.learning_rate:g}" for phase in base.phases)
        st.caption(f"This recipe trains in phases: {steps}. To change them, edit it as YAML.")
    left, middle, right = st.columns(3)
    strength = left.slider(
        "Variation of training pictures",
        0.0,
        2.0,
        first.augmentation_strength,
        step=0.1,
        key=key("strength"),
        help="How far pictures are turned, shifted, enlarged and recoloured at random. 0 leaves them as they are.",
    )
    batch = middle.number_input("Pictures in a batch", 1, 1024, first.batch_size, key=key("batch"))
    seed = right.number_input(
        "Seed", 0, 2**31 - 1, first.seed, key=key("seed"), help="The same seed gives the same training on a CPU."
    )
    balanced = st.toggle("Give rare classes more weight", first.class_weights == "balanced", key=key("balanced"))
    return FormValues(
        id=identifier,
        title=title,
        sets=chosen_sets,
        labels=labels,
        architecture=architecture,
        initial_weights=initial,
        size=size,
        augmentation_strength=strength,
        epochs=epochs,
        learning_rate=rate,
        schedule=schedule,
        batch_size=batch,
        class_weights="balanced" if balanced else "none",
        seed=seed,
    )


def _ask_for_data(
    first: FormValues, base: Recipe, sets: tuple[InstalledSet, ...], sets_key: str, labels_key: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = {each.name: each for each in sets}
    missing = [name for name in first.sets if name not in known]
    if missing:
        st.caption(plain(f"This recipe's data set {' and '.join(missing)} is not here: choose others."))
    chosen = st.multiselect(
        "Data sets",
        list(known),
        default=[name for name in first.sets if name in known],
        format_func=lambda name: f"{name} ({known[name].train:,} training pictures)",
        key=sets_key,
        placeholder="Choose at least one",
    )
    present = {label for name in chosen if name in known for label in known[name].labels}
    merged = {merge.name for merge in base.merge_list() if present.issuperset(merge.members)}
    offered = [label for label in first.labels if label in present | merged]
    offered += sorted(present.difference(offered, *(merge.members for merge in base.merge_list())))
    default = [label for label in offered if label in first.labels]
    labels = st.multiselect(
        "Cell types to tell apart",
        offered,
        default=default if len(default) > 1 else offered,
        format_func=_label_name,
        key=f"{labels_key}_{'_'.join(chosen)}",
        help="Pictures of other types are left out. To count several types as one, write a merge in the YAML.",
    )
    return tuple(chosen), tuple(labels)


def _label_name(label: str) -> str:
    try:
        return canonical_label(label).replace("_", " ")
    except DatasetError:
        return label.replace("_", " + ")
