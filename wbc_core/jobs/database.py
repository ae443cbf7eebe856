"""The database of jobs: SQLite in the folder of runs, or another one by URL; its tables and their version."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
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
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, OperationalError, ProgrammingError

from wbc_core.errors import WbcError
from wbc_core.settings import Settings

VERSION = 1
"""Version of the tables below; a database of a newer one is refused."""

FILE = "jobs.sqlite"
BUSY_TIMEOUT_MS = 15_000
CREATION_TRIES = 20

_metadata = MetaData()

versions = Table(
    "wbc_schema",
    _metadata,
    Column("name", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
)

jobs = Table(
    "wbc_jobs",
    _metadata,
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
)

workers = Table(
    "wbc_workers",
    _metadata,
    Column("name", String(200), primary_key=True),
    Column("started", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
)

leases = Table(
    "wbc_leases",
    _metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("heartbeat", Float, nullable=False),
)


def database_url(settings: Settings) -> str:
    """Return the URL of the database of jobs that the settings name."""
    return settings.database_url or f"sqlite:///{(settings.runs_dir / FILE).absolute()}"


@lru_cache(maxsize=8)
def open_database(url: str) -> Engine:
    """Open a database, create its tables where they are missing, and check their version.

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
    try:
        _create(engine, shown)
    except OperationalError as error:
        raise WbcError(
            f"The database of jobs {shown} cannot be opened: {error.orig}.",
            "Check WBC_DATABASE_URL, or WBC_RUNS_DIR, and the right to write there.",
        ) from error
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Let readers and a writer work at once, and let writers wait for each other."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _create(engine: Engine, shown: str) -> None:
    """Create the tables and stamp their version; other processes may be doing the same at this moment."""
    for attempt in range(CREATION_TRIES):
        try:
            _metadata.create_all(engine)
            with engine.begin() as connection:
                found = connection.scalar(select(versions.c.version).where(versions.c.name == "jobs"))
                if found is None:
                    connection.execute(insert(versions).values(name="jobs", version=VERSION))
            break
        except (IntegrityError, OperationalError, ProgrammingError):
            if attempt + 1 == CREATION_TRIES:
                raise
            time.sleep(0.1)
    if found is not None and found > VERSION:
        engine.dispose()
        raise WbcError(
            f"The database of jobs {shown} has tables of version {found}; this program knows version {VERSION}.",
            "Update the program, or name another database in WBC_DATABASE_URL.",
        )
