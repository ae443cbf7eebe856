"""Bring the database of jobs from one version to another, by the numbered steps in ``migrations`` (Alembic).

All of it is one transaction under a lock: another process that starts at the same moment waits, then finds the work
done, and a power cut in the middle leaves the database as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, delete, event, insert, inspect, select, text, update

from wbc_core.errors import WbcError
from wbc_core.jobs.database import (
    BUSY_TIMEOUT_MS,
    REVISIONS,
    VERSION,
    connect,
    database_url,
    jobs,
    metadata,
    revisions,
    versions,
)
from wbc_core.jobs.staff import Staff
from wbc_core.settings import Settings

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK_KEY: Final = 0x77626300
"""Number of the advisory lock on PostgreSQL, where nothing else of a database is locked by number."""


def bring_up_to_date(engine: Engine, shown: str) -> int:
    """Make the tables of an empty database; migrate those of an older version; leave present ones as they are.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    shown : str
        Its address for messages, without the password.

    Returns
    -------
    int
        Version before; 0 of an empty database.

    Raises
    ------
    WbcError
        If it was written by a newer version of this program.
    """
    with _alone(engine) as connection:
        found = version_of(connection)
        refuse_newer(found, shown)
        if found == 0:
            metadata.create_all(connection)
            _say_revision(connection, REVISIONS[-1])
        elif found < VERSION or not inspect(connection).has_table(revisions.name):
            _migrate(connection, VERSION)
        _say_version(connection, VERSION)
    return found


def bring_back(settings: Settings, version: int) -> int:
    """Bring the database that the settings name to an older version, for an older release of this program.

    Parameters
    ----------
    settings : Settings
        Name the database.
    version : int
        From 1 to the present version.

    Returns
    -------
    int
        Version before.

    Raises
    ------
    WbcError
        If there is no such version, the database is newer than this program or at an older version already, or a worker
        is at work.
    """
    if not 1 <= version <= VERSION:
        raise WbcError(f"There is no version {version} of the database of jobs.", f"Choose one from 1 to {VERSION}.")
    engine, shown = connect(database_url(settings))
    try:
        with _alone(engine) as connection:
            found = version_of(connection)
            refuse_newer(found, shown)
            if found < version:
                raise WbcError(
                    f"The database of jobs {shown} has tables of version {found}, which is older than {version}.",
                    "To bring it up to date: `wbc database upgrade`.",
                )
            if Staff(engine).at_work():
                raise WbcError(
                    f"A worker is at work on the database of jobs {shown}.", "End the app and `wbc jobs worker` first."
                )
            _migrate(connection, version)
            _say_version(connection, version)
    finally:
        engine.dispose()
    return found


def present_version(settings: Settings) -> int:
    """Return the version of the database that the settings name, without changing it; 0 of an empty one.

    Raises
    ------
    WbcError
        If its address is no URL.
    """
    engine, _ = connect(database_url(settings))
    try:
        with engine.connect() as connection:
            return version_of(connection)
    finally:
        engine.dispose()


def version_of(connection: Connection) -> int:
    """Return the version of a database's tables; 0 where there are none."""
    tables = inspect(connection)
    noted = None
    if tables.has_table(versions.name):
        noted = connection.scalar(select(versions.c.version).where(versions.c.name == "jobs"))
    if tables.has_table(revisions.name):
        revision = connection.scalar(select(revisions.c.version_num))
        if revision in REVISIONS:
            return max(REVISIONS.index(revision) + 1, noted or 0)
        if revision is not None:
            return max(VERSION + 1, noted or 0)
    return noted or (1 if tables.has_table(jobs.name) else 0)


def refuse_newer(found: int, shown: str) -> None:
    """Refuse a database of a newer version.

    Raises
    ------
    WbcError
        If it is newer than this program.
    """
    if found > VERSION:
        raise WbcError(
            f"The database of jobs {shown} has tables of version {found}; this program knows version {VERSION}.",
            "Update the program, or name another database in WBC_DATABASE_URL.",
        )


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Yield a connection within a transaction during which no other process migrates.

    SQLite's driver begins a transaction by itself only before rows are changed, not before tables are: here it is begun
    by hand, at once for writing.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            yield connection
        return
    own = create_engine(
        engine.url, poolclass=NullPool, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
    )
    event.listen(own, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with own.begin() as connection:
        yield connection


def _migrate(connection: Connection, version: int) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "table": revisions.name})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    target = REVISIONS[version - 1]
    current = (
        connection.scalar(select(revisions.c.version_num)) if inspect(connection).has_table(revisions.name) else None
    )
    if current is not None and REVISIONS.index(current) >= version:
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def _say_revision(connection: Connection, revision: str) -> None:
    revisions.create(connection, checkfirst=True)
    connection.execute(delete(revisions))
    connection.execute(insert(revisions).values(version_num=revision))


def _say_version(connection: Connection, version: int) -> None:
    if not connection.execute(update(versions).where(versions.c.name == "jobs").values(version=version)).rowcount:
        connection.execute(insert(versions).values(name="jobs", version=version))
