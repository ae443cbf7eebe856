"""Streamlit's own files come compressed and from memory, and a page names what it will need; nothing else changes."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse

from wbc_core.ui.frontend_files import EARLY, FOLDER, FrontendFiles, early_links, frontend_files, warm_up

SCRIPT = b'import{a}from"./shared.C3.js";import"./index.A1.js";' + b"draw();" * 400
PAGE = '<html><head><script src="./static/js/index.A1.js"></script></head><body></body></html>'
BROWSER = {"accept-encoding": "gzip, deflate, br", "accept": "text/html,*/*"}
LINKS = (
    '<link rel="modulepreload" crossorigin href="./static/js/Selectbox.B2.js">\n'
    '<link rel="modulepreload" crossorigin href="./static/js/shared.C3.js">\n'
)


@pytest.fixture
def folder(tmp_path):
    """A package with one script for an early element, what it imports, one for another element, and a font."""
    for name, content in {
        "index.html": PAGE.encode(),
        "static/js/index.A1.js": b"start();",
        "static/js/Selectbox.B2.js": SCRIPT,
        "static/js/shared.C3.js": b'import{b}from"./gone.E5.js";',
        "static/js/Rare.D4.js": b"rare();",
        "static/media/Sans.F6.woff2": b"font",
        "static/media/flake.png": b"picture",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def answer(app, path, method="GET", **headers):
    """Ask an ASGI app; return status, headers and body."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": Headers(headers).raw}
    with ThreadPoolExecutor(1) as pool:  # this thread may hold the event loop of a browser
        pool.submit(asyncio.run, app(scope, receive, send)).result()
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], Headers(raw=sent[0]["headers"]), body


async def other(scope, receive, send):
    await JSONResponse({"passed": "on"})(scope, receive, send)


def test_a_script_comes_compressed_and_is_kept_for_good(folder):
    status, headers, body = answer(FrontendFiles(other, folder), "/static/js/Selectbox.B2.js", **BROWSER)
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["cache-control"] == "public, immutable, max-age=31536000"
    assert headers["vary"] == "Accept-Encoding"
    assert int(headers["content-length"]) == len(body) < len(SCRIPT) / 10
    assert gzip.decompress(body) == SCRIPT


def test_a_font_comes_as_it_is(folder):
    status, headers, body = answer(FrontendFiles(other, folder), "/static/media/Sans.F6.woff2")
    assert (status, headers["content-type"], body) == (200, "font/woff2", b"font")
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/static/js/Selectbox.B2.js", "GET", {}),
        ("/static/js/Selectbox.B2.js", "GET", {"accept-encoding": "br"}),
        ("/static/js/Selectbox.B2.js", "HEAD", BROWSER),
        ("/static/js/unknown.js", "GET", BROWSER),
        ("/static/js/../../index.html", "GET", BROWSER),
        ("/static/media/flake.png", "GET", BROWSER),
        ("/_stcore/health", "GET", BROWSER),
    ],
)
def test_everything_else_is_answered_by_the_app(folder, path, method, headers):
    assert answer(FrontendFiles(other, folder), path, method, **headers)[2] == b'{"passed":"on"}'


@pytest.mark.parametrize("compressing", [False, True])
def test_a_page_names_the_elements_that_most_pages_draw_and_what_they_import(folder, compressing):
    async def app(scope, receive, send):
        await HTMLResponse(PAGE)(scope, receive, send)

    inner = GZipMiddleware(app, minimum_size=1) if compressing else app
    _, headers, body = answer(FrontendFiles(inner, folder), "/compare_models", **BROWSER)
    assert body.decode() == PAGE.replace("</head>", LINKS + "</head>")
    assert int(headers["content-length"]) == len(body)


def test_a_page_that_comes_in_pieces_gets_its_links_too(folder):
    async def app(scope, receive, send):
        headers = Headers({"content-type": "text/html", "content-length": str(len(PAGE))}).raw
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE[:40].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[40:].encode()})

    assert answer(FrontendFiles(app, folder), "/", **BROWSER)[2].decode() == PAGE.replace("</head>", LINKS + "</head>")


def test_a_package_without_these_files_changes_nothing(tmp_path):
    async def app(scope, receive, send):
        await HTMLResponse(PAGE)(scope, receive, send)

    warm_up(tmp_path)
    assert answer(FrontendFiles(app, tmp_path), "/", **BROWSER)[2].decode() == PAGE


def test_the_installed_streamlit_has_these_files():
    names = [path.name for path in frontend_files()]
    assert all(sum(name.startswith(f"{element}.") for name in names) == 1 for element in EARLY)
    assert f"./static/js/{next(name for name in names if name.startswith('Selectbox.'))}" in early_links()
    assert 'rel="modulepreload" crossorigin' in (FOLDER / "index.html").read_text(encoding="utf-8")
