"""The ``wbc database`` commands: the version of the database of jobs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

database_app = typer.Typer(help="Look at the version of the database of jobs, and change it.", no_args_is_help=True)


@database_app.command("version")
def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say at which version the tables are, and which one this program works with; changes nothing."""
    from wbc_core.services.database import database_version

    found = database_version()
    print(json.dumps(asdict(found)) if as_json else found.sentence)


@database_app.command("upgrade")
def upgrade() -> None:
    """Bring the tables up to date; every start of the app or of a worker does the same."""
    from wbc_core.services.database import upgrade_database

    before = upgrade_database()
    if before.found == before.known:
        print(f"The tables are at version {before.known} already.")
    else:
        print(f"The tables were at version {before.found} and are now at version {before.known}.")


@database_app.command("downgrade")
def downgrade(to: Annotated[int, typer.Option(min=1, help="Version that the older release works with.")]) -> None:
    """Bring the tables back for an older release; the next start of this one brings them up to date again."""
    from wbc_core.services.database import downgrade_database

    before = downgrade_database(to)
    print(f"The tables were at version {before.found} and are now at version {before.known}.")
