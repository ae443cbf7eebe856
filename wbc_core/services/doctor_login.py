"""Whether a laboratory's login is complete, safe, and known to its identity provider."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Final

from wbc_core.errors import WbcError
from wbc_core.services.findings import Finding
from wbc_core.services.login import METADATA, app_address, check_login
from wbc_core.settings import Settings, login_asked

WAIT_S: Final = 5.0
MOST_BYTES: Final = 1_000_000
ANYBODY: Final = ("https://accounts.google.com", "https://login.microsoftonline.com/common", "https://gitlab.com")
"""Providers at which anybody can have an account."""


def examine_login(chosen: Settings) -> Iterator[Finding]:
    """Look at the login of a laboratory; nothing is said where there is none."""
    if not login_asked(chosen):
        return
    if chosen.mode != "laboratory":
        yield Finding(
            "warning",
            "Login",
            f"WBC_LOGIN_… is set, but a server in {chosen.mode} mode asks nobody to log in.",
            "Set WBC_MODE=laboratory, or unset them.",
        )
        return
    try:
        check_login(chosen)
    except WbcError as error:
        yield Finding("error", "Login", error.message, error.hint)
        return
    yield _provider(chosen)
    if chosen.login_unknown == "viewer" and chosen.login_issuer.rstrip("/") in ANYBODY:
        yield Finding(
            "warning",
            "Login",
            f"Anybody can have an account at {chosen.login_issuer}, and would be a viewer here.",
            "Set WBC_LOGIN_UNKNOWN=refused.",
        )


def _provider(chosen: Settings) -> Finding:
    """Ask the identity provider who it is."""
    address = chosen.login_issuer.rstrip("/") + METADATA
    try:
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:  # noqa: S310  (check_login: http, https)
            told = json.loads(answer.read(MOST_BYTES))
        issuer = told["issuer"]
    except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError):
        return Finding(
            "error",
            "Login",
            f"The identity provider does not answer at {address}.",
            "Check WBC_LOGIN_ISSUER, and whether this host may reach it.",
        )
    if str(issuer).rstrip("/") != chosen.login_issuer.rstrip("/"):
        return Finding(
            "error",
            "Login",
            f"The identity provider calls itself {issuer}, not {chosen.login_issuer}: nobody could log in.",
            f"Set WBC_LOGIN_ISSUER={issuer}.",
        )
    return Finding("ok", "Login", f"At {chosen.login_issuer}, coming back to {app_address(chosen)}.")
