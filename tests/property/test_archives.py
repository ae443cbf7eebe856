"""Whatever an archive holds: files inside the folder, or a ``WbcError``; nothing anywhere else."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wbc_core.datasets.archives import Limits, Unpacked, unpack
from wbc_core.datasets.contents import contents_of
from wbc_core.datasets.installing import install
from wbc_core.errors import DatasetError, WbcError

WANTED = (".jpg", ".png", ".csv", ".zip")
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile writes what is refused here
TIGHT = Limits(members=60, total_bytes=200_000, file_bytes=100_000, ratio=50, ratio_from=20_000)


@contextmanager
def guarded() -> Iterator[Path]:
    """Give a folder to work in, and look afterwards that nothing was written around it."""
    with tempfile.TemporaryDirectory() as outer:
        middle = Path(outer) / "a" / "b"
        (middle / "target").mkdir(parents=True)
        (middle / "beside.txt").write_text("untouched")
        yield middle
        assert (middle / "beside.txt").read_text() == "untouched"
        assert {p.name for p in middle.iterdir()} <= {"target", "beside.txt", "x.zip", "x.tar", "x.tar.gz", "set"}
        assert [p.name for p in Path(outer).iterdir()] == ["a"]
        assert [p.name for p in (Path(outer) / "a").iterdir()] == ["b"]
        assert not any(path.is_symlink() for path in middle.rglob("*"))


def outcome(folder: Path, archive: Path, limits: Limits = TIGHT) -> Unpacked | None:
    """Unpack into the guarded folder; None if refused in words."""
    try:
        found = unpack(archive, folder / "target", WANTED, limits=limits)
    except WbcError as error:
        assert error.message.endswith(".")
        assert error.hint.endswith(".")
        assert error.message.isprintable()
        return None
    written = {path for path in (folder / "target").rglob("*") if path.is_file()}
    assert set(found.files.values()) == written
    for name in found.files:
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert name.encode("utf-8")
    return found


names = st.one_of(
    st.lists(
        st.sampled_from(["..", ".", "", "a", "B", "Train", "C:", "~", "nul", "a" * 300, "é", "\\", "..\\x", "x\ny"]),
        min_size=1,
        max_size=6,
    ).map(lambda parts: "/".join(parts) + ".jpg"),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).map(lambda s: s + ".PNG"),
    st.sampled_from(["/etc/passwd.jpg", "..\\..\\x.jpg", "C:\\x.jpg", "\\\\host\\x.jpg", "a/../../x.jpg", "./x.jpg"]),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(names, st.binary(max_size=40)), max_size=6))
def test_member_names_of_zip_archives(members):
    with guarded() as folder:
        with zipfile.ZipFile(folder / "x.zip", "w") as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name), data)
        outcome(folder, folder / "x.zip")


@settings(max_examples=150)
@given(st.lists(st.tuples(names, st.binary(max_size=40), st.sampled_from(list(range(8)))), max_size=6))
def test_member_names_and_kinds_of_tar_archives(members):
    with guarded() as folder:
        with tarfile.open(folder / "x.tar", "w") as archive:
            for name, data, kind in members:
                info = tarfile.TarInfo(name)
                info.type = str(kind).encode()
                info.linkname = "../../beside.txt"
                info.size = len(data) if kind == 0 else 0
                archive.addfile(info, io.BytesIO(data))
        found = outcome(folder, folder / "x.tar")
        if any(kind not in (0, 5) for _, _, kind in members):
            assert found is None


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Train/a.jpg", b"picture" * 50)
        archive.writestr("Train/b.PNG", bytes(range(256)))
        archive.writestr("labels.csv", b"file,label\n")
    return buffer.getvalue()


def tar_bytes(packed: bool) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (("a.jpg", b"picture" * 50), ("é" * 80 + ".png", bytes(700)), ("l.csv", b"file,label\n")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0) if packed else buffer.getvalue()


SEEDS = {"x.zip": zip_bytes(), "x.tar": tar_bytes(False), "x.tar.gz": tar_bytes(True)}


def test_the_seeds_themselves_are_unpacked():
    for name, data in SEEDS.items():
        with guarded() as folder:
            (folder / name).write_bytes(data)
            found = outcome(folder, folder / name)
            assert found is not None and len(found.files) == 3 and not found.damaged


def repair_tar(data: bytes) -> bytes:
    """Recompute the checksums of a tar's headers, so that damage reaches the reader instead of the check before it."""
    changed = bytearray(data)
    for at in range(0, len(changed) - 511, 512):
        if changed[at + 257 : at + 262] == b"ustar":
            changed[at + 148 : at + 156] = b" " * 8
            changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + 512])
    return bytes(changed)


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), min_size=1, max_size=5),
    st.integers(0, 4),
)
def test_overwritten_and_cut_archives(name, patches, cut):
    seed = tar_bytes(False) if name != "x.zip" else SEEDS[name]
    changed = bytearray(seed)
    for place, patch in patches:
        at = int(place * len(seed))
        changed[at : at + len(patch)] = patch
    data = bytes(changed) if name == "x.zip" else repair_tar(bytes(changed))
    data = data[: len(data) * (9 - cut) // 9] if cut > 2 else data
    with guarded() as folder:
        (folder / name).write_bytes(gzip.compress(data) if name == "x.tar.gz" else data)
        outcome(folder, folder / name)


@settings(max_examples=150)
@given(st.sampled_from(sorted(SEEDS)), st.binary(max_size=400), st.booleans())
def test_random_bytes(name, data, after_signature):
    signature = SEEDS[name][:40] if after_signature else b""
    with guarded() as folder:
        (folder / name).write_bytes(signature + data)
        outcome(folder, folder / name)
        try:
            install(folder / name, folder / "set", limits=TIGHT)
        except WbcError:
            assert not (folder / "set").exists()


def entry(name: str, mode: int = 0, **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([(entry("/abs.jpg"), b"x")], 'absolute path, "/abs.jpg"'),
        ([(entry("C:\\x.jpg"), b"x")], "absolute path"),
        ([(entry("a/../../x.jpg"), b"x")], 'leads out of its folder, "a/../../x.jpg"'),
        ([(entry("..\\x.exe"), b"x")], "leads out of its folder"),
        ([(entry("l.jpg", stat.S_IFLNK | 0o777), b"/etc/passwd")], 'link or a device, "l.jpg"'),
        ([(entry("d.jpg", stat.S_IFCHR | 0o600), b"")], "link or a device"),
        ([(entry("a" * 1100 + ".jpg"), b"x")], "1,104 characters"),
        ([(entry("a.jpg"), b"x"), (entry("./a.jpg"), b"y")], 'two files named "a.jpg"'),
        ([(entry("a.jpg", compress_type=zipfile.ZIP_LZMA), b"x" * 99)], "unusual method"),
        ([(entry(f"{n}.txt"), b"") for n in range(61)], "unfolds to more than 60 files"),
        ([(entry(f"{n}.jpg"), b"x" * 90_000) for n in range(3)], "unfolds to more than 0.0002 GB"),
        ([(entry("a.jpg", compress_type=zipfile.ZIP_DEFLATED), bytes(90_000))], "more than 50 times its size"),
    ],
)
def test_a_refusal_says_what_is_wrong(members, words, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for info, data in members:
            archive.writestr(info, data)
    with pytest.raises(DatasetError) as caught:
        unpack(tmp_path / "x.zip", tmp_path / "target", WANTED, limits=TIGHT)
    assert words in caught.value.message


def test_a_password_is_named(tmp_path):
    data = bytearray(zip_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DatasetError, match=r'encrypted: "Train/a\.jpg" needs a password'):
        unpack(tmp_path / "x.zip", tmp_path / "target", WANTED)


def test_a_bomb_is_stopped_while_it_unfolds_whatever_its_header_says(tmp_path):
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = zeros.compress(bytes(30_000_000)) + zeros.flush()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("bomb.jpg", b"")
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(body), 0xFFFFFFF0, 8, 0) + b"bomb.jpg"
    central = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(body), 0xFFFFFFF0, 8, 0, 0, 0, 0, 0, 0
    )
    data = local + body
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(central) + 8, len(data), 0)
    (tmp_path / "x.zip").write_bytes(data + central + b"bomb.jpg" + end)
    limits = Limits(ratio=50, ratio_from=2_000_000)
    with pytest.raises(DatasetError, match="more than 50 times its size"):
        unpack(tmp_path / "x.zip", tmp_path / "target", WANTED, limits=limits)
    assert sum(path.stat().st_size for path in (tmp_path / "target").iterdir()) < 5_000_000


@pytest.mark.parametrize("kind", [b"x", b"L", b"0"])
def test_a_tar_header_that_claims_gigabytes_takes_no_memory(tmp_path, kind):
    info = tarfile.TarInfo("a.jpg")
    info.type, info.size = kind, 8_000_000_000
    with gzip.open(tmp_path / "x.tar.gz", "wb") as target:
        target.write(info.tobuf())
        for _ in range(40):
            target.write(bytes(1 << 20))
    with pytest.raises(DatasetError):
        unpack(tmp_path / "x.tar.gz", tmp_path / "target", WANTED, limits=Limits(ratio_from=10_000_000))


def test_one_damaged_member_is_reported_and_the_others_are_unpacked(tmp_path):
    data = bytearray(zip_bytes())
    at = data.index(b"b.PNG") + 5
    data[at + 20] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(data)
    found = unpack(tmp_path / "x.zip", tmp_path / "target", WANTED)
    assert found.damaged == {"Train/b.PNG": "is damaged in the archive"}
    assert sorted(found.files) == ["Train/a.jpg", "labels.csv"]


def packed(path: Path, members: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


def test_archives_in_an_archive_are_opened_one_level_deep(tmp_path):
    inner = packed(tmp_path / "i.zip", {"neutrophil/a.jpg": b"x", "readme.docx": b"x"})
    packed(tmp_path / "outer.zip", {"Train.zip": inner, "TestA.ZIP": inner, "licence.docx": b"free"})
    contents = contents_of(tmp_path / "outer.zip", tmp_path / "scratch")
    assert [member.name for member in contents.members] == ["TestA/neutrophil/a.jpg", "Train/neutrophil/a.jpg"]
    deeper = packed(tmp_path / "d.zip", {"Train.zip": packed(tmp_path / "m.zip", {"x.zip": inner})})
    packed(tmp_path / "deep.zip", {"all.zip": deeper})
    with pytest.raises(DatasetError, match="archives within archives within archives"):
        contents_of(tmp_path / "deep.zip", tmp_path / "scratch2")


def test_an_archive_beside_pictures_is_left_alone_and_said_to_be(tmp_path):
    inner = packed(tmp_path / "i.zip", {"neutrophil/a.jpg": b"x"})
    packed(tmp_path / "outer.zip", {"monocyte/b.jpg": b"x", "more.zip": inner})
    contents = contents_of(tmp_path / "outer.zip", tmp_path / "scratch")
    assert [member.name for member in contents.members] == ["monocyte/b.jpg"]
    assert [(each.file, each.reason[:14]) for each in contents.skipped] == [("more.zip", "is an archive ")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Train.rar", "is a .rar archive, which is not read here"),
        ("cells.docx", "is neither a folder nor an archive"),
        ("gone.zip", "There is nothing at"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path, name, words):
    if name != "gone.zip":
        (tmp_path / name).write_bytes(b"Rar!")
    with pytest.raises(DatasetError, match=words):
        contents_of(tmp_path / name, tmp_path / "scratch")


def test_names_in_odd_encodings_are_imported(tmp_path):
    """A zip made on an old system: names in code page 437, and bytes in a tar that are no text at all."""
    data = packed(tmp_path / "x.zip", {"monocyte/XX.png": b""}).replace(b"XX", b"\x81\x9a")
    (tmp_path / "x.zip").write_bytes(data)
    assert sorted(unpack(tmp_path / "x.zip", tmp_path / "a", WANTED).files) == ["monocyte/üÜ.png"]
    info = tarfile.TarInfo("monocyte/XX.png")
    header = repair_tar(info.tobuf(tarfile.GNU_FORMAT).replace(b"XX", b"\xff\xfe"))
    (tmp_path / "x.tar").write_bytes(header + bytes(1024))
    assert sorted(unpack(tmp_path / "x.tar", tmp_path / "b", WANTED).files) == ["monocyte/??.png"]
