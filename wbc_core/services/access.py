"""What a visitor may do here: it follows from the mode in the settings and from the address that is listened on.

Pages leave out what is not offered; that alone would hide it only, so each use case asks here as well. A command is not
served to anybody: it may train and read folders, unless the settings say that this is a public server.

Where a laboratory has a login, each use case asks for a role of the person whose session the calling thread works for;
work that goes on in a thread of its own was asked about when it was handed in.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.errors import AccessError
from wbc_core.services.rate_limit import RateLimit
from wbc_core.services.roles import Action, Visitor, visitor_of
from wbc_core.settings import ROOT, login_asked, settings

AT_HOME = "Run it on your own computer: the README says how."

FIELD_COSTS = 5
"""Pictures that one whole field counts for: it holds many cells."""


@dataclass
class _Server:
    """How this process is reached: by nobody, as long as it has not said that it listens."""

    serves: bool = False
    loopback: bool = True
    session: Callable[[], str] = str
    claims: Callable[[], Mapping[str, object]] = dict


_server = _Server()
_own_work: ContextVar[bool] = ContextVar("own_work", default=False)


def serve_at(address: str | None) -> None:
    """Say that this process answers visitors, and at which address.

    Parameters
    ----------
    address : str or None
        As the server was told to listen on; None or empty: on every network.
    """
    _server.serves, _server.loopback = True, is_loopback(address)


def serve_nobody() -> None:
    """Take back :func:`serve_at`, as at the end of a server."""
    _server.serves, _server.loopback = False, True


def identify_visitors_by(session: Callable[[], str]) -> None:
    """Say how the session of the visitor is found for whom the calling thread works; empty where there is none."""
    _server.session = session


def current_session() -> str:
    """Return the session of the visitor for whom the calling thread works; empty where there is none."""
    return _server.session()


def identify_people_by(claims: Callable[[], Mapping[str, object]]) -> None:
    """Say how the claims of the person are found for whom the calling thread works; empty where nobody logged in."""
    _server.claims = claims


@contextmanager
def own_work() -> Iterator[None]:
    """Let this thread, or task, do what the server does of its own accord, for nobody: at its start, for example."""
    before = _own_work.set(True)
    try:
        yield
    finally:
        _own_work.reset(before)


def login_required() -> bool:
    """Return whether this server serves only people who have logged in; one with half a login serves nobody."""
    return _server.serves and settings().mode == "laboratory" and login_asked(settings())


def visitor() -> Visitor | None:
    """Return the person for whom the calling thread works; None where nobody has logged in, or not any more."""
    return visitor_of(_server.claims(), settings(), time.time()) if login_required() else None


def may(action: Action) -> bool:
    """Return whether the visitor's role allows this; where there is no login, roles forbid nothing."""
    if not login_required() or _own_work.get():
        return True
    person = visitor()
    return person is not None and person.role >= action.role


def require(action: Action) -> None:
    """Refuse what the visitor's role does not allow.

    Raises
    ------
    AccessError
        Where the laboratory has a login, and nobody has logged in, or somebody with a lower role.
    """
    if may(action):
        return
    person = visitor()
    if person is None:
        raise AccessError("This server is for people who have logged in.", "Log in on the start page.")
    raise AccessError(
        f"Your role is {person.role.word}; to {action.words} takes the role {action.role.word}.",
        "Ask whoever gives out the roles in your laboratory.",
    )


def is_loopback(address: str | None) -> bool:
    """Return whether only this computer reaches what listens on an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback(None)
    (True, True, False, False)
    """
    if not address:
        return False
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public() -> bool:
    """Return whether anybody may come."""
    return settings().mode == "public"


def this_computer_only() -> bool:
    """Return whether only the person at this computer is served, who may read its folders anyway."""
    return settings().mode == "local" and (_server.loopback or not _server.serves)


def training_offered() -> bool:
    """Return whether this server has training pages at all, locked or not, for this visitor."""
    return not is_public() and may(Action.TRAIN)


def require_training(action: Action = Action.TRAIN) -> None:
    """Refuse what belongs to training where a stranger could ask for it.

    Parameters
    ----------
    action : Action
        What is asked for, where roles decide; to look at curves takes a lower one.

    Raises
    ------
    AccessError
        On a public server; on one that other computers reach without a login; and without the role.
    """
    if is_public():
        raise AccessError("This public server trains no models.", AT_HOME)
    if login_required():
        require(action)
    elif _server.serves and not this_computer_only():
        raise AccessError(
            "Training is locked: other computers can reach this server, and it has no login.",
            "Train by the command `wbc jobs submit` on the server, or let the app listen on 127.0.0.1 alone.",
        )


def require_this_computer() -> None:
    """Refuse to read a folder by a path that a visitor names.

    Raises
    ------
    AccessError
        Wherever other computers reach the server, but for a laboratory's administrators.
    """
    if login_required():
        require(Action.NAME_FOLDERS)
    elif not this_computer_only() and (_server.serves or is_public()):
        raise AccessError(
            "Folders of the server can be named only where no other computer reaches it.", "Upload the pictures."
        )


def refuse_paths_to_the_public() -> None:
    """Refuse files and folders of the server.

    Raises
    ------
    AccessError
        On a public server.
    """
    if is_public():
        raise AccessError("This public server opens no files of its own.", "Upload the pictures.")


def is_offered(labels: Iterable[str]) -> bool:
    """Return whether a model with these labels names pictures here: the bone-marrow study is no test for the public."""
    return not (is_public() and in_bone_marrow_study(labels))


def require_offered(labels: Iterable[str], model_id: str) -> None:
    """Refuse a model that is not offered here.

    Raises
    ------
    AccessError
        For the bone-marrow study on a public server.
    """
    if not is_offered(labels):
        raise AccessError(
            f"The model {model_id} is a research study on bone marrow and names no pictures on this public server.",
            "Choose a model of blood cells.",
        )


def values_are_judged() -> bool:
    """Return whether low and high, reference ranges and other words for a clinic may stand beside a count."""
    return not is_public()


def without_places(text: str) -> str:
    """Return a sentence as the visitor may read it: on a public server without the folders of the server."""
    if not is_public():
        return text
    chosen = settings()
    folders = [str(value) for value in dict(chosen).values() if isinstance(value, Path) and value.is_absolute()]
    for folder in sorted([*folders, str(ROOT)], key=len, reverse=True):
        text = text.replace(folder, "…")
    return text


def spend(pictures: int) -> None:
    """Take pictures from what the visitor's session may have classified; without effect but on a public server.

    Parameters
    ----------
    pictures : int
        How many are to be classified now.

    Raises
    ------
    AccessError
        If they are too many at once, or too soon after others.
    """
    if is_public():
        _limit().take(_server.session(), pictures)


@lru_cache(maxsize=1)
def _limit() -> RateLimit:
    return RateLimit(settings().public_pictures_per_minute, settings().public_pictures_at_once)
