"""Why the model answered so, for those who ask: computed only when one of the sections is opened."""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.errors import ModelError
from wbc_core.explanation.attribute_words import TITLES, in_a_sentence, value_in_words
from wbc_core.services.explaining import Explanation, explain_result, neighbour_picture, offered
from wbc_core.services.single_image import ImageResult
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.heat_map import show_heat_map
from wbc_core.ui.state import Shown
from wbc_core.ui.wording import listed, percent, plain, short_name

NEIGHBOUR_WIDTH = 150  # px
_KEY = "single_explanation"
UNEXPECTED = "Something went wrong on our side, and the answer could not be explained."
UNEXPECTED_HINT = "The answer itself stands as it is."


@st.fragment
def show_explanations(shown: Shown) -> None:
    """Offer the map, the cell in words and the most similar training cells, as far as the model has them."""
    result = shown.result
    if result.crop is None:
        return
    words, likeness = offered(result.model_id)
    where = st.expander("Where it looked", icon=":material/visibility:", key="single_where", on_change="rerun")
    if where.open:
        with where, failures_shown(UNEXPECTED, UNEXPECTED_HINT):
            try:
                show_heat_map(shown, _explained(result), _digest(result))
            except ModelError as error:
                st.info(plain(f"{error.message} {error.hint}"), icon=":material/info:")
    if words:
        look = st.expander("The cell in words", icon=":material/notes:", key="single_words", on_change="rerun")
        if look.open:
            with look, failures_shown(UNEXPECTED, UNEXPECTED_HINT):
                _show_words(_explained(result))
    if likeness:
        alike = st.expander(
            "Most similar training cells", icon=":material/grid_view:", key="single_alike", on_change="rerun"
        )
        if alike.open:
            with alike, failures_shown(UNEXPECTED, UNEXPECTED_HINT):
                _show_neighbours(_explained(result))


def _digest(result: ImageResult) -> str:
    assert result.crop is not None
    return hashlib.sha256(result.crop.tobytes()).hexdigest()[:12]


def _explained(result: ImageResult) -> Explanation:
    """Explain a result, or return what was found for the same one before; one is remembered."""
    key = (result.model_id, result.label, result.file, result.width, _digest(result))
    kept: tuple[object, Explanation] | None = st.session_state.get(_KEY)
    if kept is None or kept[0] != key:
        kept = (key, explain_result(result))
        st.session_state[_KEY] = kept
    return kept[1]


def _show_words(explanation: Explanation) -> None:
    card = explanation.attribute_card
    assert card is not None
    if not explanation.readings:
        taught = listed([class_facts(label).plural for label in card.labels])
        st.markdown(f"No words for this type: the attributes were learned on {plain(taught)} only.")
        return
    st.markdown(f"**{plain(in_a_sentence(explanation.readings))}.**")
    rows = pd.DataFrame(
        {
            "Attribute": [TITLES[reading.attribute] for reading in explanation.readings],
            "Here": [value_in_words(reading.attribute, reading.value) for reading in explanation.readings],
            "Probability": [percent(reading.probability) for reading in explanation.readings],
            "Right on test pictures": [
                f"{100 * each.accuracy.value:.1f} % ({100 * each.accuracy.low:.1f}–{100 * each.accuracy.high:.1f})"
                for each in explanation.readings
            ],
        }
    )
    st.table(
        rows, hide_index=True, border="horizontal", alt="Eleven attributes of the cell and how often each is right"
    )
    mean = card.mean_accuracy
    st.caption(
        "Read from the same signals as the answer by small probes, taught on cells that pathologists had described "
        f"({plain(card.source)}). On average {100 * mean.value:.1f} % of the words are right (95 % interval "
        f"{100 * mean.low:.1f} to {100 * mean.high:.1f}) on {card.images['test']:,} test pictures of that laboratory; "
        "colours and size will fit other stains and scales less well. The words describe the cell; they are not why "
        "the model answered so."
    )


def _show_neighbours(explanation: Explanation) -> None:
    row = st.container(horizontal=True, gap="small")  # beside each other on a phone too, as many as go
    for near in explanation.neighbours:
        name = class_facts(near.label).name
        with row, st.container(width=NEIGHBOUR_WIDTH, gap="small"):
            picture = neighbour_picture(near, explanation.model_id)
            if picture is not None:
                st.image(picture, alt=f"Training cell labelled {name}", width="stretch")
            st.markdown(f"**{plain(name)}**")
            st.text(f"similarity {near.similarity:.2f}\n{near.source}\n{short_name(near.file)}")
    card = explanation.reference_card
    assert card is not None
    total = sum(sum(by_set.values()) for by_set in card.cells.values())
    agrees = listed([f"{100 * share.value:.1f} % on {plain(name)}" for name, share in card.nearest_agrees.items()])
    st.caption(
        f"Nearest of {total:,} training cells by what the model made of them (cosine, 1 is the same). The nearest one "
        f"carries the right label for {agrees} validation pictures. Low similarities mean that nothing like this cell "
        "was among them. Pictures appear where the data set is installed."
    )
