"""The choices of a prediction: model, types to choose between, scale."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.biology.statements import BONE_MARROW_STUDY
from wbc_core.errors import ModelError
from wbc_core.services.models import ModelSummary, available_models, installed_ids, model_details
from wbc_core.settings import settings
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.wording import listed, plain

FIVE_PART = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
ALL, FIVE, OWN = "All types of the model", "Five-part differential", "Chosen types"


@dataclass(frozen=True)
class Options:
    """The choices of one prediction.

    Attributes
    ----------
    model_id : str
        Model that classifies.
    labels : tuple of str or None
        Types to choose between; None for all that the model knows.
    microns_per_pixel : float or None
        Scale in µm per pixel; None where it is not known.
    """

    model_id: str
    labels: tuple[str, ...] | None
    microns_per_pixel: float | None


def ask_for_options(page: str = "single", *, scale: bool = True) -> Options:
    """Show the choices, folded up, and return them.

    Parameters
    ----------
    page : str
        Prefix of the widgets' keys.
    scale : bool
        Whether to ask for the scale, too.

    Raises
    ------
    ModelError
        If no installed model can be used; with what is wrong with the default one.
    """
    models = {model.id: model for model in available_models()}
    if not models:
        if installed_ids():
            model_details()  # raises what is wrong with the default model
        raise ModelError(
            "No usable model is installed, so no picture can be classified.",
            "Put a model's folder with card.json and model.onnx under models/, then reload the page.",
        )
    if settings().default_model not in models and settings().default_model in installed_ids():
        with failures_shown():
            model_details()
    several = len(models) > 1
    chosen = _ask_for_model(models, page) if several else next(iter(models.values()))
    with st.expander("Options", icon=":material/tune:"):
        if not several:
            _ask_for_model(models, page)
        labels = _ask_for_labels(chosen, page)
        microns = _ask_for_scale(page) if scale else None
    return Options(chosen.id, labels, microns)


def _ask_for_scale(page: str) -> float | None:
    return st.number_input(
        "Scale in µm per pixel, if you know it",
        min_value=0.005,
        max_value=5.0,
        value=None,
        step=0.01,
        format="%.3f",
        placeholder="not known",
        key=f"{page}_scale",
        help="Then the size of the stained body is given in µm. It does not change the predicted type.",
    )


def _ask_for_model(models: dict[str, ModelSummary], page: str) -> ModelSummary:
    identifiers = list(models)
    default = settings().default_model
    chosen = st.selectbox(
        "Model",
        identifiers,
        index=identifiers.index(default) if default in models else 0,
        format_func=lambda identifier: models[identifier].title,
        key=f"{page}_model",
    )
    if in_bone_marrow_study(models[chosen].labels):
        st.caption(f":material/science: {BONE_MARROW_STUDY.partition('. ')[0]}.")
    if models[chosen].headline:
        st.caption(f"Right on pictures it never saw: {plain(models[chosen].headline)}.")
    return models[chosen]


def _ask_for_labels(model: ModelSummary, page: str) -> tuple[str, ...] | None:
    if len(model.labels) == 2:
        names = listed([class_facts(label).plural for label in model.labels], "or")
        st.caption(f"This model chooses between two classes: {names}.")
        return None
    ways = [ALL, OWN]
    if set(FIVE_PART) < set(model.labels):
        ways.insert(1, FIVE)
    way = st.radio("Choose between", ways, key=f"{page}_labels", horizontal=True)
    if way == FIVE:
        names = listed([class_facts(label).plural for label in FIVE_PART])
        st.caption(f"Only {names}: any other cell is then forced into one of these five.")
        return FIVE_PART
    if way == OWN:
        own = st.multiselect(
            "Types that can occur",
            model.labels,
            default=model.labels,
            format_func=lambda label: class_facts(label).name,
            key=f"{page}_own_labels",
        )
        if 2 <= len(own) < len(model.labels):
            return tuple(label for label in model.labels if label in own)
        if len(own) < 2:
            st.caption("Choose at least two types; until then all are used.")
    return None
