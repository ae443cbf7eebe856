"""Whether a laboratory's login is set up, and set up safely; what the server of pages needs of it."""

from __future__ import annotations

import importlib.util
from typing import Final
from urllib.parse import urlsplit

from wbc_core.errors import WbcError
from wbc_core.services.access import is_loopback
from wbc_core.services.roles import ROLE_SETTINGS, entries
from wbc_core.settings import LOGIN_PARTS, Settings, login_asked

LEAST_SECRET: Final = 32
"""Characters of the secret that sessions are signed with: 16 random bytes in hexadecimal digits, or more."""

LEAST_LETTERS: Final = 8
"""Different characters that such a secret has at least; of random ones not even one in a thousand has fewer."""

PACKAGES: Final = ("authlib", "httpx")

OWN_CLAIMS: Final = frozenset(
    (
        "address",
        "birthdate",
        "email",
        "email_verified",
        "exp",
        "family_name",
        "gender",
        "given_name",
        "iat",
        "is_logged_in",
        "locale",
        "middle_name",
        "name",
        "nickname",
        "nonce",
        "origin",
        "phone_number",
        "picture",
        "preferred_username",
        "profile",
        "provider",
        "sub",
        "tokens",
        "updated_at",
        "website",
        "zoneinfo",
    )
)
"""Claims that say who a person is, many of them chosen by that person: none of them can say what the person may."""

METADATA: Final = "/.well-known/openid-configuration"
CALLBACK: Final = "/oauth2callback"


def app_address(chosen: Settings) -> str:
    """Return the address under which browsers reach the app, without a slash at its end."""
    host = f"[{chosen.address}]" if ":" in chosen.address else chosen.address
    return (chosen.public_address or f"http://{host}:{chosen.port}").rstrip("/")


def check_login(chosen: Settings) -> None:
    """Check that the login of a laboratory is complete and safe; where none is asked for, there is nothing to check.

    Raises
    ------
    WbcError
        With the first thing that is missing or unsafe.
    """
    if chosen.mode != "laboratory" or not login_asked(chosen):
        return
    missing = [f"WBC_{name.upper()}" for name in LOGIN_PARTS if not _text(chosen, name)]
    if missing:
        raise WbcError(
            f"The login is set up in part only: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            "Set all four, or none of them; see Login in docs/deployment.md.",
        )
    _check_secret(chosen.login_cookie_secret.get_secret_value())
    _check_address("WBC_LOGIN_ISSUER", chosen.login_issuer)
    _check_address("WBC_PUBLIC_ADDRESS", app_address(chosen))
    if chosen.roles_claim in OWN_CLAIMS:
        raise WbcError(
            f"WBC_ROLES_CLAIM names {chosen.roles_claim}, which says who a person is and not what the person may do.",
            "Name a claim that only the identity provider's administrator sets, such as roles or groups.",
        )
    for setting in ROLE_SETTINGS.values():
        foreign = sorted(entry for entry in entries(getattr(chosen, setting)) if "@" in entry and not entry.isascii())
        if foreign:
            raise WbcError(
                f"WBC_{setting.upper()} names {foreign[0]}, an address with letters beyond ASCII.",
                "Such letters may look like others: name the person by a value of the claim of roles.",
            )
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise WbcError(
            f"The login needs the package {absent[0]}, which is not installed.",
            "Install the laboratory's packages: pip install -c constraints.txt -r requirements-laboratory.txt.",
        )


def _text(chosen: Settings, name: str) -> str:
    value = getattr(chosen, name)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _check_secret(secret: str) -> None:
    if len(secret) < LEAST_SECRET or len(set(secret)) < LEAST_LETTERS:
        raise WbcError(
            "WBC_LOGIN_COOKIE_SECRET is too easy to guess, and whoever guesses it can be anybody here.",
            f"Take {LEAST_SECRET} random characters or more, for example from: openssl rand -hex 32.",
        )


def _check_address(name: str, address: str) -> None:
    """Refuse an address on which a password, a token or a session could be overheard."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise WbcError(
            f"{name} is {address!r}, which is no address of a site.", "Name one like https://id.example.org."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise WbcError(
            f"{name} is {address}, and what goes there can be read on its way.", "Name an address with https."
        )


def login_secrets(chosen: Settings) -> dict[str, dict[str, str | dict[str, str]]]:
    """Return the login as Streamlit's server wants it, checked; empty where there is none.

    Raises
    ------
    WbcError
        If the login is incomplete or unsafe: a server must not start with it.
    """
    check_login(chosen)
    if chosen.mode != "laboratory" or not login_asked(chosen):
        return {}
    return {
        "auth": {
            "redirect_uri": app_address(chosen) + CALLBACK,
            "cookie_secret": chosen.login_cookie_secret.get_secret_value(),
            "client_id": chosen.login_client_id,
            "client_secret": chosen.login_client_secret.get_secret_value(),
            "server_metadata_url": chosen.login_issuer.rstrip("/") + METADATA,
        }
    }
