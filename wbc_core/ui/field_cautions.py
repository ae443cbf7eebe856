"""What to beware of in fields that are counted: parts of a film, or stains, that do not belong into a differential."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.field_cautions import cautions_over
from wbc_core.services.field_runs import FieldRun
from wbc_core.ui.wording import plain, short_name

NAMED = 5


def show_cautions(run: FieldRun) -> None:
    """Show each caution once, with the fields that bear it."""
    counted = sum(result.status == "counted" for result in run.results)
    for sentence, files in cautions_over(run.results).items():
        names = ", ".join(plain(short_name(file.rpartition("/")[2])) for file in files[:NAMED])
        more = f" and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
        st.warning(
            f"{plain(sentence)}  \n{names}{more}",
            title=f"{len(files):,} of {counted:,} counted {'field' if counted == 1 else 'fields'}",
            icon=":material/warning:",
        )
