"""Is one model better than another? Every pair in words that a class understands, the most telling first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from wbc_core.evaluation.figures import Figure
from wbc_core.evaluation.paired import Pair
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.wording import plain

WHAT_P_IS = (
    "**p** is how often a coin, thrown once for every picture on which exactly one of the two is right, would fall at "
    "least so unevenly: a small p makes chance a poor explanation."
)
WHAT_HOLM_IS = (
    "**Holm's correction** raises p for the number of pairs: who compares many pairs finds a lucky one among them."
)

AT_ONCE = 6
"""Pairs that are shown unfolded; eight models make 28, which nobody reads at once."""

_FIRST, _SECOND = "①", "②"  # stand for the names until these are put in


def show_pairs(compared: Compared) -> None:
    """Show the sentence of every pair."""
    pairs = compared.comparison.pairs
    if not pairs:
        st.info("Choose at least two models.", title="A difference needs two", icon=":material/balance:")
        return
    st.caption(WHAT_P_IS)
    if len(pairs) > 1:
        st.caption(WHAT_HOLM_IS)
    many = sum(pair.significant for pair in pairs)
    st.markdown(f"**{how_many_differ(many, len(pairs))}**")
    ordered = telling_first(pairs)
    at_once = len(ordered) if len(ordered) <= AT_ONCE + 1 else AT_ONCE
    for pair in ordered[:at_once]:
        _show_pair(pair, compared.names)
    if ordered[at_once:]:
        with st.expander(f"The other {len(ordered) - at_once} pairs", icon=":material/unfold_more:"):
            for pair in ordered[at_once:]:
                _show_pair(pair, compared.names)


def _show_pair(pair: Pair, names: Mapping[str, str]) -> None:
    with st.container(border=True, gap="small"):
        if pair.significant:
            st.badge("More than chance", icon=":material/check:", color="green")
        else:
            st.badge("Not shown to differ", icon=":material/help:", color="gray")
        st.markdown(with_bold_names(pair, names))
        st.caption(plain(sizes(pair, names)))


def telling_first(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs ordered by how badly chance explains their difference, then by how many pictures tell."""
    return sorted(
        pairs,
        key=lambda pair: (not pair.significant, pair.p_corrected, -abs(pair.only_first - pair.only_second)),
    )


def sentence(pair: Pair, names: Mapping[str, str]) -> str:
    """Return a pair's sentence with the names that the page shows."""
    return replace(pair, first=names[pair.first], second=names[pair.second]).sentence


def with_bold_names(pair: Pair, names: Mapping[str, str]) -> str:
    """Return a pair's sentence in Markdown, in which long names are told from what is said of them."""
    text = plain(replace(pair, first=_FIRST, second=_SECOND).sentence)
    for sign in ("<", "="):
        text = text.replace(f"p \\{sign} ", f"p\N{NO-BREAK SPACE}\\{sign}\N{NO-BREAK SPACE}")
    for mark, name in ((_FIRST, names[pair.first]), (_SECOND, names[pair.second])):
        text = text.replace(mark, f"**{plain(name)}**")
    return text


def sizes(pair: Pair, names: Mapping[str, str]) -> str:
    """Say how large the differences are, in points, with their intervals."""
    parts = [f"accuracy {_points(pair.accuracy_difference)}", f"macro F1 {_points(pair.macro_f1_difference)}"]
    return (
        f"{names[pair.first]} less {names[pair.second]}, on {pair.n:,} pictures: {', '.join(parts)}. "
        f"Both right on {pair.both:,}, both wrong on {pair.neither:,}."
    )


def how_many_differ(many: int, all_pairs: int) -> str:
    """Say of how many pairs the difference is more than chance.

    Examples
    --------
    >>> how_many_differ(0, 3), how_many_differ(1, 1)
    ('None of the 3 pairs differs by more than chance.', 'The two models differ by more than chance.')
    """
    if all_pairs == 1:
        return "The two models differ by more than chance." if many else "The two models are not shown to differ."
    if not many:
        return f"None of the {all_pairs} pairs differs by more than chance."
    return f"{many} of {all_pairs} pairs {'differs' if many == 1 else 'differ'} by more than chance."


def _points(figure: Figure) -> str:
    if figure.value is None:
        return f"not defined ({figure.reason})"
    text = f"{signed(figure.value)} points"
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({signed(figure.low)} to {signed(figure.high)})"


def signed(share: float) -> str:
    """Return a difference of shares in points, with its sign; none of what rounds to nothing.

    Examples
    --------
    >>> signed(0.278), signed(-0.009), signed(-0.0002)
    ('+27.8', '−0.9', '0.0')
    """
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"
