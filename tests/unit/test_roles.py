"""Who is what in a laboratory: claims become roles exactly as the settings say, and every use case asks for its own."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from wbc_core.batches.listing import Upload
from wbc_core.errors import AccessError, WbcError
from wbc_core.services import (
    access,
    batch_corrections,
    batch_files,
    batch_submission,
    batches,
    compare_cost,
    comparing,
    curves,
    differential,
    drawn_samples,
    enlargement,
    error_gallery,
    explaining,
    field_corrections,
    field_runs,
    jobs,
    live_set,
    models,
    searching,
    single_image,
    training_form,
)
from wbc_core.services.live_run import LiveRun
from wbc_core.services.login import check_login, login_secrets
from wbc_core.services.roles import Action, Role, visitor_of
from wbc_core.settings import ROOT, Settings, settings
from wbc_core.smear.case import Case

ISSUER, CLIENT = "https://id.example.org/realm", "wbc"
SECRET = "3f9c1b7e5d8a2046c8e1f7b9d3a5062e"
LOGIN = {
    "LOGIN_ISSUER": ISSUER,
    "LOGIN_CLIENT_ID": CLIENT,
    "LOGIN_CLIENT_SECRET": "given-by-the-provider",
    "LOGIN_COOKIE_SECRET": SECRET,
    "PUBLIC_ADDRESS": "https://smears.example.org",
}
NOW = 1_800_000_000.0
Claims = Mapping[str, object]


def claims(**changes: object) -> dict[str, object]:
    """Return the claims of a login of a minute ago, of somebody whom no setting names."""
    said: dict[str, object] = {
        "is_logged_in": True,
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "u-1",
        "iat": NOW - 60,
        "exp": NOW + 240,
        "name": "Anna Muster",
        "email": "anna@lab.example.org",
        "email_verified": True,
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def chosen(**values: object) -> Settings:
    """Return the settings of a laboratory with a login."""
    return Settings(mode="laboratory", **{name.lower(): value for name, value in (LOGIN | values).items()})


def role(said: Claims, **values: object) -> Role | None:
    person = visitor_of(said, chosen(**values), NOW)
    return None if person is None else person.role


@pytest.fixture
def laboratory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Return a function that lets the services believe in a laboratory's server and in the claims of its visitor."""

    def come(said: Claims | None, **values: object) -> None:
        for name, value in (
            LOGIN | {"MODE": "laboratory", "RUNS_DIR": tmp_path, "BATCHES_DIR": tmp_path} | values
        ).items():
            monkeypatch.setenv(f"WBC_{name}", str(value))
        settings.cache_clear()
        access.serve_at("0.0.0.0")
        now = time.time()
        given = {} if said is None else {**said, "iat": now - 60, "exp": now + 240}
        access.identify_people_by(lambda: given)

    yield come
    access.serve_nobody()
    access.identify_people_by(dict)
    monkeypatch.undo()
    settings.cache_clear()


# ---- what a login is


@pytest.mark.parametrize(
    "changes",
    [
        {"is_logged_in": None},
        {"is_logged_in": False},
        {"is_logged_in": "true"},
        {"is_logged_in": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": ["u-1"]},
        {"iss": None},
        {"iss": "https://id.example.org/other"},
        {"iss": "https://id.example.org/realm.evil.org"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "other"},
        {"aud": ["other", "third"]},
        {"iat": None},
        {"iat": "1"},
        {"iat": True},
        {"iat": NOW + 3600},
        {"iat": NOW - 8 * 3600 - 1, "exp": NOW + 9e9},
        {"exp": None},
        {"exp": "never"},
        {"exp": NOW - 3600},
    ],
    ids=str,
)
def test_what_is_no_login_here_is_nobody(changes: dict[str, object]) -> None:
    assert role(claims(roles=["administrator"])) is Role.ADMINISTRATOR
    assert role(claims(roles=["administrator"], **changes)) is None


def test_a_login_ends_after_a_shift_or_with_the_providers_token() -> None:
    early = claims(iat=NOW - 7.9 * 3600, exp=NOW - 7.8 * 3600)
    assert role(early) is Role.VIEWER
    assert role(early, LOGIN_HOURS=0) is None
    assert role(early, LOGIN_HOURS=1) is None
    assert role(claims(), LOGIN_HOURS=0) is Role.VIEWER
    assert role(claims(aud=["other", CLIENT])) is Role.VIEWER
    assert role(claims(iss=ISSUER + "/")) is Role.VIEWER


# ---- how a login becomes a role


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Role.VIEWER),
        ({"roles": []}, Role.VIEWER),
        ({"roles": "technician"}, Role.TECHNICIAN),
        ({"roles": ["technician"]}, Role.TECHNICIAN),
        ({"roles": ["viewer", "reviewer", "technician"]}, Role.REVIEWER),
        ({"roles": ["administrator"]}, Role.ADMINISTRATOR),
        # smuggled, or only alike
        ({"roles": ["Administrator"]}, Role.VIEWER),
        ({"roles": ["ADMINISTRATOR"]}, Role.VIEWER),
        ({"roles": [" administrator"]}, Role.VIEWER),
        ({"roles": ["administrator,"]}, Role.VIEWER),
        ({"roles": ["\u0430dministrator"]}, Role.VIEWER),  # Cyrillic a
        ({"roles": ["administrat\u200bor"]}, Role.VIEWER),  # a space of no width
        ({"roles": ["ａdministrator"]}, Role.VIEWER),  # full width
        ({"roles": "viewer administrator"}, Role.VIEWER),
        ({"roles": "viewer,administrator"}, Role.VIEWER),
        ({"roles": {"administrator": True}}, Role.VIEWER),
        ({"roles": [["administrator"]]}, Role.VIEWER),
        ({"roles": 4}, Role.VIEWER),
        ({"Roles": ["administrator"]}, Role.VIEWER),
        ({"role": "administrator"}, Role.VIEWER),
        ({"groups": ["administrator"]}, Role.VIEWER),
        ({"realm_access": {"roles": ["administrator"]}}, Role.VIEWER),
        ({"name": "administrator", "nickname": "administrator", "email": "administrator"}, Role.VIEWER),
        ({"sub": "administrator"}, Role.VIEWER),
    ],
    ids=str,
)
def test_only_the_claim_of_roles_gives_a_role_and_only_word_for_word(said: dict[str, object], expected: Role) -> None:
    assert role(claims(**said)) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Role.VIEWER),
        ({"email": "head@lab.example.org"}, Role.ADMINISTRATOR),
        ({"email": "Head@Lab.Example.ORG"}, Role.ADMINISTRATOR),  # providers write addresses in their own way
        ({"email": "head@lab.example.org", "email_verified": False}, Role.VIEWER),
        ({"email": "head@lab.example.org", "email_verified": None}, Role.VIEWER),
        ({"email": "head@lab.example.org", "email_verified": "true"}, Role.VIEWER),
        ({"email": "head@lab.example.org "}, Role.VIEWER),
        ({"email": ["head@lab.example.org"]}, Role.VIEWER),
        ({"email": "h\u0435ad@lab.example.org"}, Role.VIEWER),  # Cyrillic e
        ({"email": "kelvin@lab.example.org"}, Role.REVIEWER),
        ({"email": "\u212aelvin@lab.example.org"}, Role.VIEWER),  # the sign for kelvin, whose small letter is k
        ({"email": "head@lab.example.org.evil.org"}, Role.VIEWER),
        ({"roles": ["head@lab.example.org"]}, Role.VIEWER),  # an address is no value of the claim
        ({"preferred_username": "head@lab.example.org"}, Role.VIEWER),
        ({"roles": ["heads"]}, Role.ADMINISTRATOR),
        ({"email": "heads"}, Role.VIEWER),  # and such a value is no address
        ({"roles": ["administrator"]}, Role.VIEWER),  # the settings name others now
    ],
    ids=str,
)
def test_an_address_gives_a_role_only_if_the_provider_has_verified_it(said: dict[str, object], expected: Role) -> None:
    named = {"ADMINISTRATORS": "heads, HEAD@lab.example.org", "REVIEWERS": "kelvin@lab.example.org"}
    assert role(claims(**said), **named) is expected


def test_people_whom_no_setting_names_are_viewers_or_refused() -> None:
    assert role(claims()) is Role.VIEWER
    assert role(claims(), LOGIN_UNKNOWN="refused") is Role.NOBODY
    assert role(claims(roles=["viewer"]), LOGIN_UNKNOWN="refused") is Role.VIEWER
    assert role(claims(roles=["x", ""]), ROLES_CLAIM="", LOGIN_UNKNOWN="refused") is Role.NOBODY
    assert role(claims(groups=["reviewer"]), ROLES_CLAIM="groups") is Role.REVIEWER
    assert role(claims(roles=["reviewer"]), ROLES_CLAIM="groups") is Role.VIEWER


def test_a_name_is_shown_without_what_would_change_the_line_and_in_bounds() -> None:
    person = visitor_of(claims(name="An\u202ena\n" + "x" * 900), chosen(), NOW)
    assert person is not None
    assert person.name == ("Anna" + "x" * 900)[:60]
    unnamed = visitor_of(claims(name="\u200b", email=None), chosen(), NOW)
    assert unnamed is not None
    assert unnamed.name == "u-1"


# ---- every use case asks

PICTURE = b"no drawn sample"
CASE = Case()
PATH = Path("nowhere")
ANSWERS = SimpleNamespace()

USES: dict[str, tuple[Action, Callable[[], object]]] = {
    "comparing.models_with_predictions": (Action.LOOK, comparing.models_with_predictions),
    "comparing.shipped_predictions": (Action.LOOK, lambda: comparing.shipped_predictions("none")),
    "comparing.compare_models": (Action.LOOK, lambda: comparing.compare_models(["none"])),
    "comparing.compare_tables": (Action.LOOK, lambda: comparing.compare_tables([])),
    "comparing.uploaded_predictions": (Action.CLASSIFY, lambda: comparing.uploaded_predictions(b"", "a.csv")),
    "comparing.live_predictions": (Action.CLASSIFY, lambda: comparing.live_predictions(["none"], PATH)),
    "compare_cost.cost_of": (Action.LOOK, lambda: compare_cost.cost_of("none")),
    "models.available_models": (Action.LOOK, models.available_models),
    "curves.run_choices": (Action.LOOK, curves.run_choices),
    "curves.load_run": (Action.LOOK, lambda: curves.load_run("none")),
    "curves.load_uploads": (Action.CLASSIFY, lambda: curves.load_uploads([("h.csv", b"")])),
    "error_gallery.answers_of": (Action.LOOK, lambda: error_gallery.answers_of("none", "pbc")),
    "error_gallery.note_of": (Action.REVIEW, lambda: error_gallery.note_of(ANSWERS, 0, "")),
    "error_gallery.noted_csv": (Action.REVIEW, lambda: error_gallery.noted_csv({})),
    "explaining.explain_result": (Action.LOOK, lambda: explaining.explain_result(ANSWERS)),
    "explaining.neighbour_picture": (Action.LOOK, lambda: explaining.neighbour_picture(ANSWERS, "none")),
    "single_image.classify_image": (Action.CLASSIFY, lambda: single_image.classify_image(PICTURE, "a.png")),
    "single_image.classify_and_keep": (Action.CLASSIFY, lambda: single_image.classify_and_keep(PICTURE, "a.png")),
    "enlargement.try_enlargement": (
        Action.CLASSIFY,
        lambda: enlargement.try_enlargement(PICTURE, "a.png", factor=2, reduce=False),
    ),
    "batch_submission.submit_uploads": (
        Action.CLASSIFY,
        lambda: batch_submission.submit_uploads([Upload("a.png", PICTURE)]),
    ),
    "batch_submission.submit_paths": (Action.CLASSIFY, lambda: batch_submission.submit_paths([PATH])),
    "batch_submission.allowed_path": (Action.CLASSIFY, lambda: batch_submission.allowed_path("a")),
    "batch_submission.continue_batch": (Action.CLASSIFY, lambda: batch_submission.continue_batch("none")),
    "batches.view_batch": (Action.CLASSIFY, lambda: batches.view_batch("none")),
    "batches.cancel_batch": (Action.CLASSIFY, lambda: batches.cancel_batch("none")),
    "batches.delete_batch": (Action.CLASSIFY, lambda: batches.delete_batch("none")),
    "batches.batch_rows": (Action.CLASSIFY, lambda: batches.batch_rows("none")),
    "batches.read_picture": (Action.CLASSIFY, lambda: batches.read_picture("none", ANSWERS)),
    "batch_files.batch_file": (Action.CLASSIFY, lambda: batch_files.batch_file("none", ".csv")),
    "field_runs.submit_fields": (Action.CLASSIFY, lambda: field_runs.submit_fields([Upload("a.png", PICTURE)])),
    "field_runs.field_run": (Action.CLASSIFY, lambda: field_runs.field_run("none")),
    "field_runs.field_pixels": (Action.CLASSIFY, lambda: field_runs.field_pixels(ANSWERS, 0)),
    "field_runs.forget_fields": (Action.CLASSIFY, lambda: field_runs.forget_fields("none")),
    "field_corrections.decide": (Action.REVIEW, lambda: field_corrections.decide("none", 0, 0, "")),
    "field_corrections.confirm": (Action.REVIEW, lambda: field_corrections.confirm("none", 0, 0)),
    "field_corrections.confirm_rest": (Action.REVIEW, lambda: field_corrections.confirm_rest("none", 0)),
    "field_corrections.add_cell": (Action.REVIEW, lambda: field_corrections.add_cell("none", 0, 1, 1, "")),
    "field_corrections.take_back": (Action.REVIEW, lambda: field_corrections.take_back("none")),
    "batch_corrections.corrected_rows": (Action.CLASSIFY, lambda: batch_corrections.corrected_rows("none")),
    "batch_corrections.review_of_batch": (Action.CLASSIFY, lambda: batch_corrections.review_of_batch("none")),
    "batch_corrections.decide_pictures": (
        Action.REVIEW,
        lambda: batch_corrections.decide_pictures("none", ["a"], "neutrophil"),
    ),
    "batch_corrections.confirm_pictures": (Action.REVIEW, lambda: batch_corrections.confirm_pictures("none", ["a"])),
    "batch_corrections.take_back_decision": (Action.REVIEW, lambda: batch_corrections.take_back_decision("none")),
    "live_set.uploaded_set": (Action.CLASSIFY, lambda: live_set.uploaded_set([], PATH)),
    "live_run.start": (Action.CLASSIFY, lambda: LiveRun(live_set.LiveSet("own", ()), ("none",)).start()),
    "differential.count_table": (Action.CLASSIFY, lambda: differential.count_table(b"", "a.csv", CASE)),
    "differential.count_typed": (Action.CLASSIFY, lambda: differential.count_typed({}, CASE)),
    "differential.count_answers": (
        Action.CLASSIFY,
        lambda: differential.count_answers(("neutrophil",), {"neutrophil": 1}, {}, CASE),
    ),
    "live_set.set_at": (Action.NAME_FOLDERS, lambda: live_set.set_at(PATH)),
    "jobs.queue": (Action.TRAIN, jobs.list_jobs),
    "jobs.submit_job": (Action.TRAIN, lambda: jobs.submit_job("id: mine")),
    "jobs.estimate_job": (Action.TRAIN, lambda: jobs.estimate_job("id: mine")),
    "jobs.cancel_job": (Action.TRAIN, lambda: jobs.cancel_job("a")),
    "jobs.resume_job": (Action.TRAIN, lambda: jobs.resume_job("a")),
    "jobs.promote_job": (Action.TRAIN, lambda: jobs.promote_job("a")),
    "jobs.job_details": (Action.TRAIN, lambda: jobs.job_details("a")),
    "jobs.follow_log": (Action.TRAIN, lambda: next(jobs.follow_log("a", 5, every_s=0.1))),
    "jobs.count_jobs": (Action.TRAIN, jobs.count_jobs),
    "jobs.workers_at_work": (Action.TRAIN, jobs.workers_at_work),
    "searching.search_recipe": (Action.TRAIN, lambda: searching.search_recipe(PATH, trials=1)),
    "training_form.installed_sets": (Action.TRAIN, training_form.installed_sets),
}

BELOW = [(use, lower) for use, (action, _) in USES.items() for lower in Role if lower < action.role]


@pytest.mark.parametrize(("use", "lower"), BELOW, ids=[f"{use}-{lower.word}" for use, lower in BELOW])
def test_no_use_case_is_open_to_a_lower_role(laboratory: Callable[..., None], use: str, lower: Role) -> None:
    action, ask = USES[use]
    laboratory(claims(roles=[lower.word]), LOGIN_UNKNOWN="refused")
    with pytest.raises(AccessError) as caught:
        ask()
    assert str(caught.value) == (
        f"Your role is {lower.word}; to {action.words} takes the role {action.role.word}. "
        "Ask whoever gives out the roles in your laboratory."
    )


@pytest.mark.parametrize("use", USES)
def test_no_use_case_is_open_to_nobody_and_each_one_to_its_role(laboratory: Callable[..., None], use: str) -> None:
    action, ask = USES[use]
    laboratory(None)
    with pytest.raises(
        AccessError, match=r"^This server is for people who have logged in\. Log in on the start page\.$"
    ):
        ask()
    laboratory(claims(roles=[action.role.word]))
    try:
        ask()
    except AccessError as error:  # whatever else is wrong with such a call, it is not the role
        pytest.fail(str(error))
    except (WbcError, AttributeError, LookupError, TypeError, ValueError, OSError):
        pass


def test_the_table_above_holds_every_use_case_that_asks_for_a_role() -> None:
    """Found by reading the services, so that a use case added later is not forgotten here."""
    asking = set()
    for path in sorted((ROOT / "wbc_core" / "services").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                called = {
                    call.func.id
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                }
                if called & {"require", "require_for_picture", "require_training", "require_this_computer"}:
                    asking.add(f"{path.stem}.{node.name}")
    own = {"access.require_training", "access.require_this_computer", "drawn_samples.require_for_picture"}
    assert asking - own <= set(USES)


def test_a_viewer_may_have_the_drawn_samples_classified_and_nothing_else(laboratory: Callable[..., None]) -> None:
    laboratory(claims())
    sample = drawn_samples.sample_png("neutrophil")
    drawn_samples.require_for_picture(sample)
    with pytest.raises(AccessError, match=r"^Your role is viewer; to hand in pictures"):
        drawn_samples.require_for_picture(sample + b"\0")
    laboratory(None)
    with pytest.raises(AccessError, match="people who have logged in"):
        drawn_samples.require_for_picture(sample)


@pytest.mark.parametrize("left_out", ["LOGIN_ISSUER", "LOGIN_CLIENT_ID", "LOGIN_CLIENT_SECRET", "LOGIN_COOKIE_SECRET"])
def test_a_login_in_part_lets_nobody_in(laboratory: Callable[..., None], left_out: str) -> None:
    laboratory(None, **{left_out: ""})
    assert access.login_required()
    with pytest.raises(AccessError, match="people who have logged in"):
        access.require(Action.LOOK)


@pytest.mark.parametrize("mode", ["local", "public"])
def test_other_modes_know_no_roles(laboratory: Callable[..., None], mode: str) -> None:
    laboratory(None, MODE=mode)
    assert not access.login_required()
    assert access.visitor() is None
    access.require(Action.LOOK)
    assert access.may(Action.REVIEW)


def test_what_the_server_does_of_its_own_accord_needs_no_login_and_lends_it_to_no_thread(
    laboratory: Callable[..., None],
) -> None:
    laboratory(None)
    seen = []
    with access.own_work():
        access.require(Action.LOOK)
        beside = Thread(target=lambda: seen.append(access.may(Action.LOOK)))
        beside.start()
        beside.join()
    assert seen == [False]
    assert not access.may(Action.LOOK)


# ---- a login that is not safe

HINTS = {
    "LOGIN_COOKIE_SECRET": "openssl rand -hex 32",
    "LOGIN_ISSUER": "https",
    "PUBLIC_ADDRESS": "https",
    "ROLES_CLAIM": "administrator sets",
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"LOGIN_CLIENT_ID": ""}, "The login is set up in part only: WBC_LOGIN_CLIENT_ID is not set."),
        (
            {"LOGIN_ISSUER": "", "LOGIN_COOKIE_SECRET": ""},
            "The login is set up in part only: WBC_LOGIN_ISSUER, WBC_LOGIN_COOKIE_SECRET are not set.",
        ),
        ({"LOGIN_COOKIE_SECRET": SECRET[:31]}, "WBC_LOGIN_COOKIE_SECRET is too easy to guess, and whoever guesses it"),
        (
            {"LOGIN_COOKIE_SECRET": "secret" * 20},
            "WBC_LOGIN_COOKIE_SECRET is too easy to guess, and whoever guesses it",
        ),
        ({"LOGIN_ISSUER": "http://id.example.org"}, "WBC_LOGIN_ISSUER is http://id.example.org, and what goes there"),
        ({"LOGIN_ISSUER": "http://127.0.0.1.evil.org"}, "WBC_LOGIN_ISSUER is http://127.0.0.1.evil.org, and what goes"),
        ({"LOGIN_ISSUER": "id.example.org"}, "WBC_LOGIN_ISSUER is 'id.example.org', which is no address of a site."),
        ({"LOGIN_ISSUER": "file:///etc/passwd"}, "WBC_LOGIN_ISSUER is 'file:///etc/passwd', which is no address of"),
        ({"LOGIN_ISSUER": "https://a:b@id.example.org"}, "WBC_LOGIN_ISSUER is 'https://a:b@id.example.org', which is"),
        ({"LOGIN_ISSUER": "https://[::1"}, "WBC_LOGIN_ISSUER is 'https://[::1', which is no address of a site."),
        ({"PUBLIC_ADDRESS": "http://smears.example.org"}, "WBC_PUBLIC_ADDRESS is http://smears.example.org, and what"),
        ({"PUBLIC_ADDRESS": "", "ADDRESS": "0.0.0.0"}, "WBC_PUBLIC_ADDRESS is http://0.0.0.0:8501, and what goes"),
        ({"ROLES_CLAIM": "nickname"}, "WBC_ROLES_CLAIM names nickname, which says who a person is and not what"),
        ({"REVIEWERS": "h\u0435ad@lab.org"}, "WBC_REVIEWERS names h\u0435ad@lab.org, an address with letters beyond"),
    ],
    ids=str,
)
def test_an_incomplete_or_unsafe_login_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(WbcError) as caught:
        check_login(chosen(**changes))
    assert caught.value.message.startswith(sentence)
    assert caught.value.hint
    for name in set(HINTS) & set(changes) if len(changes) == 1 else ():
        assert HINTS[name] in caught.value.hint
    assert SECRET not in str(caught.value)


def test_a_safe_login_is_handed_on_to_the_server_and_shows_in_no_listing_of_the_settings() -> None:
    for address in ("http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", ISSUER):
        check_login(chosen(LOGIN_ISSUER=address))
    assert login_secrets(chosen())["auth"] == {
        "redirect_uri": "https://smears.example.org/oauth2callback",
        "cookie_secret": SECRET,
        "client_id": CLIENT,
        "client_secret": "given-by-the-provider",
        "server_metadata_url": ISSUER + "/.well-known/openid-configuration",
    }
    assert login_secrets(Settings(mode="public", login_issuer=ISSUER)) == {}
    assert login_secrets(Settings(mode="laboratory")) == {}
    assert SECRET not in repr(chosen())
    assert "given-by" not in str(dict(chosen()))


def test_secrets_may_lie_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wbc_login_cookie_secret").write_text(SECRET + "\n")
    monkeypatch.setenv("WBC_SECRETS_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        assert settings().login_cookie_secret.get_secret_value() == SECRET
    finally:
        monkeypatch.undo()
        settings.cache_clear()
