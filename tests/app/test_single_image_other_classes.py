"""On the single-image page a study says that it is one, and a merged class bears the names of its members."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stand_ins import Service, offer_models, result, texts
from streamlit.testing.v1 import AppTest

from wbc_core.biology.cell_types import cell_type
from wbc_core.biology.classes import class_facts
from wbc_core.biology.statements import BONE_MARROW_STUDY
from wbc_core.services.models import ModelSummary

Opened = Callable[[], AppTest]
MERGED = ("lymphocyte", "monocyte", "neutrophil", "eosinophil_basophil")


def summary(labels: tuple[str, ...]) -> ModelSummary:
    return ModelSummary("other", "Another task", labels, (96, 96, 3), 1000, {}, "cnmc test 80.0 % of 821")


def opened(
    open_page: Opened,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    picture: bytes,
    shares: dict[str, float],
    reason: str = "not_a_cell",
) -> AppTest:
    """Upload a picture to a model of these classes, which answers with these shares; the first is the top one."""
    offer_models(monkeypatch, summary(tuple(shares)))
    label, confidence = next(iter(shares.items()))
    sure = confidence >= 0.6
    service.answer = result(
        label=label,
        confidence=confidence,
        probabilities=shares,
        status="classified" if sure else "unidentified",
        reason="" if sure else reason,
        whole_cell=True,
    )
    page = open_page()
    page.file_uploader[0].upload("cell.png", picture)
    page.run()
    assert not page.exception
    return page


def test_a_result_of_the_study_says_what_the_study_is(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"lymphoblast": 0.9, "normal_precursor": 0.1}
    page = opened(open_single_image, service, monkeypatch, picture, shares)
    read, (cell,) = texts(page), class_facts("lymphoblast").members
    assert page.header[0].value == "Lymphoblast"
    assert BONE_MARROW_STUDY in [element.value for element in page.info]
    assert "Next comes normal B precursor with 10.0 %" in read
    assert "Taken for:** lymphocyte, haematogone (marrow) or myeloblast" in read
    assert "immunophenotype decides" in read
    assert cell.role in read
    assert "10–20\u00a0µm on the film" in read
    assert cell.normal_note in read
    assert not page.metric


def test_the_study_offers_no_choice_of_types_and_no_differential(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(open_single_image, service, monkeypatch, picture, {"lymphoblast": 0.9, "normal_precursor": 0.1})
    assert "single_labels" not in [radio.key for radio in page.radio]
    assert "chooses between two classes: lymphoblasts or normal B precursors" in texts(page)
    assert "Research study on bone marrow, not a test for leukaemia and not for blood smears." in texts(page)


def test_a_film_shown_to_the_study_gets_a_reason_and_no_class(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(open_single_image, service, monkeypatch, picture, {"normal_precursor": 0.55, "lymphoblast": 0.45})
    read = texts(page)
    assert "The picture shows no stained cell that was cut out on black, and this model has seen no other." in read
    assert "About normal B precursors" in read
    assert "55.0 %" not in read
    assert "Check before you believe it" not in read
    assert not page.get("vega_lite_chart")


def test_an_unsure_answer_of_the_study_names_the_closest_class(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"normal_precursor": 0.55, "lymphoblast": 0.45}
    read = texts(opened(open_single_image, service, monkeypatch, picture, shares, reason="low_confidence"))
    assert "Closest class: **Normal B precursor, 55.0 %**. A person must decide." in read
    assert "If it is a normal B precursor" in read


def test_a_merged_class_shows_the_facts_of_each_member(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"eosinophil_basophil": 0.9, "neutrophil": 0.08, "lymphocyte": 0.01, "monocyte": 0.01}
    page = opened(open_single_image, service, monkeypatch, picture, shares)
    read = texts(page)
    assert page.header[0].value == "Eosinophil or basophil"
    assert "About eosinophils or basophils" in read
    for label in ("eosinophil", "basophil"):
        assert cell_type(label).role in read
    assert [metric.value for metric in page.metric if metric.label == "Share of leukocytes"] == ["1–6 %", "below 2 %"]
    assert "Eosinophil or basophil 90.0 %" in page.get("vega_lite_chart")[0].proto.alt
    assert BONE_MARROW_STUDY not in [element.value for element in page.info]
    assert page.radio(key="single_labels").options == ["All types of the model", "Chosen types"]


def test_a_class_without_a_description_is_still_shown(
    open_single_image: Opened, service: Service, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(open_single_image, service, monkeypatch, picture, {"granulocyte": 0.9, "mononuclear_cell": 0.1})
    read = texts(page)
    assert page.header[0].value == "Granulocyte"
    assert "No description: this class is none of the known cell types." in read
    assert "Check before you believe it" not in read
