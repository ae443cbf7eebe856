"""Five published systems: what each claims, and what the same kind of model reaches here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from wbc_core.inference.measurements import Evaluation
from wbc_core.services.reference_systems import Claim, ReferenceRow, reference_rows
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_table import NONE

NOT_HERE = "not installed"


def show_claims(_compared: Compared) -> None:
    """Show the table of systems; it is the same for any choice of models.

    Parameters
    ----------
    _compared : Compared
        Not used: the figures stand in the models' cards.
    """
    st.markdown(
        "Five systems that others have published, what they say of themselves, and what a model of the same kind "
        "reaches when this project trains and tests it."
    )
    rows = reference_rows()
    # A table, not a grid: what a system says of itself is longer than a cell of one shows.
    st.table(
        claims_table(rows),
        hide_index=True,
        border="horizontal",
        alt="Five published systems: their claims and what was measured here",
    )
    st.caption(
        "Claimed figures are the systems' own, on pictures of their choice; ours are on test pictures that no training "
        "saw, with 95 % intervals. Where the pictures differ, the figures cannot be set against each other."
    )
    missing = sorted({row.claim.model_id for row in rows if not row.measured})
    if missing:
        st.caption(f"Not installed here, so not measured: {', '.join(missing)}.")


def claims_table(rows: Sequence[ReferenceRow]) -> pd.DataFrame:
    """Return one line for each model of a system."""
    return pd.DataFrame(
        {
            "System": [f"{row.claim.system}: {row.claim.title}" for row in rows],
            "It says": [row.claim.words for row in rows],
            "Claimed accuracy": [claimed(row.claim) for row in rows],
            "Measured here": ["; ".join(map(measured, row.measured)) or NOT_HERE for row in rows],
            "Our model": [row.claim.model_id for row in rows],
        }
    )


def claimed(claim: Claim) -> str:
    """Return the accuracy that a system states of itself.

    Examples
    --------
    >>> claimed(Claim("B", "", "", (), 0.8601, 0.86, "")), claimed(Claim("A", "", "", (), None, None, ""))
    ('86.01 %', '–')
    """
    return NONE if claim.accuracy is None else f"{100 * claim.accuracy:.4g} %"


def measured(row: Evaluation) -> str:
    """Return what was measured on a set, with its interval and number of pictures."""
    share = row.accuracy
    interval = f"{100 * share.low:.1f}–{100 * share.high:.1f}"
    return f"{row.source} {100 * share.value:.1f} % ({interval}) of {row.n:,}"
