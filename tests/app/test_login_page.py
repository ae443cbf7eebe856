"""What stands in place of the pages for whoever is not known, and on a page beyond one's role."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from stand_ins import texts
from streamlit.testing.v1 import AppTest

from wbc_core.services import access
from wbc_core.settings import ROOT, settings

FRAME = ROOT / "wbc_core" / "ui" / "frame.py"
ISSUER = "https://id.example.org"
LOGIN = {
    "MODE": "laboratory",
    "LOGIN_ISSUER": ISSUER,
    "LOGIN_CLIENT_ID": "wbc",
    "LOGIN_CLIENT_SECRET": "x",
    "LOGIN_COOKIE_SECRET": "3f9c1b7e5d8a2046c8e1f7b9d3a5062e",
    "LOGIN_UNKNOWN": "refused",
}
Open = Callable[..., AppTest]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return a function that opens a laboratory's app for somebody with these claims, a minute after the login."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(f"WBC_{name}", value)
    settings.cache_clear()
    access.serve_at("0.0.0.0")

    def come(page: str | None = None, **claims: object) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=120)
        now = time.time()
        said = {"is_logged_in": True, "iss": ISSUER, "aud": "wbc", "sub": "u", "iat": now - 60, "exp": now + 60}
        app.user = said | claims if claims else {"is_logged_in": False}
        app.run()
        return app.switch_page(f"../../pages/{page}.py").run() if page else app

    yield come
    access.serve_nobody()
    access.identify_people_by(dict)
    monkeypatch.undo()
    settings.cache_clear()


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("page", [None, "use/single_image", "lab/training_jobs", "about/privacy"])
def test_whoever_has_not_logged_in_sees_one_button_and_nothing_else(opened: Open, page: str | None) -> None:
    app = opened(page)
    assert [title.value for title in app.title] == ["Log in"]
    assert buttons(app) == ["Log in"]
    assert "This server is for the people of one laboratory." in texts(app)
    assert not app.info


def test_a_login_that_has_ended_is_said_to_have_ended(opened: Open) -> None:
    app = opened(roles=["administrator"], iat=time.time() - 9 * 3600)
    assert buttons(app) == ["Log in"]
    assert app.info[0].value == "Your login has ended. Log in again to go on."


def test_somebody_without_a_role_is_told_so_and_can_come_as_somebody_else(opened: Open) -> None:
    app = opened(name="Eva *Fremd*")
    assert app.error[0].value == "Ask whoever gives out the roles in your laboratory, or log in as somebody else."
    assert buttons(app) == ["Log in as somebody else"]
    assert not app.file_uploader


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (
            "use/batch",
            "To hand in pictures and tables, and open or delete what came of them takes the role technician.",
        ),
        ("use/smear_field", "To hand in pictures and tables, and open or delete what came of them takes the role"),
        (
            "lab/training_jobs",
            "To train models, cancel trainings and install what came of them takes the role administrator.",
        ),
    ],
)
def test_a_page_beyond_ones_role_says_which_role_it_takes(opened: Open, page: str, sentence: str) -> None:
    app = opened(page, roles=["viewer"], name="Vera")
    assert app.info[0].value.startswith(sentence)
    assert buttons(app) == ["Log out"]
    assert not app.file_uploader


def test_who_has_logged_in_stands_on_every_page(opened: Open) -> None:
    app = opened("about/privacy", roles=["reviewer"], name="Rita [x](http://evil)")
    assert app.markdown[0].value == r":material/account_circle: **Rita \[x\]\(http\:\/\/evil\)** · reviewer"
    assert [title.value for title in app.title] == ["What becomes of your pictures"]


def test_a_viewer_may_take_a_drawn_sample_and_upload_nothing(opened: Open) -> None:
    app = opened("use/single_image", roles=["viewer"], name="Vera")
    assert app.file_uploader[0].disabled
    assert "takes the role technician" in app.info[0].value
    app.button(key="single_neutrophil").click().run()
    assert not app.error
    assert "Neutrophil" in texts(app)
