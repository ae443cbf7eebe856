"""What a visitor may do here: it follows from the mode in the settings and from the address that is listened on.

Pages leave out what is not offered; that alone would hide it only, so each use case asks here as well. A command is not
served to anybody: it may train and read folders, unless the settings say that this is a public server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.errors import AccessError
from wbc_core.services.rate_limit import RateLimit
from wbc_core.settings import ROOT, settings

AT_HOME = "Run it on your own computer: the README says how."

FIELD_COSTS = 5
"""Pictures that one whole field counts for: it holds many cells."""


@dataclass
class _Server:
    """How this process is reached: by nobody, as long as it has not said that it listens."""

    serves: bool = False
    loopback: bool = True
    visitor: Callable[[], str] = str


_server = _Server()


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
    _server.visitor = session


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
    """Return whether this server has training pages at all, locked or not."""
    return not is_public()


def require_training() -> None:
    """Refuse what belongs to training where a stranger could ask for it.

    Raises
    ------
    AccessError
        On a public server; and on one that other computers reach, since nobody there has logged in.
    """
    if is_public():
        raise AccessError("This public server trains no models.", AT_HOME)
    if _server.serves and not this_computer_only():
        raise AccessError(
            "Training is locked: other computers can reach this server, and it has no login.",
            "Train by the command `wbc jobs submit` on the server, or let the app listen on 127.0.0.1 alone.",
        )


def require_this_computer() -> None:
    """Refuse to read a folder by a path that a visitor names.

    Raises
    ------
    AccessError
        Wherever other computers reach the server.
    """
    if not this_computer_only() and (_server.serves or is_public()):
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
        _limit().take(_server.visitor(), pictures)


@lru_cache(maxsize=1)
def _limit() -> RateLimit:
    return RateLimit(settings().public_pictures_per_minute, settings().public_pictures_at_once)
