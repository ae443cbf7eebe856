"""One log for the whole program: sentences, or JSON objects with the same and the fields of the event.

No line names an uploaded file or holds a picture. Messages are written so; what cannot be known beforehand, the words
of a fault, is left out with the names it may hold, unless the settings ask for it. A session is shown by a short digest
that is another one after each start.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import secrets
import sys
import time
import traceback
from types import TracebackType
from typing import IO, Final

from wbc_core.errors import ModelError
from wbc_core.services.access import current_session
from wbc_core.settings import Settings

OWN: Final = "wbc_core"
SPEAKS_FREELY: Final = "wbc_core.jobs"
"""The queue and its trainings handle no uploads: what went wrong there is told in full."""

TEXT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s"
TIME: Final = "%Y-%m-%dT%H:%M:%S"
WITHHELD: Final = "(words left out; WBC_LOG_FILE_NAMES=true shows them)"

_SALT: Final = secrets.token_bytes(16)
_Fault = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def set_up_logs(chosen: Settings, stream: IO[str] | None = None) -> None:
    """Send the log to a stream, in the form and from the level on that the settings name; may be repeated.

    Parameters
    ----------
    chosen : Settings
        Form and level, and whether files may be named.
    stream : file, optional
        Where to; standard error if not given.
    """
    logger = logging.getLogger(OWN)
    for handler in [each for each in logger.handlers if isinstance(each, DiscreetHandler)]:
        logger.removeHandler(handler)
    handler = DiscreetHandler(stream or sys.stderr, names=chosen.log_file_names)
    handler.setFormatter(_formatter(chosen))
    logger.addHandler(handler)
    logger.setLevel(chosen.log_level.upper())


def share_logs(chosen: Settings) -> None:
    """Let the loggers of the server around the app write in the same form, and name as little."""
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if not isinstance(logger, logging.Logger) or logger.name.partition(".")[0] not in ("streamlit", "uvicorn"):
            continue
        for place, handler in enumerate(logger.handlers):
            if type(handler) is logging.StreamHandler:
                shared = DiscreetHandler(handler.stream, names=chosen.log_file_names)
                shared.setFormatter(_formatter(chosen))
                logger.handlers[place] = shared


class DiscreetHandler(logging.StreamHandler[IO[str]]):
    """Writes records without the words of faults, and with the session for which the calling thread works.

    Parameters
    ----------
    stream : file
        Where to.
    names : bool
        Whether the words of faults, which may name files, are written.
    """

    def __init__(self, stream: IO[str], *, names: bool) -> None:
        super().__init__(stream)
        self._names = names

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        record = copy.copy(record)
        if not hasattr(record, "session"):
            session = current_session()
            if session:
                record.session = shown_session(session)
        if not self._names and not record.name.startswith(SPEAKS_FREELY):
            if isinstance(record.args, tuple):
                record.args = tuple(_without_words(value) for value in record.args)
            if record.exc_info:
                record.exc_text, record.exc_info = _trace(record.exc_info), None
        super().emit(record)


def shown_session(session: str) -> str:
    """Return what stands for a session in the log of this process."""
    return hashlib.sha256(_SALT + session.encode()).hexdigest()[:12]


def _without_words(value: object) -> object:
    if isinstance(value, ModelError) or not isinstance(value, BaseException):
        return value
    return f"{type(value).__name__} {WITHHELD}"


def _trace(fault: _Fault) -> str:
    """Return where a fault came about, without what it says."""
    _, error, place = fault
    if error is None:
        return ""
    lines = ["Traceback (most recent call last):\n", *traceback.format_tb(place)]
    lines.append(f"{type(error).__module__}.{type(error).__qualname__} {WITHHELD}")
    return "".join(lines)


def _formatter(chosen: Settings) -> logging.Formatter:
    formatter: logging.Formatter
    if chosen.log_format == "json":
        from pythonjsonlogger.json import JsonFormatter

        formatter = JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            datefmt=f"{TIME}Z",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "trace"},
            json_ensure_ascii=True,
        )
    else:
        formatter = logging.Formatter(TEXT, TIME)
    formatter.converter = time.gmtime
    return formatter
