"""The version of the database of jobs: what it is, bring it up to date, bring it back for an older release."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from wbc_core.errors import WbcError
from wbc_core.jobs.database import VERSION, connect, database_url
from wbc_core.jobs.upgrading import bring_back, bring_up_to_date, present_version
from wbc_core.services.access import is_public
from wbc_core.settings import settings


@dataclass(frozen=True)
class DatabaseVersion:
    """Version of the tables that are there, 0 where there are none, and the one that this program works with."""

    found: int
    known: int

    @property
    def sentence(self) -> str:
        """What this means."""
        if self.found == 0:
            return f"There are no tables yet; they are made at version {self.known} with the first job."
        if self.found < self.known:
            return f"Tables of version {self.found}; they are brought to version {self.known} at the next start."
        if self.found > self.known:
            return f"Tables of version {self.found}, which is newer than version {self.known} of this program."
        return f"Tables of version {self.found}, which is this program's."


def database_version() -> DatabaseVersion:
    """Return the version of the database, without changing anything.

    Raises
    ------
    WbcError
        If it cannot be read.
    """
    _refuse_the_public()
    with_reason = "Check WBC_DATABASE_URL, or WBC_RUNS_DIR, and the right to read there."
    url = database_url(settings())
    if url.startswith("sqlite:///") and not (settings().runs_dir.exists() or settings().database_url):
        return DatabaseVersion(0, VERSION)
    try:
        return DatabaseVersion(present_version(settings()), VERSION)
    except SQLAlchemyError as error:
        raise WbcError(f"The database of jobs cannot be read: {_reason(error)}.", with_reason) from error


def upgrade_database() -> DatabaseVersion:
    """Bring the database up to date, as each start of the program does; return the version before.

    Raises
    ------
    WbcError
        If it is newer than this program, or cannot be opened.
    """
    _refuse_the_public()
    engine, shown = connect(database_url(settings()))
    try:
        settings().runs_dir.mkdir(parents=True, exist_ok=True)
        return DatabaseVersion(bring_up_to_date(engine, shown), VERSION)
    except (SQLAlchemyError, OSError) as error:
        raise WbcError(
            f"The database of jobs {shown} cannot be brought up to date: {_reason(error)}.",
            "It is as it was before. Check the right to write there, and that no other program holds it.",
        ) from error
    finally:
        engine.dispose()


def downgrade_database(version: int) -> DatabaseVersion:
    """Bring the database back to an older version; return the version before.

    Raises
    ------
    WbcError
        If there is no such version, the database is newer than this program, or a worker is at work.
    """
    _refuse_the_public()
    try:
        return DatabaseVersion(bring_back(settings(), version), version)
    except SQLAlchemyError as error:
        raise WbcError(
            f"The database of jobs cannot be brought back: {_reason(error)}.", "It is as it was before."
        ) from error


def _refuse_the_public() -> None:
    if is_public():
        raise WbcError("A public server has no database.", "Set WBC_MODE to local or laboratory.")


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
