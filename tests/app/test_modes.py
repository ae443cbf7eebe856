"""The frame offers what the mode allows, and a locked page says why and how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from stand_ins import failure, texts
from streamlit.testing.v1 import AppTest

from wbc_core.services import access
from wbc_core.settings import settings
from wbc_core.ui import visitors

OpenHome = Callable[[], AppTest]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Return a function that lets the services believe in a server of a mode at an address."""

    def start(mode: str, address: str) -> None:
        monkeypatch.setenv("WBC_MODE", mode)
        settings.cache_clear()
        access.serve_at(address)

    yield start
    access.serve_nobody()
    monkeypatch.undo()
    settings.cache_clear()


def addresses() -> None:
    """Run as a page: write down where the pages are."""
    import streamlit

    from wbc_core.ui import navigation

    streamlit.text(" ".join(page.url_path for page in navigation.pages()))


@pytest.mark.parametrize(("mode", "offered"), [("public", False), ("laboratory", True), ("local", True)])
def test_only_a_public_server_has_no_training_pages(serve, mode: str, offered: bool) -> None:
    serve(mode, "127.0.0.1")
    pages = AppTest.from_function(addresses, default_timeout=120).run().text[0].value.split()
    assert "single_image" in pages
    assert ("training_jobs" in pages, "training_curves" in pages) == (offered, offered)


@pytest.mark.parametrize("page", ["training_jobs", "training_curves"])
def test_a_training_page_that_others_can_reach_shows_a_lock_and_nothing_else(
    serve, open_home: OpenHome, page: str
) -> None:
    serve("local", "0.0.0.0")
    opened = open_home().switch_page(f"../../pages/lab/{page}.py").run()
    sentence, hint = failure(opened)
    assert sentence == "Training is locked: other computers can reach this server, and it has no login."
    assert "wbc jobs submit" in hint
    assert not opened.button
    assert not opened.selectbox


def test_the_public_is_shown_the_way_out_of_a_frame(serve, open_home: OpenHome, monkeypatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "someone-cells.hf.space")
    serve("local", "127.0.0.1")
    assert "window of its own" not in texts(open_home())
    serve("public", "0.0.0.0")
    assert "[Open in a window of its own](https://someone-cells.hf.space)." in open_home().caption[-1].value


@pytest.mark.parametrize("address", ["x) <b>", "javascript:alert(1)", "https://a b"])
def test_what_is_no_address_becomes_no_link(serve, monkeypatch, address: str) -> None:
    monkeypatch.setenv("WBC_PUBLIC_ADDRESS", address)
    serve("public", "0.0.0.0")
    assert visitors.own_window() == ""


def test_an_app_that_is_not_told_otherwise_listens_to_this_computer_alone() -> None:
    import tomllib

    from wbc_core.settings import ROOT, Settings

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert access.is_loopback(config["server"]["address"])
    assert access.is_loopback(Settings.model_fields["address"].default)
