"""A visitor of the running app without a browser: speaks what Streamlit's page speaks, and costs next to nothing.

The page of a browser opens a websocket, sends what its widgets hold, takes the elements that come back, fetches the
pictures among them, and hands in files by PUT to an address that the server names. So does this, on the loopback only.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

ANSWER_S = 120.0
"""Longest wait for an answer: a busy machine is not a broken promise."""

LOOPBACK = {"127.0.0.1", "localhost"}


@dataclass
class Seen:
    """What one run of the page showed.

    Attributes
    ----------
    texts : list of str
        Headings, Markdown and plain texts.
    failures : list of str
        Errors that the page showed.
    pictures : list of str
        Addresses of pictures.
    uploader : str
        Identifier of the page's place for files; empty where it has none.
    finished : bool
        Whether the run came to its end by itself.
    """

    texts: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    uploader: str = ""
    finished: bool = False


class Visitor:
    """One session.

    Parameters
    ----------
    address : str
        Of the app, such as ``http://127.0.0.1:8501``.
    page : str
        Path of the page to open; the start page if empty.

    Raises
    ------
    ValueError
        If the address is not this computer.
    """

    def __init__(self, address: str, page: str = "single_image") -> None:
        parts = urlsplit(address)
        if parts.hostname not in LOOPBACK or parts.port is None:
            raise ValueError("Visitors go to this computer only.")
        self._host, self._port, self._page = str(parts.hostname), parts.port, page
        self._token = ""
        self._socket: ClientConnection | None = None
        self._http: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._kept: dict[str, ForwardMsg] = {}
        self._fetched: set[str] = set()
        self._files = itertools.count(1)
        self._handed_in: FileURLs | None = None
        self.session = ""
        self.uploader = ""
        self.places: list[str] = []
        """What the page said of this visitor's place in line."""

    async def __aenter__(self) -> Self:
        headers, _ = await self._ask("GET", "/_stcore/health")
        for name, value in headers:
            if name == "set-cookie" and value.startswith("_streamlit_xsrf="):
                self._token = value.split(";")[0].partition("=")[2]
        self._socket = await connect(
            f"ws://{self._host}:{self._port}/_stcore/stream",
            subprotocols=[Subprotocol(text) for text in ("streamlit", self._token) if text],
            additional_headers={"Cookie": f"_streamlit_xsrf={self._token}"} if self._token else None,
            compression=None,
            max_size=None,
            open_timeout=ANSWER_S,
            ping_interval=None,
            proxy=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            self._http[1].close()

    async def open(self) -> Seen:
        """Open the page, as a browser does that has nothing yet."""
        seen = await self._run([])
        self.uploader = seen.uploader
        return seen

    async def classify(self, data: bytes, name: str) -> Seen:
        """Hand in a picture where the page asks for one, in place of the one before; return what the page shows."""
        before = self._handed_in
        urls = await self._file_urls(name)
        await self._put(urls.upload_url, data, name)
        state = WidgetState(id=self.uploader)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = urls.file_id, name, len(data)
        info.file_urls.CopyFrom(urls)
        seen = await self._run([state])
        self._handed_in = urls
        if before is not None:
            await self._ask("DELETE", before.delete_url, headers=self._proof())
        for url in seen.pictures:
            await self._fetch(url)
        return seen

    async def leave_while_waiting(self, data: bytes, name: str) -> None:
        """Hand in a picture and close the page before the answer is there."""
        urls = await self._file_urls(name)
        await self._put(urls.upload_url, data, name)
        state = WidgetState(id=self.uploader)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = urls.file_id, name, len(data)
        info.file_urls.CopyFrom(urls)
        await self._send_run([state])
        await self._receive()
        assert self._socket is not None
        await self._socket.close()

    async def _file_urls(self, name: str) -> FileURLs:
        message = BackMsg()
        message.file_urls_request.request_id = f"{self.session}-{next(self._files)}"
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        await self._send(message)
        while (answer := await self._receive()).WhichOneof("type") != "file_urls_response":
            pass
        return answer.file_urls_response.file_urls[0]

    async def _run(self, widgets: list[WidgetState]) -> Seen:
        await self._send_run(widgets)
        seen = Seen()
        while True:
            message = await self._receive()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
                seen = Seen()
            elif kind == "delta":
                self._note(message.delta, seen)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    seen.finished = True
                    return seen
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    seen.failures.append("The page does not compile.")
                    return seen

    async def _send_run(self, widgets: list[WidgetState]) -> None:
        message = BackMsg()
        message.rerun_script.page_name = self._page
        message.rerun_script.widget_states.widgets.extend(widgets)
        message.rerun_script.cached_message_hashes.extend(self._kept)
        await self._send(message)

    def _note(self, delta: Delta, seen: Seen) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element: Any = delta.new_element
        kind = element.WhichOneof("type")
        if kind in {"markdown", "heading", "text"}:
            body = getattr(element, kind).body
            seen.texts.append(body)
            if " in line" in body:
                self.places.append(body)
        elif kind == "imgs":
            seen.pictures.extend(picture.url for picture in element.imgs.imgs)
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            seen.failures.append(f"{element.alert.title} {element.alert.body}".strip())
        elif kind == "exception":
            seen.failures.append(element.exception.message)
        elif kind == "file_uploader":
            seen.uploader = element.file_uploader.id

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def _receive(self) -> ForwardMsg:
        assert self._socket is not None
        async with asyncio.timeout(ANSWER_S):
            data = await self._socket.recv()
        assert isinstance(data, bytes)
        message = ForwardMsg.FromString(data)
        if message.WhichOneof("type") == "ref_hash":
            kept = self._kept[message.ref_hash]
            kept.metadata.CopyFrom(message.metadata)
            return kept
        if message.metadata.cacheable:
            self._kept[message.hash] = message
        return message

    def _proof(self) -> list[tuple[str, str]]:
        if not self._token:
            return []
        return [("X-Xsrftoken", self._token), ("Cookie", f"_streamlit_xsrf={self._token}")]

    async def _put(self, path: str, data: bytes, name: str) -> None:
        edge = "----one-picture-of-a-visitor"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        await self._ask("PUT", path, body, [("Content-Type", f"multipart/form-data; boundary={edge}"), *self._proof()])

    async def _fetch(self, url: str) -> None:
        """Fetch a picture of the page once, as a browser does, which then keeps it."""
        if url.startswith("/media/") and url not in self._fetched:
            await self._ask("GET", url)
            self._fetched.add(url)

    async def _ask(
        self, method: str, path: str, body: bytes = b"", headers: list[tuple[str, str]] | None = None
    ) -> tuple[list[tuple[str, str]], bytes]:
        """Ask over a connection that is kept; raises ``RuntimeError`` where the server refuses."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers or []]
        request = "\r\n".join([*lines, "", ""]).encode() + body
        async with asyncio.timeout(ANSWER_S):
            try:
                top, content = await self._exchange(request)
            except (asyncio.IncompleteReadError, ConnectionError):
                # The server ends a connection that was idle for some seconds; browsers then ask once more, too.
                self._http = None
                top, content = await self._exchange(request)
        found = [(line.partition(":")[0].lower(), line.partition(":")[2].strip()) for line in top[1:] if line]
        status = int(top[0].split()[1])
        if status >= 300:
            raise RuntimeError(f"{method} {path.split('?')[0]} was answered by {status}: {content[:200]!r}")
        return found, content

    async def _exchange(self, request: bytes) -> tuple[list[str], bytes]:
        if self._http is None:
            self._http = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._http
        writer.write(request)
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        length = next((int(line.partition(":")[2]) for line in top if line.lower().startswith("content-length:")), 0)
        content = await reader.readexactly(length) if length else b""
        if "connection: close" in (line.lower() for line in top):
            writer.close()
            self._http = None
        return top, content


async def timed(visitor: Visitor, data: bytes, name: str) -> tuple[float, Seen]:
    """Classify a picture; return the seconds from handing it in to the finished page, and what the page shows."""
    start = time.perf_counter()
    seen = await visitor.classify(data, name)
    return time.perf_counter() - start, seen
