"""What to beware of in fields that are counted: parts of a film, or stains, that do not belong into a differential."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from wbc_core.services.field_cautions import cautions_over
from wbc_core.services.field_runs import FieldRun
from wbc_core.smear.fields.film_words import NAMED, SHORT
from wbc_core.ui.wording import plain, short_name


def show_cautions(run: FieldRun) -> None:
    """Show in one box which fields bear which caution; the differential below says what each means."""
    cautions = cautions_over(run.results)
    if not cautions:
        return
    counted = sum(result.status == "counted" for result in run.results)
    concerned = len({file for files in cautions.values() for file in files})
    st.warning(
        "\n".join(f"- **{_names(files)}** {plain(SHORT[word])}" for word, files in cautions.items()),
        title=f"{concerned:,} of {counted:,} counted {'field' if counted == 1 else 'fields'} to beware of",
        icon=":material/warning:",
    )
    st.caption(
        "Their cells are in the counts below, where each warning is explained. To leave them out, hand in the other"
        " fields alone."
    )


def _names(files: Sequence[str]) -> str:
    named = ", ".join(plain(short_name(file.rpartition("/")[2])) for file in files[:NAMED])
    return f"{named} and {len(files) - NAMED:,} more:" if len(files) > NAMED else f"{named}:"
