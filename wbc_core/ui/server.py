"""The server's process: ``python -m wbc_core.ui.server run app.py …`` is ``streamlit run app.py …`` that ends with 0.

The server underneath ends in good order on SIGTERM and then sends itself that signal again, for whoever asked before
it did. Without anybody, that kills the process, and whoever started it would take a proper end for a failure.
"""

from __future__ import annotations

import signal
import sys

from streamlit.web.cli import main


def end_well(number: int, frame: object) -> None:
    """Leave with exit code 0."""
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end_well)
    main(prog_name="streamlit")
