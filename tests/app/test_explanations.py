"""Whoever asks why gets a map with its legend and limits, words with their accuracy, and similar cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from stand_ins import Service, result, texts
from streamlit.testing.v1 import AppTest

from wbc_core.biology.cell_types import CELL_TYPES, cell_type
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import ModelError
from wbc_core.explanation.attribute_labels import ATTRIBUTES
from wbc_core.explanation.attribute_words import TITLES
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.ui.heat_map import NOT_SHOWN

Opened = Callable[[], AppTest]
KEYS = ("single_where", "single_words", "single_alike")


def answered(label: str = "eosinophil", **changes: object):
    """Return a result for a drawn cell, with the crop that the default model would see."""
    crop = Preprocessing(size=128).apply(render_cell(label, seed=1))
    return result(label=label, crop=np.asarray(crop), **changes)


def opened(page: AppTest, picture: bytes, *keys: str) -> AppTest:
    """Upload a picture with these sections open."""
    for key in keys:
        page.session_state[key] = True
    page.file_uploader[0].upload("cell.png", picture)
    page.run()
    assert not page.exception
    return page


def alternatives(page: AppTest) -> list[str]:
    return [image.proto.imgs[0].alt for image in page.image]


def test_nothing_is_computed_before_a_section_is_opened(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_result: object) -> None:
        raise AssertionError("explained unasked")

    monkeypatch.setattr("wbc_core.ui.explanations.explain_result", refuse)
    service.answer = answered()
    page = opened(open_single_image(), picture)
    assert [each.label for each in page.expander if each.label == "Where it looked"]
    assert not page.error


def test_the_map_has_a_class_an_opacity_a_legend_an_alternative_and_its_limits(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    service.answer = answered()
    page = opened(open_single_image(), picture, "single_where")
    chooser = next(box for box in page.selectbox if box.label == "Show what speaks for")
    assert chooser.value == "eosinophil"
    assert set(chooser.options) == {cell_type(label).name for label in CELL_TYPES}
    (slider,) = page.slider
    assert slider.label == "Opacity of the map" and slider.value == 60
    assert any(alt.startswith("Your picture with the map for eosinophil over it: ") for alt in alternatives(page))
    assert "Scale of the map from blue to orange" in alternatives(page)
    read = texts(page)
    assert NOT_SHOWN in read
    assert "4 × 4 places" in read
    chooser.set_value("monocyte").run()
    page.slider[0].set_value(0).run()
    assert not page.exception and not page.error
    assert any("the map for monocyte over it" in alt for alt in alternatives(page))


def test_a_model_without_a_closed_form_says_so_and_the_answer_stays(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_result: object) -> None:
        raise ModelError("There is no heat map for the model x.", "Choose another model.")

    monkeypatch.setattr("wbc_core.ui.explanations.explain_result", refuse)
    service.answer = answered()
    page = opened(open_single_image(), picture, "single_where")
    assert "There is no heat map for the model x" in page.info[-1].value.replace("\\", "")
    assert page.header[0].value == "Eosinophil"
    assert not page.error


def test_the_cell_in_words_stands_beside_the_accuracy_of_each_word(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    service.answer = answered()
    page = opened(open_single_image(), picture, "single_words")
    table = page.table[-1].value
    assert list(table["Attribute"]) == [TITLES[name] for name in ATTRIBUTES]
    assert table["Right on test pictures"].str.match(r"^\d+\.\d % \(\d+\.\d–\d+\.\d\)$").all()
    assert "Cell " in texts(page) and "nucleus " in texts(page)


def test_a_type_that_was_not_described_gets_no_words(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    service.answer = answered("erythroblast")
    page = opened(open_single_image(), picture, "single_words")
    assert "No words for this type" in texts(page)


def test_similar_training_cells_have_label_file_and_similarity(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    service.answer = answered()
    page = opened(open_single_image(), picture, "single_alike")
    found = [text.value for text in page.text if text.value.startswith("similarity ")]
    assert len(found) == 5
    closeness = [float(text.split()[1]) for text in found]
    assert closeness == sorted(closeness, reverse=True)
    assert "Nearest of " in texts(page)
