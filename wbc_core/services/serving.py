"""How the app is served: the command line of its server, which follows from the settings."""

from __future__ import annotations

import sys
from pathlib import Path

from wbc_core.errors import WbcError
from wbc_core.services.access import is_loopback
from wbc_core.services.login import check_login
from wbc_core.settings import ROOT, Settings

LAUNCHER = ROOT / "app.py"
SERVER = "wbc_core.ui.server"
"""Streamlit's own command, ended by SIGTERM with exit code 0."""


def server_command(chosen: Settings, launcher: Path = LAUNCHER) -> list[str]:
    """Return the command that serves the app.

    A public server takes uploads without the cookie that guards against forged requests: inside the frame of a Space
    browsers keep that cookie back, and every upload would be refused with 403. There is nothing to forge there, since
    nobody is logged in. Everywhere else the guard stays, and so does the one against other origins.

    Parameters
    ----------
    chosen : Settings
        Mode, address, port and limits.
    launcher : Path
        The script that is run.

    Raises
    ------
    WbcError
        If the launcher is not there, or a laboratory's login is incomplete or unsafe.
    """
    check_login(chosen)
    if not launcher.is_file():
        raise WbcError(
            f"The app's launcher is not at {launcher}.", "Serve it from a checkout of the project, or from its image."
        )
    options = {
        "server.address": chosen.address,
        "server.port": str(chosen.port),
        "server.headless": "true",
        "server.maxUploadSize": str(chosen.max_archive_mb),
        "server.enableXsrfProtection": "false" if chosen.mode == "public" else "true",
        "server.enableCORS": "true",
        "server.trustedUserHeaders": "{}",  # who somebody is, is said by the login alone, never by a header
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        # Named, so that Streamlit does not ask a foreign server for this host's address in order to print it.
        "browser.serverAddress": chosen.address if is_loopback(chosen.address) else "localhost",
    }
    flags = [text for name, value in options.items() for text in (f"--{name}", value)]
    return [sys.executable, "-m", SERVER, "run", str(launcher), *flags]
