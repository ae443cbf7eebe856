"""How long the server's script ran for a page, as the messages that it sends tell."""

from __future__ import annotations

import statistics
import time

from playwright.sync_api import Page, WebSocket
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class ScriptTimes:
    """Seconds from each beginning of the script to its end, of the page as a whole or of a fragment.

    Parameters
    ----------
    page : Page
        Before it goes to an address.
    """

    def __init__(self, page: Page) -> None:
        self.seconds: list[float] = []
        self._began: float | None = None
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._note)

    def _note(self, frame: bytes | str) -> None:
        if not isinstance(frame, bytes):
            return
        kind = ForwardMsg.FromString(frame).WhichOneof("type")
        if kind == "new_session":
            self._began = time.perf_counter()
        elif kind == "script_finished" and self._began is not None:
            self.seconds.append(time.perf_counter() - self._began)
            self._began = None

    @property
    def words(self) -> str:
        """Number of runs, their median and the longest, as a sentence to be printed."""
        assert self.seconds, "the script never ran to its end"
        median, longest = statistics.median(self.seconds), max(self.seconds)
        return f"script time: {len(self.seconds)} runs, median {1e3 * median:.0f} ms, longest {1e3 * longest:.0f} ms"
