"""Faults of the machine in words: a full disk, a database that another program holds."""

from __future__ import annotations

import errno
import sqlite3

from wbc_core.errors import WbcError

DISK_FULL = ("The disk is full.", "Make room, then try again; what was finished before is kept.")
DATABASE_HELD = (
    "The database of jobs is held by another program.",
    "Nothing was changed: try again in a minute. If it stays so, end what holds it, such as a backup or a shell.",
)
DATABASE_SILENT = (
    "The database of jobs does not answer.",
    "Nothing was changed: `wbc doctor` says what is wrong with it.",
)


def fault_in_words(error: BaseException) -> WbcError | None:
    """Return what an error means for a user, if it has words of its own or is a fault of the machine; else None.

    Parameters
    ----------
    error : BaseException
        As it was raised.

    Examples
    --------
    >>> str(fault_in_words(OSError(28, "No space left on device")))
    'The disk is full. Make room, then try again; what was finished before is kept.'
    >>> fault_in_words(ValueError("7")) is None
    True
    """
    if isinstance(error, WbcError):
        return error
    if isinstance(error, OSError):
        return WbcError(*DISK_FULL) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    if not type(error).__module__.startswith("sqlalchemy."):  # asked so, as it is slow to import
        return None
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):
        if "locked" in str(cause):
            return WbcError(*DATABASE_HELD)
        if "full" in str(cause):
            return WbcError(*DISK_FULL)
    from sqlalchemy.exc import InterfaceError, OperationalError

    return WbcError(*DATABASE_SILENT) if isinstance(error, OperationalError | InterfaceError) else None
