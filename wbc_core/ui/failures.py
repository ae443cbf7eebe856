"""What a visitor sees when something fails: one sentence and a hint, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.services.access import without_places
from wbc_core.services.faults import fault_in_words
from wbc_core.ui.wording import plain, with_commands

log = logging.getLogger("wbc_core.ui")

UNEXPECTED = "Something went wrong on our side, and the picture was not classified."
UNEXPECTED_HINT = "Try again; if it happens with the same picture, save it in another format and try that."


def show_failure(message: str, hint: str) -> None:
    """Show one sentence about what happened and, below it, what to do next."""
    st.error(with_commands(without_places(hint)), title=plain(without_places(message)), icon=":material/error:")


@contextmanager
def failures_shown(unexpected: str = UNEXPECTED, hint: str = UNEXPECTED_HINT) -> Iterator[None]:
    """Show every error that leaves the block; the script goes on after it.

    A `WbcError` speaks for itself. Anything else is a fault of the program: it is logged with its traceback, and the
    page shows a neutral sentence.

    Parameters
    ----------
    unexpected, hint : str
        The neutral sentence and what to do next.
    """
    try:
        yield
    except WbcError as error:
        show_failure(error.message, error.hint)
    except Exception as error:
        log.exception("A page failed")
        told = fault_in_words(error) or WbcError(unexpected, hint)
        show_failure(told.message, told.hint)


def show_script_error(error: Exception) -> bool:
    """Show an error that no page has caught; handed to ``st.App(on_script_error=…)``.

    Returns
    -------
    bool
        True: Streamlit's own display, which could carry a traceback, stays away.
    """
    if isinstance(error, WbcError):
        show_failure(error.message, error.hint)
    else:
        log.error("A page failed", exc_info=error)
        show_failure("Something went wrong on our side.", "Reload the page; your picture was not kept.")
    return True
