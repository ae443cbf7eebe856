"""The database of jobs: SQLite in the folder of runs, or another one by URL; its tables and their version.

What is written here are the tables of the present version; how a database comes from one version to the next stands in
``migrations``, and :mod:`wbc_core.jobs.upgrading` sees to it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, ProgrammingError

from wbc_core.errors import WbcError
from wbc_core.settings import Settings

REVISIONS = ("0001", "0002")
"""The migrations that this program knows, oldest first; a database at another one is newer, and refused."""

VERSION = len(REVISIONS)
"""Version of the tables below."""

FILE = "jobs.sqlite"
BUSY_TIMEOUT_MS = 15_000
_NO_SUCH_TABLE = "42P01"  # PostgreSQL's code

metadata = MetaData()

versions = Table(
    "wbc_schema",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
)
"""Read by releases before migrations too, which so refuse a newer database."""

revisions = Table("wbc_migrations", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table, with one row."""

jobs = Table(
    "wbc_jobs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("recipe_id", String(80), nullable=False),
    Column("title", String(200), nullable=False),
    Column("spec", Text, nullable=False),
    Column("run_dir", Text, nullable=False),
    Column("backend", String(10), nullable=False),
    Column("device", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("submitted", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("available", Float, nullable=False, default=0.0),
    Column("worker", String(200), nullable=False, default=""),
    Column("process", String(200), nullable=False, default=""),
    Column("heartbeat", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False, default=0),
    Column("epochs", Integer),
    Column("progress", Float, nullable=False, default=0.0),
    Column("eta_s", Float),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("message", Text, nullable=False, default=""),
    Column("hint", Text, nullable=False, default=""),
    Column("search_id", String(80), nullable=False, default=""),
    Index("wbc_jobs_state", "state", "number"),
    Index("wbc_jobs_search", "search_id", "number"),
)

workers = Table(
    "wbc_workers",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("started", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
)

leases = Table(
    "wbc_leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("heartbeat", Float, nullable=False),
)

backups = Table(
    "wbc_backups",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("made", Float, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)


def database_url(settings: Settings) -> str:
    """Return the URL of the database of jobs that the settings name."""
    return settings.database_url or f"sqlite:///{(settings.runs_dir / FILE).absolute()}"


@lru_cache(maxsize=8)
def open_database(url: str) -> Engine:
    """Open a database; make its tables where they are missing, and bring those of an older version up to date.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, for example ``sqlite:////data/runs/jobs.sqlite`` or ``postgresql+psycopg://host/name``.

    Returns
    -------
    sqlalchemy.Engine
        One for each URL and process.

    Raises
    ------
    WbcError
        If the database cannot be opened, or was written by a newer version of this program.
    """
    engine, shown = connect(url)
    try:
        if revision_of(engine) != REVISIONS[-1]:
            from wbc_core.jobs.upgrading import bring_up_to_date  # with Alembic, which others need not wait for

            bring_up_to_date(engine, shown)
    except DatabaseError as error:
        engine.dispose()
        raise WbcError(
            f"The database of jobs {shown} cannot be opened: {error.orig}.",
            "Check WBC_DATABASE_URL, or WBC_RUNS_DIR, and the right to write there.",
        ) from error
    except WbcError:
        engine.dispose()
        raise
    return engine


def connect(url: str) -> tuple[Engine, str]:
    """Return the engine of a database, whatever its tables are, and its address without the password.

    Raises
    ------
    WbcError
        If the address is no URL, or its driver is not installed.
    """
    try:
        place = make_url(url)
        shown = place.render_as_string(hide_password=True)
        if place.get_backend_name() == "sqlite" and place.database:
            Path(place.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(place)
    except (ArgumentError, NoSuchModuleError) as error:
        raise WbcError(
            "The database of jobs has an address that is no SQLAlchemy URL.",
            "Set WBC_DATABASE_URL, for example to postgresql+psycopg://user:password@host/name.",
        ) from error
    except ModuleNotFoundError as error:
        raise WbcError(
            f"The database {shown} needs the package {error.name}, which is not installed.",
            f"Install it: pip install {error.name}.",
        ) from error
    except OSError as error:
        raise WbcError(
            f"The folder of the database {shown} cannot be made: {error.strerror}.", "Set WBC_RUNS_DIR to another one."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine, shown


def revision_of(engine: Engine) -> str | None:
    """Return at which migration a database is; None where it was never migrated."""
    with engine.connect() as connection:
        try:
            return connection.scalar(select(revisions.c.version_num))
        except (OperationalError, ProgrammingError) as error:
            if "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", "") == _NO_SUCH_TABLE:
                return None
            raise


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Let readers and a writer work at once, and let writers wait for each other."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
    cursor.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten, not only let go
    cursor.close()
