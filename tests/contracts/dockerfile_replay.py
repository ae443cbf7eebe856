"""A Dockerfile's steps carried out in a folder: where no container engine is at hand, and quicker where one is."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PLACES = ("app", "build", "data", "opt")
"""Folders of the container's root that become folders of the replay's."""

KNOWN = frozenset({"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD"})


@dataclass
class Image:
    """What the steps have come to.

    Attributes
    ----------
    root : Path
        The folder that stands for the container's root.
    environment : dict of str to str
        Of the last stage; nothing of this process's own but what the replay was given.
    workdir : Path
        Where the command starts.
    command : list of str
        What the container runs.
    health : str
        Shell command of the health check.
    user, ports : str
        As the file states them.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    workdir: Path = Path("/")
    command: list[str] = field(default_factory=list)
    health: str = ""
    user: str = "root"
    ports: str = ""

    def inside(self, text: str) -> str:
        """Return text with the container's folders replaced by the replay's."""
        return re.sub(rf"(?<![\w./-])/({'|'.join(PLACES)})(?![\w.-])", rf"{self.root}/\1", text)


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile with their arguments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            if name not in KNOWN:
                raise ValueError(f"The replay does not know the instruction {name}.")
            yield name, arguments.strip()


def replay(context: Path, root: Path, given: dict[str, str]) -> Image:
    """Carry out a folder's Dockerfile.

    Parameters
    ----------
    context : Path
        The folder that is built; files that its .dockerignore leaves out are not there for the steps.
    root : Path
        An empty folder.
    given : dict of str to str
        Environment of the steps that the base image or the builder would bring; goes before that of the file.
    """
    sent = Ignore((context / ".dockerignore").read_text(encoding="utf-8"))
    image, arguments, kept = Image(root), {}, 0
    for name, text in steps((context / "Dockerfile").read_text(encoding="utf-8")):
        if name == "ARG":
            key, _, default = text.partition("=")
            arguments[key] = default
        elif name == "FROM":
            if image.command or kept:
                _keep_only_what_is_copied(context, root)
            image = Image(root, {"PATH": f"{_base(root)}:{os.environ['PATH']}", "HOME": str(root)})
            kept += 1
        elif name == "ENV":
            for part in shlex.split(text, posix=True):
                key, _, value = part.partition("=")
                image.environment[key] = os.path.expandvars(
                    image.inside(value).replace("$PATH", image.environment["PATH"])
                )
        elif name == "WORKDIR":
            image.workdir = Path(image.inside(text))
            image.workdir.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            _copy(context, sent, image, shlex.split(text))
        elif name == "RUN":
            _run(image, arguments, given, text)
        elif name == "USER":
            image.user = text
        elif name == "EXPOSE":
            image.ports = text
        elif name == "HEALTHCHECK":
            image.health = image.inside(text.partition("CMD ")[2])
        elif name == "CMD":
            image.command = json.loads(text)
    image.environment |= given
    return image


def _base(root: Path) -> Path:
    """Return a folder with the base image's ``python``: the interpreter behind this one's environment."""
    folder = root / "base"
    folder.mkdir(exist_ok=True)
    if not (folder / "python").exists():
        (folder / "python").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    return folder


class Ignore:
    """A .dockerignore: the last line that fits a path decides."""

    def __init__(self, text: str) -> None:
        self.lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def leaves_out(self, path: str) -> bool:
        """Return whether a file of the context is not sent to the builder."""
        out = False
        for line in self.lines:
            pattern = line.removeprefix("!").rstrip("/")
            if _fits(path, pattern):
                out = not line.startswith("!")
        return out


def _fits(path: str, pattern: str) -> bool:
    """Return whether a pattern names a path or one of the folders that it lies in."""
    parts = path.split("/")
    heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts)
    depth = pattern.count("/")
    return any(head.count("/") == depth and fnmatch.fnmatchcase(head, pattern) for head in heads)


def _copy(context: Path, sent: Ignore, image: Image, words: list[str]) -> None:
    if words[0].startswith("--from="):
        source, target = words[1:]
        assert source == target, "the replay has one root for all stages"
        assert Path(image.inside(source)).exists()
        return
    *sources, target = (word for word in words if not word.startswith("--chown="))
    place = image.workdir / target
    for pattern in sources:
        found = sorted(context.glob(pattern))
        assert found, f"COPY finds no {pattern}"
        for source in found:
            into = place / source.name if target.endswith("/") else place
            files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
            files = [path for path in files if not sent.leaves_out(path.relative_to(context).as_posix())]
            assert files, f".dockerignore leaves nothing of {pattern}"
            for path in files:
                end = into if source.is_file() else into / path.relative_to(source)
                end.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, end)


def _run(image: Image, arguments: dict[str, str], given: dict[str, str], text: str) -> None:
    if text.startswith("useradd"):
        return  # the user is the one that runs the replay
    if os.geteuid() != 0:
        text = re.sub(r"&& chown \S+ \S+", "", text)
    environment = image.environment | arguments | given
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", image.inside(text)],
        cwd=image.workdir,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"RUN {text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    sys.stdout.write(done.stdout[-300:])


def _keep_only_what_is_copied(context: Path, root: Path) -> None:
    """Forget all of a stage but what the next one takes from it."""
    text = (context / "Dockerfile").read_text(encoding="utf-8")
    taken = {found.strip("/").split("/")[0] for found in re.findall(r"COPY --from=\w+ (\S+)", text)}
    for path in root.iterdir():
        if path.name not in taken and path.name != "base":
            shutil.rmtree(path)
