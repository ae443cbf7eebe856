"""The page on enlarging: a picture of one's own enlarged in every way, and the table of the study."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.services.access import may
from wbc_core.services.enlargement import (
    EnlargementTrial,
    methods_of,
    super_resolution_study,
    try_enlargement,
)
from wbc_core.services.models import classifier_for
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.ui.before_after import show_before_after
from wbc_core.ui.picture_source import FILE_TYPES
from wbc_core.ui.samples import sample_name, sample_png
from wbc_core.ui.wording import listed, plain

SAMPLES = ("neutrophil", "eosinophil", "lymphocyte")
HONEST = (
    "An enlarged picture holds no detail that the small one did not hold. Networks draw what such pictures usually "
    "look like: a granule that appears was not seen. Judge cells by the picture that the microscope took."
)


@dataclass(frozen=True)
class _Chosen:
    data: bytes
    name: str
    drawn: bool


def show_trial() -> None:
    """Ask for a picture, enlarge it in every way, and show each beside another."""
    picture = _ask_for_picture()
    left, right = st.columns(2, gap="medium")
    factor = left.segmented_control(
        "Enlarge", [2, 4], default=2, format_func=lambda value: f"×{value}", key="enlarge_factor", required=True
    )
    reduce = right.toggle(
        "Reduce it first",
        value=True,
        key="enlarge_reduce",
        help="The picture is made small and enlarged again, so that the result can be compared with what was there.",
    )
    trial = _tried(picture.data, picture.name, factor, reduce, settings().default_model)
    _show_slider(trial, factor)
    _show_versions(trial)


def show_study() -> None:
    """Show what the study of many pictures found."""
    table = super_resolution_study()
    if table is None:
        st.info(
            "Run it with: python -m benchmarks.studies.super_resolution --write",
            title="The study was not run yet",
            icon=":material/science:",
        )
        return
    st.markdown(
        "Pictures of pbc's test part were reduced and enlarged again; Kaggle's test pictures, small as they are "
        "published, were enlarged as they are. Accuracy is the default model's, with its 95 % interval; *p* is that of "
        "an exact McNemar test against bicubic interpolation on the same pictures, corrected after Holm."
    )
    for (pictures, factor), rows in table.groupby(["pictures", "factor"], sort=False):
        st.markdown(f"**{plain(str(pictures))}, ×{factor}**, {int(rows['n'].iloc[0]):,} pictures")
        st.dataframe(as_shown(rows), hide_index=True, width="stretch")
    st.caption(HONEST)


def as_shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the study's table as the page words them, rounded as in the study's document.

    Parameters
    ----------
    rows : DataFrame
        Of :func:`~wbc_core.services.enlargement.super_resolution_study`; nothing in them is rounded.
    """
    shares = zip(rows["accuracy"], rows["accuracy_low"], rows["accuracy_high"], strict=True)
    shown = pd.DataFrame(
        {
            "Method": rows["method"],
            "Accuracy": [f"{100 * a:.1f} % ({100 * b:.1f} to {100 * c:.1f})" for a, b, c in shares],
            "p against bicubic": ["–" if pd.isna(p) else f"{p:.2g}" for p in rows["p_against_bicubic"]],
            "ms a picture": rows["ms"].map("{:.1f}".format),
        }
    )
    if rows["psnr_db"].notna().all():
        shown.insert(1, "PSNR, dB", rows["psnr_db"].map("{:.2f}".format))
        shown.insert(2, "SSIM", rows["ssim"].map("{:.3f}".format))
    return shown


def _ask_for_picture() -> _Chosen:
    uploaded = st.file_uploader(
        "A picture of one stained cell (JPEG, PNG, BMP, TIFF or WebP)",
        type=FILE_TYPES,
        max_upload_size=settings().max_upload_mb,
        key="enlarge_upload",
        disabled=not may(Action.CLASSIFY),
    )
    if uploaded is not None:
        return _Chosen(uploaded.getvalue(), uploaded.name, drawn=False)
    label = st.pills(
        "Or a drawn sample",
        SAMPLES,
        default=SAMPLES[0],
        format_func=_type_name,
        key="enlarge_sample",
        required=True,
    )
    return _Chosen(sample_png(label), sample_name(label), drawn=True)


@st.cache_data(show_spinner="Enlarging …", max_entries=20, ttl=600)
def _tried(data: bytes, name: str, factor: int, reduce: bool, model_id: str) -> EnlargementTrial:
    return try_enlargement(data, name, factor=factor, reduce=reduce, model_id=model_id)


def _show_slider(trial: EnlargementTrial, factor: int) -> None:
    pictures = {version.method: version.pixels for version in trial.versions if version.pixels is not None}
    names = ["the small picture", *pictures]
    if trial.full is not None:
        pictures["the picture before"] = trial.full
        names.append("the picture before")
    left, right = st.columns(2, gap="medium")
    before = left.selectbox("Left of the line", names, key="enlarge_before")
    after = right.selectbox(
        "Right of the line", names, index=names.index(methods_of(factor)[-2]), key=f"enlarge_after_{factor}"
    )
    show_before_after(
        pictures.get(before, trial.small),
        pictures.get(after, trial.small),
        before,
        after,
        key="enlarge_slider",
    )
    st.caption(HONEST)


def _show_versions(trial: EnlargementTrial) -> None:
    title = classifier_for(None).card.title
    rows = [
        {
            "Method": version.method,
            "PSNR, dB": "–" if version.psnr_db is None else f"{version.psnr_db:.2f}",
            "ms": f"{version.ms:.1f}",
            "The model says": f"{_type_name(version.label)}, {100 * version.confidence:.1f} %",
        }
        for version in trial.versions
        if version.pixels is not None
    ]
    if trial.full is not None:
        said = f"{_type_name(trial.full_label)}, {100 * trial.full_confidence:.1f} %"
        rows.append({"Method": "the picture before", "PSNR, dB": "–", "ms": "–", "The model says": said})
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(plain(f"Asked: {title}. One picture shows nothing of a method's worth: see the study of many."))
    lacking = [version for version in trial.versions if version.pixels is None]
    if lacking:
        hints = " ".join(dict.fromkeys(version.hint for version in lacking))
        names = listed([version.method for version in lacking])
        st.warning(plain(hints), title=f"{names} could not be used here", icon=":material/error:")


def _type_name(label: str) -> str:
    return class_facts(label).name
