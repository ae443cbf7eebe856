"""Every answer forbids foreign scripts and frames, and other names of the server are not answered to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from wbc_core.errors import WbcError
from wbc_core.settings import settings
from wbc_core.ui.allowed_hosts import REFUSED, AllowedHosts, is_allowed
from wbc_core.ui.response_headers import ResponseHeaders, content_security_policy, headers_of


@pytest.fixture
def set_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return a function that sets variables of the environment for the settings."""

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"WBC_{name.upper()}", value)
        settings.cache_clear()

    yield set_variables
    monkeypatch.undo()
    settings.cache_clear()


def answer(kind: str, host: str) -> list[dict[str, object]]:
    """Return the messages that the app behind both guards sends for a request."""
    inner = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])
    guarded = ResponseHeaders(AllowedHosts(inner))
    headers = [(b"host", host.encode())] if host else []
    scope = {"type": kind, "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as thread:  # the browser tests of this process may hold a running loop
        thread.submit(asyncio.run, guarded(scope, receive, send)).result()
    return sent


def test_the_policy_lets_nothing_foreign_in_and_evaluates_no_text() -> None:
    policy = dict(rule.partition(" ")[::2] for rule in content_security_policy().split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    sources = {source for allowed in policy.values() for source in allowed.split()}
    assert sources == {"'self'", "'unsafe-inline'", "'wasm-unsafe-eval'", "'none'", "blob:", "data:", "ws:", "wss:"}


def test_a_site_that_the_settings_name_may_frame_the_app() -> None:
    assert content_security_policy("https://huggingface.co").endswith("frame-ancestors 'self' https://huggingface.co")
    assert "X-Frame-Options" not in headers_of("https://huggingface.co")
    assert headers_of()["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "site", ["huggingface.co", "https://a.example;script-src", "*", "https://a.example,x", "'self'"]
)
def test_what_is_no_site_cannot_change_the_policy(site: str) -> None:
    with pytest.raises(WbcError) as caught:
        content_security_policy(site)
    assert str(caught.value) == (
        f"WBC_FRAME_ANCESTORS names {site!r}, which is no address of a site. "
        "Name sites like https://huggingface.co, parted by spaces."
    )


@pytest.mark.parametrize(
    ("host", "patterns", "allowed"),
    [
        ("anything.example", "", True),
        ("lab.example", "lab.example", True),
        ("LAB.example:8443", "lab.example", True),
        ("lab.example.", "lab.example", True),
        ("a.lab.example", "*.lab.example", True),
        ("lab.example", "*.lab.example", False),
        ("evil-lab.example", "lab.example, *.lab.example", False),
        ("lab.example.evil", "lab.example", False),
        ("lab.example@evil.example", "lab.example", False),
        ("evil.example/lab.example", "lab.example", False),
        ("lab.example:x", "lab.example", False),
        ("", "lab.example", False),
        ("127.0.0.1:8501", "lab.example", True),
        ("[::1]:8501", "lab.example", True),
        ("localhost", "lab.example", True),
    ],
)
def test_only_the_names_in_the_settings_are_answered(host: str, patterns: str, allowed: bool) -> None:
    assert is_allowed(host, patterns) is allowed


def test_a_request_for_another_name_is_refused_with_a_sentence_and_the_headers(set_to) -> None:
    set_to(allowed_hosts="lab.example")
    start, body = answer("http", "evil.example")
    assert start["status"] == 400
    assert (b"x-content-type-options", b"nosniff") in start["headers"]  # type: ignore[operator]
    assert body["body"] == REFUSED.encode()
    assert answer("http", "lab.example")[1]["body"] == b"here"


def test_a_web_socket_for_another_name_is_closed_before_it_opens(set_to) -> None:
    set_to(allowed_hosts="lab.example")
    assert answer("websocket", "evil.example") == [{"type": "websocket.close", "code": 1008}]


def test_a_request_that_names_no_host_or_two_is_refused(set_to) -> None:
    set_to(allowed_hosts="lab.example")
    assert answer("http", "")[0]["status"] == 400
