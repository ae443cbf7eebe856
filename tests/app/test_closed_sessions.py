"""A closed session, and the upload in it, is let go of after its time even if nobody comes any more."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from tests.tiny_training import until
from wbc_core.ui import startup


class Upload:
    id = "closed"


@pytest.mark.parametrize(("seconds", "let_go"), [(0.01, True), (600, False)])
def test_it_is_let_go_of_when_its_time_is_over_and_not_before(
    monkeypatch: pytest.MonkeyPatch, seconds: float, let_go: bool
) -> None:
    storage = MemorySessionStorage(ttl_seconds=seconds)  # type: ignore[arg-type]
    session: Any = Upload()
    storage.save(SimpleNamespace(session=session))  # type: ignore[arg-type]
    gone = weakref.ref(session)
    del session
    manager = WebsocketSessionManager.__new__(WebsocketSessionManager)
    manager._session_storage = storage
    server = SimpleNamespace(_session_mgr=manager)
    monkeypatch.setattr(startup.runtime, "exists", lambda: True)
    monkeypatch.setattr(startup.runtime, "get_instance", lambda: server)
    if let_go:
        until(lambda: not storage.list(), "its time is not over")
    startup.forget_closed_sessions()
    gc.collect()
    assert (gone() is None) == let_go


def test_the_server_still_keeps_closed_sessions_where_they_are_looked_for() -> None:
    source = Runtime.__init__.__code__.co_names
    assert "_session_mgr" in source
    assert "_session_storage" in WebsocketSessionManager.__init__.__code__.co_names
