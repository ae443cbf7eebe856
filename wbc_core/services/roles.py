"""Who may do what in a laboratory: four roles, what each of them is for, and how a login becomes one of them.

A login is what the identity provider says of a person, as claims (OpenID Connect Core 1.0, section 5.1). The settings
say which claims make whom what. All is compared exactly: nothing that merely looks like a role is taken for one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from wbc_core.settings import Settings

CLOCK_SKEW_S: Final = 120.0
"""How far the clock of the identity provider may be ahead of this one."""

LONGEST_NAME: Final = 60


class Role(IntEnum):
    """What a person is here; a higher one may all that a lower one may."""

    NOBODY = 0
    VIEWER = 1
    TECHNICIAN = 2
    REVIEWER = 3
    ADMINISTRATOR = 4

    @property
    def word(self) -> str:
        """Its name as people read it."""
        return self.name.lower()


class Action(Enum):
    """What a use case asks a role for: the words that complete *Only a … may*, and the lowest role."""

    LOOK = ("look at models, comparisons and training curves, and classify the drawn samples", Role.VIEWER)
    CLASSIFY = ("hand in pictures and tables, and open or delete what came of them", Role.TECHNICIAN)
    REVIEW = ("correct what a cell is called, and note that a label is wrong", Role.REVIEWER)
    TRAIN = ("train models, cancel trainings and install what came of them", Role.ADMINISTRATOR)
    NAME_FOLDERS = ("name folders of the server", Role.ADMINISTRATOR)

    @property
    def words(self) -> str:
        """What is done, as it follows *may*."""
        return self.value[0]

    @property
    def role(self) -> Role:
        """The lowest role that may do it."""
        return self.value[1]


ROLE_SETTINGS: Final = {
    Role.ADMINISTRATOR: "administrators",
    Role.REVIEWER: "reviewers",
    Role.TECHNICIAN: "technicians",
    Role.VIEWER: "viewers",
}
"""Which setting names the people of a role, the highest first."""


@dataclass(frozen=True)
class Visitor:
    """A person who has logged in.

    Attributes
    ----------
    subject : str
        The provider's own name for the person; it never changes.
    name : str
        To be shown; foreign text.
    role : Role
        ``NOBODY`` where people without a role are refused.
    """

    subject: str
    name: str
    role: Role


def entries(text: str) -> frozenset[str]:
    """Return the entries of a setting, parted by commas.

    Examples
    --------
    >>> sorted(entries(" anna@lab.org, heads ,"))
    ['anna@lab.org', 'heads']
    """
    return frozenset(entry.strip() for entry in text.split(",")) - {""}


def visitor_of(claims: Mapping[str, object], chosen: Settings, now: float) -> Visitor | None:
    """Return who has logged in; None for claims that are no login here, or not any more.

    Parameters
    ----------
    claims : mapping
        As the identity provider signed them at the login, and `is_logged_in` of the session that holds them.
    chosen : Settings
        The provider, how long a login holds, and who is what.
    now : float
        Seconds since 1970.
    """
    subject = claims.get("sub")
    if claims.get("is_logged_in") is not True or not isinstance(subject, str) or not subject:
        return None
    issuer, audience = claims.get("iss"), claims.get("aud")
    if not isinstance(issuer, str) or issuer.rstrip("/") != chosen.login_issuer.rstrip("/"):
        return None
    if chosen.login_client_id not in (audience if isinstance(audience, list) else [audience]):
        return None
    if not _holds(claims, chosen, now):
        return None
    return Visitor(subject, _name(claims, subject), _role(claims, chosen))


def _holds(claims: Mapping[str, object], chosen: Settings, now: float) -> bool:
    """Return whether the login has begun and has not ended."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if not _is_number(issued) or not _is_number(expires):
        return False
    assert isinstance(issued, (int, float))
    assert isinstance(expires, (int, float))
    ends = issued + 3600 * chosen.login_hours if chosen.login_hours else expires
    return issued - CLOCK_SKEW_S <= now < ends and issued < expires


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _role(claims: Mapping[str, object], chosen: Settings) -> Role:
    """Return the highest role that the settings give to these claims.

    An entry with @ is an address, and counts only where the provider has verified it; any other is a value of the claim
    of roles. Neither is ever compared with the other, nor with any other claim.
    """
    values, address = _values(claims, chosen.roles_claim), _address(claims)
    for role, setting in ROLE_SETTINGS.items():
        named = entries(getattr(chosen, setting))
        if values & {entry for entry in named if "@" not in entry}:
            return role
        if address and address in {entry.lower() for entry in named if "@" in entry}:
            return role
    return Role.VIEWER if chosen.login_unknown == "viewer" else Role.NOBODY


def _values(claims: Mapping[str, object], name: str) -> frozenset[str]:
    given = claims.get(name) if name else None
    listed = given if isinstance(given, list) else [given]
    return frozenset(value for value in listed if isinstance(value, str))


def _address(claims: Mapping[str, object]) -> str:
    """Return the verified address in small letters; empty where there is none, or one with letters beyond ASCII.

    Small letters of other alphabets may turn into Latin ones (the sign for kelvin becomes a k), and some look alike.
    """
    address = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(address, str) or not address.isascii():
        return ""
    return address.lower()


def _name(claims: Mapping[str, object], subject: str) -> str:
    for given in (claims.get("name"), claims.get("preferred_username"), claims.get("email"), subject):
        if isinstance(given, str):
            shown = "".join(letter for letter in given if unicodedata.category(letter)[0] not in "CZ" or letter == " ")
            if shown.strip():
                return shown.strip()[:LONGEST_NAME]
    return "somebody"
