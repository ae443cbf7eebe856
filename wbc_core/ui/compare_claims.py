"""Five published systems: what each claims, and what the same kind of model reaches here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from wbc_core.inference.measurements import Evaluation
from wbc_core.services.reference_systems import ReferenceRow, reference_rows
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.wording import plain

NOT_HERE = "not installed, so not measured"


def show_claims(_compared: Compared) -> None:
    """Show the systems; they are the same for any choice of models.

    Parameters
    ----------
    _compared : Compared
        Not used: the figures stand in the models' cards.
    """
    st.markdown(
        "Five systems that others have published, what they say of themselves, and what a model of the same kind "
        "reaches when this project trains and tests it."
    )
    for heading, says, models in systems(reference_rows()):
        with st.container(border=True, gap="small"):
            st.markdown(f"**{plain(heading)}**")
            st.markdown(f"It says: {plain(says)}.")
            st.markdown("\n".join(f"- {plain(model)}" for model in models))
    st.caption(
        "Claimed figures are the systems' own, on pictures of their choice; ours are on test pictures that no training "
        "saw, with 95 % intervals. Where the pictures differ, the figures cannot be set against each other."
    )


def systems(rows: Sequence[ReferenceRow]) -> list[tuple[str, str, list[str]]]:
    """Return each system with what it says of itself and one line for each model of its kind.

    Parameters
    ----------
    rows : sequence of ReferenceRow
        In order; rows of the same title and claim that follow each other are one system.
    """
    found = []
    for key, group in groupby(rows, key=lambda row: (row.claim.system, row.claim.title, row.claim.words)):
        system, title, words = key
        models = [
            f"{row.claim.model_id}: {'; '.join(map(measured, row.measured)) if row.measured else NOT_HERE}"
            for row in group
        ]
        found.append((f"{system}: {title}", words, models))
    return found


def measured(row: Evaluation) -> str:
    """Return what was measured on a set, with its interval and number of pictures."""
    share = row.accuracy
    interval = f"{100 * share.low:.1f}–{100 * share.high:.1f}"
    return f"{row.source} {100 * share.value:.1f} % ({interval}) of {row.n:,}"
