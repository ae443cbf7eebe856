"""Home says in three lines what this is, what it cannot see and what not to upload, and leads on."""

from __future__ import annotations

from collections.abc import Callable

from stand_ins import Service, texts
from streamlit.testing.v1 import AppTest

from wbc_core.biology.cell_types import all_cell_types
from wbc_core.biology.statements import BLIND_SPOTS, NO_PATIENT_DATA, PURPOSE, RESEARCH_USE

Opened = Callable[[], AppTest]


def test_three_lines_come_first(open_home: Opened) -> None:
    page = open_home()
    assert not page.exception
    lines = [line.value for line in page.markdown[:3]]
    assert PURPOSE in lines[0]
    assert BLIND_SPOTS in lines[1]
    assert RESEARCH_USE in lines[2]
    assert NO_PATIENT_DATA in lines[2]


def test_the_button_leads_to_the_single_image_page(open_home: Opened, service: Service) -> None:
    page = open_home()
    page.button(key="home_start").click().run()
    assert not page.exception
    assert page.title[0].value == "What cell is this?"
    assert "No picture yet." in texts(page)


def test_the_other_ways_in_stand_beside_it(open_home: Opened) -> None:
    page = open_home()
    links = [link.proto.label for link in page.get("page_link")]
    assert links[:3] == ["Count many pictures", "Find cells in whole fields", "Compare models"]


def test_every_type_has_a_picture_with_a_text_and_the_mark_synthetic(open_home: Opened) -> None:
    page = open_home()
    described = [image.proto.imgs[0].alt for image in page.image]
    assert described == [f"Synthetic {cell.name.lower()}. {cell.look}" for cell in all_cell_types()]
    assert "synthetic, no real cells" in texts(page)


def test_a_sample_is_one_click_away(open_home: Opened, service: Service) -> None:
    page = open_home()
    page.button(key="home_monocyte").click().run()
    assert not page.exception
    assert [call["name"] for call in service.calls] == ["synthetic_monocyte.png"]
    assert "Synthetic sample" in texts(page)
