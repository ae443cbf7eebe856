"""Every fault reaches the page as one sentence and a hint, never as a traceback."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import pytest
from PIL import Image
from stand_ins import Service, failure, offer_models, result, texts
from streamlit.testing.v1 import AppTest

from tests.oversized import huge_png
from wbc_core.errors import ModelError
from wbc_core.imaging.decoding import decode_image
from wbc_core.services.single_image import ImageResult

Opened = Callable[[], AppTest]


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("white", "purple", "red")]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    return written.getvalue()


def one_pixel() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (1, 1)).save(written, "PNG")
    return written.getvalue()


def truncated_jpeg() -> bytes:
    written = io.BytesIO()
    Image.effect_noise((400, 400), 60).convert("RGB").save(written, "JPEG", quality=95)
    return written.getvalue()[:3000]


@pytest.fixture
def decoder_only(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real decoder judge the bytes; no model is needed to refuse them."""

    def decode_then_answer(data: bytes, name: str, **options: object) -> tuple[ImageResult, object]:
        return result(file=name), decode_image(data, name).pixels

    monkeypatch.setattr("wbc_core.ui.state.classify_and_keep", decode_then_answer)


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("empty.jpg", b"", "empty"),
        ("notes.jpg", b"These are notes on a smear, not a picture.\n" * 20, "text"),
        ("cut.jpg", truncated_jpeg(), ""),
        ("huge.png", huge_png(), ""),
        ("moving.png", animated_gif(), ""),
        ("dot.png", one_pixel(), ""),
    ],
    ids=["empty", "text renamed", "truncated", "20,000 × 20,000", "animated GIF", "1 × 1"],
)
def test_a_bad_file_gets_one_sentence_and_a_hint(
    open_single_image: Opened, decoder_only: None, name: str, data: bytes, word: str
) -> None:
    page = open_single_image()
    page.file_uploader[0].upload(name, data)
    page.run()
    assert not page.exception
    sentence, hint = failure(page)
    assert name in sentence
    assert word in sentence
    assert sentence.endswith(".")
    assert hint
    assert "Traceback" not in texts(page)
    assert not page.header  # no result beside the error


HOSTILE = "<img src=x onerror=alert(1)> *a* $b$ [c](http://d.e) :red[f].png"


def test_a_hostile_file_name_is_shown_letter_by_letter_in_a_result(
    open_single_image: Opened, decoder_only: None, picture: bytes
) -> None:
    page = open_single_image()
    page.file_uploader[0].upload(HOSTILE, picture)
    page.run()
    assert page.text[0].value.startswith("<img src=x onerror=alert(1)> *a*")  # st.text shows plain text only
    formatted = [element.value for kind in (page.markdown, page.caption, page.header) for element in kind]
    assert not any("onerror" in value for value in formatted)


def test_a_hostile_file_name_is_escaped_in_an_error(open_single_image: Opened, decoder_only: None) -> None:
    page = open_single_image()
    page.file_uploader[0].upload(HOSTILE, b"no picture")
    page.run()
    raw = page.error[0].proto.title
    assert "<img" not in raw.replace("\\<", "")
    assert ":red[" not in raw.replace("\\:", "")
    assert "<img src=x onerror=alert(1)>" in failure(page)[0]


def test_an_altered_model_is_named_with_its_hint(open_single_image: Opened, service: Service, picture: bytes) -> None:
    service.answer = ModelError("model.onnx of wbc8-lite0 differs from its card.", "Install the model again.")
    page = open_single_image()
    page.file_uploader[0].upload("cell.png", picture)
    page.run()
    assert failure(page) == ("model.onnx of wbc8-lite0 differs from its card.", "Install the model again.")


def test_without_a_model_the_page_says_what_to_install(
    open_single_image: Opened, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_models(monkeypatch)
    sentence, hint = failure(open_single_image())
    assert sentence == "No usable model is installed, so no picture can be classified."
    assert "models/" in hint


def test_a_default_model_with_a_newer_card_is_named(
    open_single_image: Opened, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(model_id: str | None = None) -> None:
        raise ModelError("The card of wbc8-lite0 has schema 9, this program reads 1.", "Update the program.")

    offer_models(monkeypatch)
    monkeypatch.setattr("wbc_core.ui.options.installed_ids", lambda: ("wbc8-lite0",))
    monkeypatch.setattr("wbc_core.ui.options.model_details", refused)
    assert failure(open_single_image()) == (
        "The card of wbc8-lite0 has schema 9, this program reads 1.",
        "Update the program.",
    )


def test_a_fault_of_the_program_is_logged_and_shown_as_a_neutral_sentence(
    open_single_image: Opened, service: Service, picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = ZeroDivisionError("secret detail")
    page = open_single_image()
    page.file_uploader[0].upload("cell.png", picture)
    with caplog.at_level(logging.ERROR, logger="wbc_core.ui"):
        page.run()
    assert not page.exception
    assert failure(page)[0] == "Something went wrong on our side, and the picture was not classified."
    assert "secret detail" not in texts(page)
    assert "secret detail" in caplog.text
