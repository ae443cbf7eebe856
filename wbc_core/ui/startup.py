"""What happens once, when the server starts: uploads are kept in memory, the default model is loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from wbc_core.errors import WbcError

log = logging.getLogger("wbc_core.app")

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108  (a file system in memory, on every Linux)


def spool_uploads_in_memory(folder: Path = MEMORY_FOLDER) -> bool:
    """Let the server spool large uploads to a folder in memory, unless the administrator chose one by TMPDIR.

    Streamlit's server writes parts of more than 1 MB to the temporary folder for the moment of their arrival.

    Parameters
    ----------
    folder : Path
        A folder on a file system in memory.

    Returns
    -------
    bool
        Whether the folder is used; False where TMPDIR is set or the folder cannot be written.
    """
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return False
    tempfile.tempdir = str(folder)
    return True


async def load_model() -> None:
    """Load the default model before the first visitor needs it; without one, the page itself says what to do."""
    from wbc_core.services.single_image import warm_up

    try:
        await asyncio.to_thread(warm_up)
    except WbcError as error:
        log.warning("The default model is not ready: %s", error)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Load the model beside the start of the server, not before it."""
    spool_uploads_in_memory()
    loading = asyncio.create_task(load_model())
    yield {}
    loading.cancel()
