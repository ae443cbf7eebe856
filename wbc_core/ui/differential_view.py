"""What was counted: the differential with its exact limits, or plain numbers where no differential can be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.errors import WbcError
from wbc_core.services.access import values_are_judged
from wbc_core.services.differential import count_answers
from wbc_core.smear.case import SAMPLINGS, Case, Sampling
from wbc_core.smear.result import Caution, Differential, Line, OutsideCount
from wbc_core.ui.wording import REASONS, plain

COUNT_KEY, SAMPLING_KEY, NUCLEATED_KEY = "smear_leukocytes", "smear_sampling", "smear_nucleated"
SAMPLING_WORDS: dict[Sampling, str] = {
    "unknown": "not known",
    "consecutive_fields": "every cell of consecutive fields",
    "chosen_crops": "chosen by a person",
}
NUCLEATED_WORDS = {None: "not known", True: "yes", False: "no"}


@dataclass(frozen=True)
class Counted:
    """What there is to count: answers by label, abstentions by reason, and what the model could answer at all.

    A person may have given labels that the model does not know, and may have seen every cell. Of fields there is more
    to say: what lies outside the leukocytes, and what to beware of in film and stain.
    """

    labels: Sequence[str]
    classified: Mapping[str, int]
    reasons: Counter[str]
    failed: int = 0
    repeats: int = 0
    outside: Mapping[str, int] = field(default_factory=dict)
    reviewed: bool = False
    film: tuple[Caution, ...] = ()


def show_counts(counted: Counted, *, sampling: Sampling = "unknown") -> None:
    """Show the differential of what is done so far; where the labels make none, the numbers by label.

    Parameters
    ----------
    counted : Counted
        The numbers.
    sampling : str
        How the cells were come by, unless the visitor says otherwise.
    """
    st.subheader("Counts", anchor=False)
    if in_bone_marrow_study(counted.labels):
        _show_numbers(counted)
        return
    case = _ask_for_case(sampling)
    try:
        result = count_answers(
            counted.labels,
            counted.classified,
            counted.reasons,
            case,
            outside=counted.outside,
            failed=counted.failed,
            repeats=counted.repeats,
            reviewed=counted.reviewed,
            film=counted.film,
        )
    except WbcError as error:
        _show_numbers(counted)
        st.caption(f"No differential: {plain(error.message)}")
        return
    _show_differential(result)
    _show_unidentified(counted)


def _ask_for_case(usual: Sampling) -> Case:
    with st.expander("About the smear", icon=":material/edit_note:"):
        if not values_are_judged():
            return Case(sampling=_ask_for_sampling(usual))
        left, middle, right = st.columns(3, gap="small")
        with left:
            count = st.number_input(
                "Leukocyte count in 10⁹/L",
                min_value=0.01,
                max_value=2000.0,
                value=None,
                placeholder="not known",
                key=COUNT_KEY,
                help="Then absolute counts stand in the table, and low and high are judged by them.",
            )
        with middle:
            nucleated = st.selectbox(
                "Does it include nucleated red cells?",
                list(NUCLEATED_WORDS),
                format_func=NUCLEATED_WORDS.__getitem__,
                key=NUCLEATED_KEY,
            )
        with right:
            sampling = _ask_for_sampling(usual)
    return Case(leukocyte_count=count, counter_includes_erythroblasts=nucleated, sampling=sampling)


def _ask_for_sampling(usual: Sampling) -> Sampling:
    return st.selectbox(
        "How the cells were come by",
        SAMPLINGS,
        index=SAMPLINGS.index(usual),
        format_func=SAMPLING_WORDS.__getitem__,
        key=SAMPLING_KEY,
    )


def _show_differential(result: Differential) -> None:
    st.caption(f"{plain(result.progress.sentence)} 95 % limits: {plain(result.limits_are)}.")
    st.dataframe(
        differential_table(result),
        hide_index=True,
        alt="The differential: cells, percentages and their exact 95 % limits",
        key="differential",
    )
    if result.outside:
        st.markdown("**Outside the count**\n" + "\n".join(f"- {plain(_outside(row))}" for row in result.outside))
    for caution in result.cautions:
        st.markdown(f":material/warning: {plain(caution.sentence)}")
    if result.notes:
        st.caption(plain(" ".join(result.notes)))


def differential_table(result: Differential) -> pd.DataFrame:
    """Return the leukocytes that make up 100 % as a table.

    Returns
    -------
    pandas.DataFrame
        In the order of a report. Columns: Cell, Count, %, 95 % limits; with a leukocyte count also 10⁹/L, Range and
        Flag.
    """
    return pd.DataFrame(
        [row for line in result.lines for row in (_row(line), *(_row(part, "– ") for part in line.parts))]
    )


def _row(line: Line, indent: str = "") -> dict[str, object]:
    row: dict[str, object] = {
        "Cell": indent + line.title,
        "Count": line.count,
        "%": line.percent_shown,
        "95 % limits": f"{line.low_shown} to {line.high_shown} %",
    }
    if line.absolute is not None:
        row["10⁹/L"] = f"{line.absolute.value:.2f} ({line.absolute.low:.2f} to {line.absolute.high:.2f})"
        row["Range"] = line.range_absolute
        row["Flag"] = "" if line.flag is None else line.flag.words
    return row


def _outside(row: OutsideCount) -> str:
    words = f"{row.title}: {row.count:,}"
    if row.per_100 is None or row.low is None or row.high is None:
        return words
    return f"{words}, {row.per_100:.1f} per 100 leukocytes ({row.low:.1f} to {row.high:.1f})"


def _show_unidentified(counted: Counted) -> None:
    reasons = [f"{count:,}: {REASONS.get(reason, reason)}" for reason, count in counted.reasons.most_common()]
    if len(reasons) > 1:
        st.markdown("**Unidentified**, for a person to decide:\n" + "\n".join(f"- {plain(text)}" for text in reasons))


def _show_numbers(counted: Counted) -> None:
    given = [label for label in counted.classified if label not in counted.labels]  # by a person
    rows = [(class_facts(label).name, counted.classified.get(label, 0)) for label in (*counted.labels, *given)]
    st.dataframe(
        pd.DataFrame(rows, columns=["Class", "Pictures"]),
        hide_index=True,
        alt="Pictures by class",
        key="numbers",
    )
    _show_unidentified(counted)
