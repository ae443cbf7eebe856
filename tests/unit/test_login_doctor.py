"""`wbc doctor` and `wbc serve` say what is wrong with a login, before anybody relies on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from wbc_core.errors import WbcError
from wbc_core.services.doctor_login import examine_login
from wbc_core.services.serving import server_command
from wbc_core.settings import Settings

SECRET = "3f9c1b7e5d8a2046c8e1f7b9d3a5062e"


@pytest.fixture
def provider() -> Iterator[Callable[[str], str]]:
    """Return a function that starts a provider which calls itself something, and gives its address."""
    servers = []

    def start(issuer: str = "") -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # (the name is the library's)
                self.send_response(200)
                self.end_headers()
                own = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
                self.wfile.write(json.dumps({"issuer": issuer or own}).encode() if issuer != "none" else b"<html>")

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def laboratory(issuer: str, **changes: object) -> Settings:
    values = {
        "mode": "laboratory",
        "login_issuer": issuer,
        "login_client_id": "wbc",
        "login_client_secret": "x",
        "login_cookie_secret": SECRET,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


def test_a_login_whose_provider_answers_is_sound(provider: Callable[[str], str]) -> None:
    issuer = provider("")
    (found,) = examine_login(laboratory(issuer))
    assert (found.level, found.sentence) == ("ok", f"At {issuer}, coming back to http://127.0.0.1:8501.")


def test_a_provider_that_calls_itself_something_else_is_an_error(provider: Callable[[str], str]) -> None:
    (found,) = examine_login(laboratory(provider("https://id.example.org")))
    assert found.level == "error"
    assert "calls itself https://id.example.org" in found.sentence
    assert found.advice == "Set WBC_LOGIN_ISSUER=https://id.example.org."


@pytest.mark.parametrize("kind", ["none", "closed"])
def test_a_provider_that_does_not_answer_as_one_is_an_error(provider: Callable[[str], str], kind: str) -> None:
    (found,) = examine_login(laboratory(provider("none") if kind == "none" else "http://127.0.0.1:9"))
    assert found.level == "error"
    assert "does not answer at" in found.sentence


def test_a_provider_for_everybody_needs_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wbc_core.services.doctor_login._provider", lambda chosen: None)  # nobody is asked here
    open_door = laboratory("https://accounts.google.com")
    assert [found.level for found in examine_login(open_door) if found] == ["warning"]
    closed = laboratory("https://accounts.google.com", login_unknown="refused")
    assert [found for found in examine_login(closed) if found] == []


def test_a_login_in_another_mode_is_said_to_be_without_effect() -> None:
    (found,) = examine_login(laboratory("https://id.example.org", mode="public"))
    assert (found.level, "in public mode asks nobody" in found.sentence) == ("warning", True)
    assert list(examine_login(Settings(mode="laboratory"))) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"login_client_id": ""}, "The login is set up in part only: WBC_LOGIN_CLIENT_ID is not set."),
        (
            {"login_cookie_secret": "short"},
            "WBC_LOGIN_COOKIE_SECRET is too easy to guess, and whoever guesses it can be",
        ),
        ({"public_address": "http://smears.example.org"}, "WBC_PUBLIC_ADDRESS is http://smears.example.org, and what"),
    ],
)
def test_no_server_starts_with_an_unsafe_login_and_the_doctor_says_the_same(
    changes: dict[str, object], sentence: str
) -> None:
    chosen = laboratory("https://id.example.org", **changes)
    with pytest.raises(WbcError) as caught:
        server_command(chosen)
    assert caught.value.message.startswith(sentence)
    (found,) = examine_login(chosen)
    assert (found.level, found.sentence, found.advice) == ("error", caught.value.message, caught.value.hint)


def test_the_server_believes_no_header_about_who_somebody_is() -> None:
    command = server_command(laboratory("https://id.example.org", public_address="https://smears.example.org"))
    assert command[command.index("--server.trustedUserHeaders") + 1] == "{}"
    assert command[command.index("--server.enableXsrfProtection") + 1] == "true"
    assert not any(SECRET in part for part in command), "a secret in a command line is read by anybody on the host"
