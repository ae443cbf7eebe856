"""The members of zip and tar archives, one after the other, without trust in what their headers claim.

Only plain stored and deflated data are read, since other methods may claim gigabytes of memory for their dictionaries.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wbc_core.datasets.file_names import DISTRUST, PACK_AGAIN, shown
from wbc_core.errors import DatasetError

CHUNK = 1 << 20
"""Bytes read at once."""

_LARGEST_READ = 1 << 24


@dataclass(frozen=True)
class Entry:
    """One member: its name as the archive writes it, and how to open it."""

    name: str
    is_folder: bool
    open: Callable[[], IO[bytes]]


def zip_entries(archive: Path, mind: Callable[[int], None]) -> Iterator[Entry]:
    """Yield a zip archive's members; `mind` is for archives that are read as one stream.

    Raises
    ------
    DatasetError
        If a member is a link, a device, encrypted or packed with an unusual method.
    """
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _special(info.filename)
            if info.flag_bits & 0x1:
                raise DatasetError(
                    f"The archive is encrypted: {shown(info.filename)} needs a password.",
                    "Unpack it yourself and name the folder.",
                )
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DatasetError(f"{shown(info.filename)} is packed with an unusual method.", PACK_AGAIN)

            def stream(info: zipfile.ZipInfo = info) -> IO[bytes]:
                return opened.open(info)

            yield Entry(info.filename, info.is_dir(), stream)


def tar_entries(archive: Path, mind: Callable[[int], None]) -> Iterator[Entry]:
    """Yield a tar archive's members; `mind` is told how many bytes have been unpacked and raises if they are too many.

    Raises
    ------
    DatasetError
        If a member is a link or a device.
    """
    packed = archive.name.lower().endswith(("gz",))
    with gzip.open(archive) if packed else archive.open("rb") as raw:
        forward = _ForwardReader(raw, mind)
        last = -1
        # Read as a file that only moves on: tarfile follows sizes that headers claim.
        with tarfile.TarFile(fileobj=forward, mode="r") as opened:  # type: ignore[arg-type]
            for info in opened:
                if info.offset <= last:
                    raise tarfile.ReadError("the headers lead backwards")
                last = info.offset
                opened.members = []  # type: ignore[attr-defined]  # else every header stays in memory
                if info.isdir():
                    yield Entry(info.name, True, _nothing)
                    continue
                if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
                    raise _special(info.name)

                def stream(info: tarfile.TarInfo = info) -> IO[bytes]:
                    content = opened.extractfile(info)
                    if content is None:
                        raise tarfile.ReadError("no content")
                    return content

                yield Entry(info.name, False, stream)


class _ForwardReader:
    """A stream that is only read forwards, in pieces of bounded size, and counted."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, mind: Callable[[int], None]) -> None:
        self._stream, self._mind, self._position = stream, mind, 0

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0 or offset < self._position:
            raise tarfile.ReadError("the archive leads backwards")
        while self._position < offset and self.read(min(CHUNK, offset - self._position)):
            pass
        return self._position

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= _LARGEST_READ:
            raise tarfile.ReadError("a header claims an impossible size")
        data = self._stream.read(count)
        self._position += len(data)
        self._mind(self._position)
        return data

    def close(self) -> None:
        """Leave the stream to its owner."""


def _nothing() -> IO[bytes]:
    raise tarfile.ReadError("no content")


def _special(name: str) -> DatasetError:
    return DatasetError(f"The archive holds a link or a device, {shown(name)}.", DISTRUST)
