"""What keeps a server going: the version of the database, backups, a restore that was cut off, metrics and the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wbc_core.errors import WbcError
from wbc_core.services.backup import backup_age_s
from wbc_core.services.backup_contents import database_file
from wbc_core.services.database import database_version
from wbc_core.services.findings import Finding
from wbc_core.services.metrics import SHORTEST_TOKEN
from wbc_core.services.restore_moves import unsettled
from wbc_core.settings import Settings

OLD_BACKUP_DAYS: Final = 7
_DAY_S: Final = 86_400


def examine_operations(chosen: Settings) -> Iterator[Finding]:
    """Look at what is asked for when a server has run for a while."""
    if chosen.mode != "public":
        if unsettled(chosen):
            yield Finding(
                "warning",
                "Restore",
                "A restore was cut off; the next start of the app brings back what was, or finishes it.",
                "Start the app, or give the command again.",
            )
        yield from _database(chosen)
    yield _metrics(chosen)
    names = "; uploaded files may be named in it" if chosen.log_file_names else "; no uploaded file is named in it"
    advice = "Set WBC_LOG_FILE_NAMES=false once the fault is found." if chosen.log_file_names else ""
    form = "sentences" if chosen.log_format == "text" else "JSON objects"
    yield Finding(
        "warning" if chosen.log_file_names else "ok",
        "Log",
        f"As {form}, from the level {chosen.log_level} on{names}.",
        advice,
    )


def _database(chosen: Settings) -> Iterator[Finding]:
    file = database_file(chosen)
    if file is not None and not file.exists():
        return
    try:
        version = database_version()
    except WbcError:
        return  # that it does not open is a finding of its own
    if version.found > version.known:
        yield Finding(
            "error", "Database version", version.sentence, "Update the program, or restore an older backup with it."
        )
        return
    yield Finding("ok", "Database version", version.sentence)
    age = backup_age_s(chosen)
    if age is None:
        yield Finding(
            "ok" if chosen.mode == "local" else "warning",
            "Backup",
            "None is known of.",
            "" if chosen.mode == "local" else "Make one every night: wbc backup, see docs/operations.md.",
        )
    elif age > OLD_BACKUP_DAYS * _DAY_S:
        days = int(age / _DAY_S)
        yield Finding("warning", "Backup", f"The last one is {days} days old.", "Look why wbc backup no longer runs.")
    else:
        yield Finding("ok", "Backup", f"The last one is {age / 3600:.0f} hours old.")


def _metrics(chosen: Settings) -> Finding:
    if chosen.metrics == "off":
        return Finding("ok", "Metrics", "Nobody may read /metrics.")
    if chosen.metrics == "loopback":
        return Finding("ok", "Metrics", "This computer may read /metrics, and nobody through a proxy.")
    if len(chosen.metrics_token.get_secret_value()) < SHORTEST_TOKEN:
        return Finding(
            "error",
            "Metrics",
            "Nobody may read /metrics: there is no token, or a short one.",
            f"Set WBC_METRICS_TOKEN to {SHORTEST_TOKEN} random characters or more, from openssl rand -hex 24.",
        )
    return Finding("ok", "Metrics", "Who shows the token may read /metrics.")
