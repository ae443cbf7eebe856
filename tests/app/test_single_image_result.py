"""A result shows type, honest confidence, what speaks against it, and what the cell is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest
from stand_ins import Service, offer_models, result, summary, texts
from streamlit.testing.v1 import AppTest

from wbc_core.biology.cell_types import CELL_TYPES, cell_type
from wbc_core.biology.statements import NO_PATIENT_DATA, RESEARCH_USE
from wbc_core.imaging.quality import QualityWarning
from wbc_core.settings import settings

Opened = Callable[[], AppTest]


def shown(page: AppTest, picture: bytes, name: str = "cell.png") -> AppTest:
    """Upload a picture and run the page."""
    page.file_uploader[0].upload(name, picture)
    page.run()
    assert not page.exception
    return page


def test_before_any_picture_the_page_says_what_it_waits_for(open_single_image: Opened, service: Service) -> None:
    page = open_single_image()
    assert not page.exception
    assert "No picture yet." in texts(page)
    assert NO_PATIENT_DATA in texts(page)
    assert f"up to {settings().max_upload_mb} MB" in page.file_uploader[0].label
    assert service.calls == []


def test_a_classified_cell_shows_type_confidence_biology_and_doubts(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    page = shown(open_single_image(), picture)
    read, cell = texts(page), cell_type("eosinophil")
    assert page.header[0].value == "Eosinophil"
    assert "Sure: 96.6 %" in read
    assert "Next comes neutrophil with 2.2 %, 94.4 points behind." in read
    assert cell.role in read
    assert cell.look in read
    for sentence in cell.against:
        assert sentence in read
    for mimic in cell.mimics:
        assert mimic in read
    assert "Share of leukocytes: 1–6 %" in read
    assert "In the blood: 0.02–0.5 × 10⁹/L" in read
    assert "Normal in adults (Dacie and Lewis 2017)" in read
    assert "15 ms (decode 3 ms, locate 2 ms, predict 9 ms)" in read
    assert read.count(RESEARCH_USE) == 2  # on the result and in the frame


def test_every_type_stands_in_the_chart_and_in_its_text(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    page = shown(open_single_image(), picture)
    alternative = page.get("vega_lite_chart")[0].proto.alt
    table = page.table[0].value
    assert list(table["Type"])[:2] == ["Eosinophil", "Neutrophil"]
    assert list(table["Probability"])[:2] == ["96.6 %", "2.2 %"]
    for label in CELL_TYPES:
        assert cell_type(label).name in alternative
        assert cell_type(label).name in set(table["Type"])


def test_pictures_carry_a_text_alternative(open_single_image: Opened, service: Service, picture: bytes) -> None:
    page = shown(open_single_image(), picture)
    described = [image.proto.imgs[0].alt for image in page.image]
    assert "Your picture with a ring around the located cell" in described
    assert "The crop around the cell that the network classified" in described
    assert all(described)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("low_confidence", "The model is not sure enough to name a type."),
        ("unknown_cell", "The cell looks like none of the types this model knows."),
        ("not_a_cell", "There seems to be no stained cell in the picture."),
        ("poor_quality", "The picture is too poor to judge the cell."),
    ],
)
def test_an_unidentified_cell_says_why_and_leaves_the_decision_to_a_person(
    open_single_image: Opened, service: Service, picture: bytes, reason: str, words: str
) -> None:
    shares = dict.fromkeys(CELL_TYPES, 0.05) | {"monocyte": 0.40, "lymphocyte": 0.30}
    service.answer = result(
        label="monocyte", confidence=0.40, status="unidentified", reason=reason, probabilities=shares, cell_x=None
    )
    page = shown(open_single_image(), picture)
    read = texts(page)
    assert page.header[0].value == "Unidentified"
    assert words in read
    assert "Closest type: **Monocyte, 40.0 %**. A person must decide." in read
    assert "If it is a monocyte" in read
    assert ("names a type from a confidence of 90.0 % on" in read) == (reason == "low_confidence")
    assert f"Its look: {cell_type('lymphocyte').look}" in read  # a close runner-up is described


def test_a_cell_that_healthy_blood_does_not_hold_is_called_normally_absent(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    for label in ("erythroblast", "immature_granulocyte"):
        shares = dict.fromkeys(CELL_TYPES, 0.01) | {label: 0.93}
        service.answer = result(label=label, confidence=0.93, probabilities=shares)
        page = shown(open_single_image(), picture)
        assert "**Normally absent** from adult blood." in texts(page)
        assert not page.metric


def test_platelets_are_counted_per_litre_and_have_no_share(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    shares = dict.fromkeys(CELL_TYPES, 0.01) | {"platelet": 0.93}
    service.answer = result(label="platelet", confidence=0.93, probabilities=shares)
    page = shown(open_single_image(), picture)
    assert [(metric.label, metric.value) for metric in page.metric] == [("In the blood", "150–410 × 10⁹/L")]


def test_quality_warnings_and_decoding_notes_are_shown(
    open_single_image: Opened, service: Service, picture: bytes
) -> None:
    warning = QualityWarning("out_of_focus", "The picture is out of focus.", "Focus on the nucleus.")
    service.answer = result(warnings=(warning,), notes=("The first of 3 pages was read.",))
    read = texts(shown(open_single_image(), picture))
    assert "The picture is out of focus.\nFocus on the nucleus." in read
    assert "The first of 3 pages was read." in read


def test_a_click_elsewhere_computes_nothing_again(open_single_image: Opened, service: Service, picture: bytes) -> None:
    page = shown(open_single_image(), picture)
    page.run()
    page.radio(key="single_labels").set_value("Five-part differential").run()
    page.radio(key="single_labels").set_value("All types of the model").run()
    assert not page.exception
    five = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
    assert [call["labels"] for call in service.calls] == [None, five]


def test_chosen_types_and_scale_reach_the_service(open_single_image: Opened, service: Service, picture: bytes) -> None:
    page = shown(open_single_image(), picture)
    page.radio(key="single_labels").set_value("Chosen types").run()
    page.multiselect(key="single_own_labels").set_value(["neutrophil", "eosinophil"]).run()
    service.answer = dataclasses.replace(result(), microns_per_pixel=0.1, cell_diameter_um=9.0)
    page.number_input(key="single_scale").set_value(0.1).run()
    assert service.calls[-1]["labels"] == ("eosinophil", "neutrophil")
    assert service.calls[-1]["microns_per_pixel"] == 0.1
    assert "stained body 9.0 µm across" in texts(page)


def test_the_model_chooser_names_the_headline_figures_and_passes_the_choice_on(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_models(monkeypatch, summary("wbc8-lite0", "Eight blood cells"), summary("wbc5-small", "Five blood cells"))
    page = shown(open_single_image(), picture)
    page.selectbox(key="single_model").set_value("wbc5-small").run()
    assert [call["model_id"] for call in service.calls] == ["wbc8-lite0", "wbc5-small"]
    assert "pbc 99.0 % of 2,220" in texts(page)


def test_the_camera_is_asked_for_only_in_its_tab(open_single_image: Opened, service: Service, picture: bytes) -> None:
    page = open_single_image()
    assert not page.camera_input
    page.session_state["single_source"] = "Camera"
    page.run()
    page.camera_input[0].upload("photo.jpg", picture)
    page.run()
    assert not page.exception
    assert [call["name"] for call in service.calls] == ["camera.jpg"]


def test_the_download_is_the_result_as_json(open_single_image: Opened, service: Service, picture: bytes) -> None:
    page = shown(open_single_image(), picture)
    assert [button.label for button in page.download_button] == ["Download as JSON"]
    written = json.loads(json.dumps(service.answer.as_dict()))  # type: ignore[union-attr]
    assert written["statement"] == RESEARCH_USE
