"""Streamlit's scripts, styles and fonts: compressed once, answered from memory, and asked for before they are needed.

Streamlit reads each of them from disk for every visitor, in many small steps that wait for the page's own run, and
sends them as they are. The first page of a visitor needs a hundred of them.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(streamlit.__file__).parent / "static"
"""Where the installed Streamlit keeps them; the name of each holds a digest of what is in it."""

EARLY = ("Multiselect", "Selectbox", "Checkbox", "Html", "DownloadButton")
"""Elements of most pages; a browser would otherwise ask for them when it is told to draw the first one."""

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
_COMPRESSED = frozenset({".js", ".css"})
_FOR_GOOD = "public, immutable, max-age=31536000"
_IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
_HEAD_ENDS = b"</head>"


class FrontendFiles:
    """Pure ASGI middleware that answers requests for these files; all others are passed on.

    Parameters
    ----------
    app : ASGIApp
        What answers the others, and those of clients that take nothing compressed.
    folder : Path
        Where the files lie, as in Streamlit's package.
    """

    def __init__(self, app: ASGIApp, folder: Path = FOLDER) -> None:
        self.app = app
        self._files = {f"/static/{path.parent.name}/{path.name}": path for path in frontend_files(folder)}
        self._links = early_links(folder).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the file that is asked for, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = self._files.get(scope["path"])
        if path is not None and (path.suffix not in _COMPRESSED or "gzip" in headers.get("accept-encoding", "")):
            await _answer(path, send)
        elif "text/html" in headers.get("accept", ""):
            # Links cannot be put into a page that comes compressed.
            plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            await self.app({**scope, "headers": plain}, receive, _WithLinks(send, self._links))
        else:
            await self.app(scope, receive, send)


class _WithLinks:
    """Sends an answer on; where it is a whole HTML page, with more links at the end of its head."""

    def __init__(self, send: Send, links: bytes) -> None:
        self._send = send
        self._links = links
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
            return
        if self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            body = self._body.replace(_HEAD_ENDS, self._links + _HEAD_ENDS, 1)
            MutableHeaders(scope=self._start)["content-length"] = str(len(body))
            await self._send(self._start)
            self._start = None
            message = {"type": "http.response.body", "body": body}
        await self._send(message)


def frontend_files(folder: Path = FOLDER) -> list[Path]:
    """Return the files that are answered from memory: scripts, styles and fonts."""
    return [path for path in sorted(folder.glob("static/*/*")) if path.suffix in _TYPES]


def early_links(folder: Path = FOLDER) -> str:
    """Return links to the scripts of :data:`EARLY` and to what these import, without those that the page names itself.

    Parameters
    ----------
    folder : Path
        As in Streamlit's package; without such files in it there are no links, and pages are drawn a little later.
    """
    scripts = folder / "static" / "js"
    named = _named(folder)
    found: dict[str, None] = {}
    left = [path.name for element in EARLY for path in scripts.glob(f"{element}.*.js")]
    while left:
        name = left.pop(0)
        if name in found or name in named or not (scripts / name).is_file():
            continue
        found[name] = None
        left += _IMPORTED.findall((scripts / name).read_text(encoding="utf-8"))
    return "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">\n' for name in found)


def warm_up(folder: Path = FOLDER) -> None:
    """Read and compress what every visitor's browser asks for at first."""
    wanted = _named(folder) + early_links(folder)
    for path in frontend_files(folder):
        if path.name in wanted:
            _content(path)


def _named(folder: Path) -> str:
    index = folder / "index.html"
    return index.read_text(encoding="utf-8") if index.is_file() else ""


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    html = headers.get("content-type", "").startswith("text/html")
    return html and start["status"] == 200 and "content-length" in headers


async def _answer(path: Path, send: Send) -> None:
    content = _content(path)
    headers = {
        "Content-Type": _TYPES[path.suffix],
        "Content-Length": str(len(content)),
        "Cache-Control": _FOR_GOOD,
        "Vary": "Accept-Encoding",
    }
    if path.suffix in _COMPRESSED:
        headers["Content-Encoding"] = "gzip"
    await send({"type": "http.response.start", "status": 200, "headers": Headers(headers).raw})
    await send({"type": "http.response.body", "body": content})


@cache  # all of them together have some 9 MB
def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.compress(content, mtime=0) if path.suffix in _COMPRESSED else content
