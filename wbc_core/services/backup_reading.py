"""Read a backup's manifest, and refuse an archive that holds anything but what its manifest says."""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from wbc_core.errors import WbcError
from wbc_core.jobs.database import VERSION
from wbc_core.services.backup_contents import FORMAT, MANIFEST, Manifest, is_kept

MOST_MANIFEST: Final = 256 * 1024 * 1024
"""Largest manifest that is read, in bytes: more than a million files."""

AGAIN: Final = "Take another backup; nothing was changed."
_PACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 1


def read_manifest(archive: zipfile.ZipFile, source: Path) -> Manifest:
    """Return what an archive says it holds, after checking that it holds just that, under names that are allowed.

    Raises
    ------
    WbcError
        If not, or if it is of a newer version than this program.
    """
    entries = archive.infolist()
    twice = [name for name, count in Counter(entry.filename for entry in entries).items() if count > 1]
    if twice:
        raise WbcError(f"The backup {source} holds {shown(twice[0])} twice.", AGAIN)
    try:
        entry = archive.getinfo(MANIFEST)
        if entry.file_size > MOST_MANIFEST:
            raise WbcError(f"The manifest of {source} is larger than any this program writes.", AGAIN)
        manifest = Manifest.model_validate_json(archive.read(entry))
    except KeyError as error:
        raise WbcError(f"The file {source} is no backup of this program: it has no {MANIFEST}.", AGAIN) from error
    except (ValidationError, RecursionError) as error:
        raise WbcError(f"The manifest of {source} cannot be read.", AGAIN) from error
    if manifest.format > FORMAT or (manifest.database_version or 0) > VERSION:
        raise WbcError(
            f"The backup {source} was made by a newer version of this program ({shown(manifest.program)}).",
            "Update the program first.",
        )
    for entry in entries:
        name = entry.filename
        if name == MANIFEST:
            continue
        if not is_kept(name):
            raise WbcError(f"The backup {source} holds {shown(name)}, which no backup holds.", AGAIN)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            raise WbcError(f"The backup {source} holds {shown(name)}, which is a link or no file.", AGAIN)
        if entry.compress_type not in _PACKED or entry.flag_bits & _ENCRYPTED:
            raise WbcError(f"The backup {source} holds {shown(name)} packed in another way than backups are.", AGAIN)
        if name not in manifest.files or manifest.files[name].bytes != entry.file_size:
            raise WbcError(f"The backup {source} holds {shown(name)} otherwise than its manifest says.", AGAIN)
    missing = sorted(set(manifest.files) - {entry.filename for entry in entries})
    if missing:
        raise WbcError(f"The backup {source} lacks {shown(missing[0])}, which its manifest names.", AGAIN)
    return manifest


def shown(name: str) -> str:
    """Return a name from an archive as it may stand in a message: printable and short."""
    return repr(name[:80])
