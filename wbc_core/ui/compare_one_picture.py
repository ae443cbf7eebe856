"""One picture through all chosen models at once: what each says, how sure it is, and whether it would answer at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from wbc_core.biology.cell_types import all_cell_types
from wbc_core.biology.classes import class_facts
from wbc_core.biology.statements import NO_PATIENT_DATA
from wbc_core.errors import WbcError
from wbc_core.services.access import may
from wbc_core.services.roles import Action
from wbc_core.services.single_image import ImageResult, classify_image
from wbc_core.settings import settings
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_table import NONE
from wbc_core.ui.doubts import reason_in_words
from wbc_core.ui.failures import show_failure
from wbc_core.ui.picture_source import FILE_TYPES, Picture
from wbc_core.ui.samples import SAMPLE_NOTE, sample_name, sample_png
from wbc_core.ui.wording import listed, percent, plain

STATUS = {"classified": "Classified", "unidentified": "Unidentified", "failed": "Failed"}
_ANSWERS_KEY = "compare_answers"
_OWN = ""


def show_one_picture(compared: Compared) -> None:
    """Ask for a picture and show every model's answer."""
    if not compared.installed:
        st.info("Only installed models can be asked; choose one above.", icon=":material/info:")
        return
    picture = _ask_for_picture()
    if picture is None:
        return
    with st.spinner("Asking every model …"):
        answers = _answers(picture, compared.installed)
    left, right = st.columns([3, 7], gap="medium")
    readable = any(isinstance(answer, ImageResult) and answer.status != "failed" for answer in answers.values())
    with left:
        if readable:
            st.image(picture.data, alt="The picture that all models were asked about", width="stretch")
        if picture.synthetic:
            st.caption(SAMPLE_NOTE)
    with right:
        st.markdown(f"**{plain(agreement(answers, compared.names))}**")
        st.table(
            answers_table(answers, compared.names),
            hide_index=True,
            border="horizontal",
            alt="What each model says of the picture, how sure it is, and its status",
        )
        st.caption(
            "Confidence is calibrated on validation pictures. *Unidentified*: the model is less sure than it must be "
            "to answer, or sees no cell; then its label is only the closest one."
        )
    for model_id, answer in answers.items():
        if isinstance(answer, WbcError):
            show_failure(f"{compared.names[model_id]}: {answer.message}", answer.hint)


def answers_table(answers: Mapping[str, ImageResult | WbcError], names: Mapping[str, str]) -> pd.DataFrame:
    """Return one line for each model: label, confidence, status, and why it does not answer."""
    rows = []
    for model_id, answer in answers.items():
        if isinstance(answer, WbcError) or answer.label is None:
            why = answer.message if isinstance(answer, WbcError) else answer.error
            rows.append((names[model_id], NONE, NONE, STATUS["failed"], why))
            continue
        label = class_facts(answer.label).name
        reason = reason_in_words(answer) if answer.status == "unidentified" else ""
        rows.append((names[model_id], label, percent(answer.confidence), STATUS[answer.status], reason))
    return pd.DataFrame(rows, columns=["Model", "Says", "Confidence", "Status", "Why"])


def agreement(answers: Mapping[str, ImageResult | WbcError], names: Mapping[str, str]) -> str:
    """Say whether the models that answer name the same type."""
    said: dict[str, list[str]] = {}
    for model_id, answer in answers.items():
        if isinstance(answer, ImageResult) and answer.status == "classified" and answer.label is not None:
            said.setdefault(class_facts(answer.label).name_inside, []).append(names[model_id])
    if not said:
        return "No model answers."
    silent = len(answers) - sum(map(len, said.values()))
    rest = f" {silent} of {len(answers)} {'does' if silent == 1 else 'do'} not answer." if silent else ""
    if len(said) == 1:
        name, who = next(iter(said.items()))
        if len(who) == 1:
            return f"{who[0]} says {name}.{rest}"
        return f"{'All' if not silent else 'Those that answer'} say {name}.{rest}"
    return f"They disagree: {listed([f'{name} ({len(who)})' for name, who in said.items()], 'or')}.{rest}"


def _ask_for_picture() -> Picture | None:
    upload, sample = st.columns(2, gap="medium")
    with upload:
        uploaded = st.file_uploader(
            f"One picture of one stained cell, up to {settings().max_upload_mb} MB",
            type=FILE_TYPES,
            max_upload_size=settings().max_upload_mb,
            key="compare_picture",
            disabled=not may(Action.CLASSIFY),
        )
        st.markdown(f":material/privacy_tip: {NO_PATIENT_DATA}")
    with sample:
        names = {_OWN: "None"} | {cell.label: cell.name for cell in all_cell_types()}
        drawn: str = st.selectbox("Or a drawn sample", list(names), format_func=names.__getitem__, key="compare_sample")
    if uploaded is not None:
        return Picture(uploaded.getvalue(), uploaded.name)
    return Picture(sample_png(drawn), sample_name(drawn), synthetic=True) if drawn else None


def _answers(picture: Picture, models: Sequence[str]) -> dict[str, ImageResult | WbcError]:
    """Ask each model that has not answered for this picture yet."""
    digest = hashlib.sha256(picture.data).hexdigest()
    kept: tuple[str, dict[str, ImageResult | WbcError]] = st.session_state.get(_ANSWERS_KEY, ("", {}))
    known = kept[1] if kept[0] == digest else {}
    for model_id in models:
        if model_id in known:
            continue
        try:
            known[model_id] = classify_image(picture.data, picture.name, model_id=model_id)
        except WbcError as error:
            known[model_id] = error
    st.session_state[_ANSWERS_KEY] = (digest, known)
    return {model_id: known[model_id] for model_id in models}
