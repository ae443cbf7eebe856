"""Do mode, address, port and names of the server fit together."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

from wbc_core.services.access import is_loopback
from wbc_core.services.doctor_login import examine_login
from wbc_core.services.findings import Finding
from wbc_core.services.serving import LAUNCHER
from wbc_core.settings import PUBLIC_LIMITS, Settings, login_asked

WAIT_S = 2.0


def examine_server(chosen: Settings) -> Iterator[Finding]:
    """Look at how the app is to be reached."""
    if not LAUNCHER.is_file():
        yield Finding(
            "warning",
            "App",
            f"There is no {LAUNCHER}: only the commands work here.",
            "Serve from a checkout of the project, or from its image.",
        )
    yield _mode(chosen)
    if chosen.mode == "public":
        yield from _ignored(Settings())
    elif not is_loopback(chosen.address) and not chosen.allowed_hosts:
        yield Finding(
            "warning",
            "Host names",
            "The server answers to any name, which lets a foreign page pass itself off as the app's own.",
            "Set WBC_ALLOWED_HOSTS to the names under which it is reached.",
        )
    if chosen.mode == "laboratory" and chosen.frame_ancestors:
        yield Finding(
            "warning",
            "Frames",
            f"Other sites may frame a laboratory's app: {chosen.frame_ancestors}.",
            "Leave WBC_FRAME_ANCESTORS empty.",
        )
    yield from examine_login(chosen)
    yield _port(chosen)


def _mode(chosen: Settings) -> Finding:
    place = f"{chosen.address}:{chosen.port}"
    if chosen.mode == "public":
        return Finding("ok", "Mode", f"Public at {place}: nothing is kept, nothing is trained.")
    if chosen.mode == "laboratory" and login_asked(chosen):
        return Finding("ok", "Mode", f"Laboratory at {place}: only people who have logged in are served.")
    if chosen.mode == "laboratory":
        return Finding(
            "warning",
            "Mode",
            f"Laboratory at {place}, without a login: training pages are locked.",
            "Set up a login, see docs/deployment.md; till then let only the laboratory's network reach it.",
        )
    if is_loopback(chosen.address):
        return Finding("ok", "Mode", f"Local at {place}: this computer alone.")
    return Finding(
        "warning",
        "Mode",
        f"Local, yet other computers reach {place}: training pages are locked.",
        "Set WBC_ADDRESS=127.0.0.1, or WBC_MODE to laboratory or public.",
    )


def _ignored(asked: Settings) -> Iterator[Finding]:
    """Name what the settings ask for and a public server does not do."""
    most = dict(PUBLIC_LIMITS)
    names = [name for name in most if name in asked.model_fields_set and getattr(asked, name) > most[name]]
    names += [name for name in ("batch_root", "mlflow_tracking_uri") if getattr(asked, name)]
    without = ", ".join(f"WBC_{name.upper()}" for name in names)
    if without:
        yield Finding(
            "warning",
            "Settings",
            f"A public server goes without {without}.",
            "Unset them, so that nobody counts on them.",
        )


def _port(chosen: Settings) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in chosen.address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.address, chosen.port))
        except PermissionError:
            return Finding(
                "error", "Port", f"Port {chosen.port} is not for ordinary users.", "Set WBC_PORT above 1023."
            )
        except OSError as error:
            if _answers(chosen.port):
                return Finding("ok", "Port", f"The app answers on port {chosen.port}.")
            reason = error.strerror or "no such address"
            return Finding(
                "error",
                "Port",
                f"{chosen.address}:{chosen.port} cannot be listened on: {reason}.",
                "Set WBC_PORT or WBC_ADDRESS to another one.",
            )
    return Finding("ok", "Port", f"Port {chosen.port} is free.")


def _answers(port: int) -> bool:
    """Return whether it is the app that has taken the port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WAIT_S) as response:
            return bool(response.read(20) == b'{"status":"ok"}')
    except (urllib.error.URLError, OSError):
        return False
