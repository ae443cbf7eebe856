"""A laboratory's app behind a real identity provider on this computer: roles, the way out, and forged sessions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Page, expect

from scripts.running_app import ROOT, free_port
from tests.tiny_models import install_tiny_model

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]

SECRET = "3f9c1b7e5d8a2046c8e1f7b9d3a5062e"
COOKIE = "_streamlit_user"
START_SECONDS = 60
SLOW_MS = 60_000
PEOPLE = ("viewer", "technician", "reviewer", "administrator")
LOOKING = ["Home", "Single image", "Compare models", "Error gallery", "Super resolution", "Training curves"]
HANDLING = ["Home", "Single image", "Fields", "Batch", *LOOKING[2:]]
OFFERED = {
    "viewer": LOOKING,
    "technician": HANDLING,
    "reviewer": HANDLING,
    "administrator": [*HANDLING, "Training jobs"],
}


@dataclass(frozen=True)
class Laboratory:
    """Where the app and its identity provider are."""

    app: str
    provider: str


def until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{address} did not answer:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    """A server of the app in laboratory mode, and the provider with one person of each role."""
    provider, app = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    people = [
        {"sub": name, "name": f"{name.title()} <b>X</b>", "email": f"{name}@lab.example.org", "roles": [name]}
        for name in PEOPLE
    ]
    asked = [text for person in people for text in ("--user-claims", json.dumps(person))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install_tiny_model(folder / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
        environment = os.environ | {
            "WBC_MODE": "laboratory",
            "WBC_PORT": app.rpartition(":")[2],
            "WBC_LOGIN_ISSUER": provider,
            "WBC_LOGIN_CLIENT_ID": "wbc",
            "WBC_LOGIN_CLIENT_SECRET": "given-by-the-provider",
            "WBC_LOGIN_COOKIE_SECRET": SECRET,
            "WBC_MODELS_DIR": str(folder / "models"),
            "WBC_DEFAULT_MODEL": "tiny",
            "WBC_JOBS_WORKER": "false",
            "WBC_RUNS_DIR": str(folder / "runs"),
            "WBC_BATCHES_DIR": str(folder / "batches"),
        }
        commands = {
            provider + "/.well-known/openid-configuration": [
                *(sys.executable, "-m", "oidc_provider_mock", "--port", provider.rpartition(":")[2]),
                *asked,
            ],
            app + "/healthz": [sys.executable, "-m", "wbc_core", "serve"],
        }
        processes = []
        try:
            for number, (address, command) in enumerate(commands.items()):
                log = folder / f"{number}.log"
                with log.open("wb") as printed:
                    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=printed, stderr=printed)
                processes.append(process)
                until_it_answers(address, process, log)
            yield Laboratory(app, provider)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=120)


def settled(page: Page) -> None:
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=SLOW_MS)


def log_in(page: Page, laboratory: Laboratory, who: str) -> None:
    page.set_default_timeout(SLOW_MS)
    page.goto(laboratory.app)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name=who, exact=True).click(timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Log out")).to_be_visible(timeout=SLOW_MS)
    settled(page)


def shows_the_login_alone(page: Page) -> bool:
    """Wait until the page has been drawn; return whether it is the login page, without any other page's address."""
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW_MS)
    return (
        page.get_by_role("heading", level=1).inner_text() == "Log in" and page.locator("nav a, header a").count() == 0
    )


@pytest.mark.parametrize("who", PEOPLE)
def test_a_login_opens_the_pages_of_its_role_and_a_logout_closes_them(
    new_page: NewPage, laboratory: Laboratory, who: str
) -> None:
    page = new_page(width=1440)
    log_in(page, laboratory, who)
    expect(page.get_by_text(f"{who.title()} <b>X</b> · {who}")).to_be_visible()  # a name is text, whatever it holds
    links = page.get_by_test_id("stTopNavLink")
    assert [link.inner_text().split("\n")[-1] for link in links.all()] == OFFERED[who]
    kept = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert kept[COOKIE]["httpOnly"]
    assert kept[COOKIE]["sameSite"] == "Lax"
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="End session").click()  # the provider asks
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=SLOW_MS)
    assert COOKIE not in {cookie["name"] for cookie in page.context.cookies()}
    page.goto(f"{laboratory.app}/batch")
    assert shows_the_login_alone(page)


def session_cookie(laboratory: Laboratory, *, secret: str = SECRET, salt: str = COOKIE, **changes: object) -> str:
    """Return a cookie as Streamlit's server signs one, for an administrator who logged in a minute ago."""
    now = time.time()
    said = {
        "iss": laboratory.provider,
        "aud": "wbc",
        "sub": "administrator",
        "name": "Forged",
        "roles": ["administrator"],
        "iat": now - 60,
        "exp": now + 3600,
        "origin": laboratory.app,
        "is_logged_in": True,
        "provider": "default",
    }
    return str(URLSafeTimedSerializer(secret, salt=salt).dumps(json.dumps(said | changes)))


def swapped(cookie: str, other: str) -> str:
    """Return the payload of one cookie with the signature of another."""
    return ".".join([cookie.rsplit(".", 2)[0], *other.rsplit(".", 2)[1:]])  # payload, time, signature


def forged(laboratory: Laboratory) -> dict[str, str]:
    right = session_cookie(laboratory)
    return {
        "signed with another secret": session_cookie(laboratory, secret=SECRET[::-1]),
        "signed with nothing": session_cookie(laboratory, secret=""),
        "signed for another cookie": session_cookie(laboratory, salt="_streamlit_user_tokens"),
        "another payload": swapped(session_cookie(laboratory, name="Else"), right),
        "cut short": right[:-2],
        "no signature": right.rpartition(".")[0],
        "of yesterday": session_cookie(laboratory, iat=time.time() - 86_400, exp=time.time() + 86_400),
        "of another provider": session_cookie(laboratory, iss="http://127.0.0.1:1"),
        "for another app": session_cookie(laboratory, aud="other"),
        "of another address": session_cookie(laboratory, origin="http://127.0.0.1:1"),
        "without a date": session_cookie(laboratory, iat=None),
    }


def come_with(page: Page, laboratory: Laboratory, cookie: str) -> None:
    page.set_default_timeout(SLOW_MS)
    page.context.clear_cookies(name=COOKIE)
    page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": laboratory.app}])
    page.goto(laboratory.app)


def test_a_forged_or_old_session_is_nobodys(new_page: NewPage, laboratory: Laboratory) -> None:
    page = new_page()
    # Made in the same way, but sound: without it the rest would show nothing.
    come_with(page, laboratory, session_cookie(laboratory))
    expect(page.get_by_text("Forged · administrator")).to_be_visible(timeout=SLOW_MS)
    made = forged(laboratory)
    # One of each layer: signature, payload, time, address. The others are tried below, without a browser.
    for kind in ("signed with another secret", "another payload", "of yesterday", "of another address"):
        cookie = made[kind]
        come_with(page, laboratory, cookie)
        assert shows_the_login_alone(page), kind


def asked(address: str, cookie: str, method: str) -> int:
    request = urllib.request.Request(address, method=method, headers={"Cookie": f"{COOKIE}={cookie}"}, data=b"")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_uploads_and_media_are_closed_to_whoever_has_not_logged_in(laboratory: Laboratory) -> None:
    """Beside the pages, too: Streamlit itself takes an upload from any session, and the login page has one."""
    sound = session_cookie(laboratory)
    viewer = session_cookie(laboratory, roles=["viewer"])
    for path, method in (("/_stcore/upload_file/session/file", "PUT"), ("/media/0123.png", "GET")):
        address = laboratory.app + path
        for kind, cookie in {"nothing": "", **forged(laboratory)}.items():
            if kind != "of another address":  # which only a browser's own word for its address could tell
                assert asked(address, cookie, method) == 403, (path, kind)
        assert asked(address, sound, method) in (400, 403, 404)
    # What the guard lets through, Streamlit answers itself: there is no such file.
    assert asked(laboratory.app + "/media/0123.png", sound, "GET") == 404
    assert asked(laboratory.app + "/media/0123.png", viewer, "GET") == 404
    assert asked(laboratory.app + "/healthz", "", "GET") == 200
