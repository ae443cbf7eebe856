"""``wbc serve`` and ``wbc doctor``: the app's server, and whether this host is fit for it."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer


def serve(
    address: Annotated[str | None, typer.Option(help="Address to listen on; WBC_ADDRESS if not given.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; WBC_PORT if not given.")] = None,
) -> None:
    """Serve the app in the mode that WBC_MODE names: local, laboratory or public."""
    from wbc_core.services.serving import server_command
    from wbc_core.settings import settings

    chosen = settings()
    changes = {name: value for name, value in (("address", address), ("port", port)) if value is not None}
    command = server_command(chosen.model_copy(update=changes))
    # The server reads the settings itself: address and port are part of where a login comes back to.
    os.environ |= {f"WBC_{name.upper()}": str(value) for name, value in changes.items()}
    os.execv(command[0], command)  # noqa: S606  (the server takes this process's place, and so gets its signals)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check host, packages, models, folders, database and address, and say what to do; exit code 1 on an error."""
    from dataclasses import asdict

    from wbc_core.services.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(f"{finding.level:8}{finding.subject}: {finding.sentence}")
            if finding.advice:
                print(f"{'':8}→ {finding.advice}")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)
