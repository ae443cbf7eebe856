"""Whatever the bytes: a picture or a ``WbcError``, within seconds and within bounded memory.

Run as a program, this file decodes its mutated pictures and prints what happened as JSON. The memory test starts it so,
because a process's peak of memory can only be told apart from what came before it in a process of its own.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wbc_core.errors import WbcError
from wbc_core.imaging.decoding import LEAST_SIDE, LONGEST_SIDE, decode_image

MUTATIONS = 6000
MOST_MEMORY_MB = 64
"""Bound on the growth of peak memory over all mutations and bombs: pictures here may have 1 megapixel, for which
decoding needs some 20 MB (Pillow's 4 bytes a pixel, an RGBA copy, 16-bit samples twice); the rest is slack."""

MOST_PIXELS = 1_000_000


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def make_seeds() -> dict[str, list[bytes]]:
    """Small valid pictures of all five formats, many kinds each."""
    noise = np.random.default_rng(5).normal(0, 6, (48, 40, 3)).cumsum(axis=1)
    pixels = np.clip(noise + 180, 0, 255).astype(np.uint8)
    image, grey = Image.fromarray(pixels), Image.fromarray(pixels[..., 1])
    deep = Image.fromarray(pixels[..., 1].astype(np.uint16) * 100)
    exif = Image.Exif()
    exif[274] = 6
    colour_16 = pixels.astype(np.uint16) * 16
    return {
        "JPEG": [
            encode(image, "JPEG", quality=90, exif=exif),
            encode(image, "JPEG", progressive=True),
            encode(image.convert("CMYK"), "JPEG"),
            encode(grey, "JPEG", dpi=(300, 300)),
        ],
        "PNG": [
            encode(image, "PNG", exif=exif, dpi=(300, 300)),
            encode(image.convert("P"), "PNG", transparency=3),
            encode(image.convert("RGBA"), "PNG"),
            encode(image.convert("1"), "PNG"),
            encode(deep, "PNG"),
            cv2.imencode(".png", colour_16)[1].tobytes(),
        ],
        "BMP": [encode(image.convert(mode), "BMP") for mode in ("RGB", "P", "1", "RGBA")],
        "TIFF": [
            *(encode(image, "TIFF", compression=c) for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg")),
            encode(image.convert("CMYK"), "TIFF", compression="packbits"),
            encode(image.convert("P"), "TIFF", compression="tiff_lzw"),
            encode(image, "TIFF", big_tiff=True),
            encode(image, "TIFF", save_all=True, append_images=[image]),
            encode(deep, "TIFF"),
            cv2.imencode(".tif", colour_16)[1].tobytes(),
        ],
        "WebP": [
            encode(image, "WEBP"),
            encode(image, "WEBP", lossless=True, exif=exif),
            encode(image.convert("RGBA"), "WEBP"),
        ],
    }


SEEDS = make_seeds()


def repair_checksums(png: bytes) -> bytes:
    """Recompute a PNG's checksums, so that its damage reaches the decoder instead of the check before it."""
    parts, position = [png[:8]], 8
    while position + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, position)
        body = png[position + 4 : position + 8 + length]
        parts.append(png[position : position + 4] + body + struct.pack(">I", zlib.crc32(body)))
        position += 12 + length
    return b"".join(parts)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Cut, overwrite, insert, delete, or write extreme numbers, mostly into the header."""
    kind = chance.randrange(6)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    changed = bytearray(data)
    reach = 400 if chance.random() < 0.6 else len(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(min(reach, len(changed)))
        if kind in (1, 2):
            changed[at] = chance.randrange(256)
        elif kind == 3:
            extreme = chance.choice(["ffffffff", "00000000", "7fffffff", "ffffff7f", "0000ffff", "00100000"])
            changed[at : at + 4] = bytes.fromhex(extreme)
        elif kind == 4:
            start = chance.randrange(len(changed))
            changed[at:at] = changed[start : start + chance.randrange(1, 64)]
        elif len(changed) > 64:
            del changed[at : at + chance.randrange(1, 32)]
    mutated = bytes(changed)
    return repair_checksums(mutated) if mutated[1:4] == b"PNG" and chance.random() < 0.8 else mutated


def make_bombs() -> dict[str, bytes]:
    """Small files that claim or unfold to much."""
    jpeg, png, tiff, webp = (SEEDS[form][0] for form in ("JPEG", "PNG", "TIFF", "WebP"))
    frame = jpeg.index(b"\xff\xc0")
    zeros = zlib.compress(bytes(60_000_000), 9)
    wide = bytearray(png)
    wide[16:24] = struct.pack(">II", 60_000, 60_000)
    # Some 4 million fractions in an EXIF entry without JFIF before it: Pillow would unpack each into an object.
    entry = struct.pack("<HIHHII", 1, 0, 0x011A, 5, 4_000_000, 26)[:2] + struct.pack("<HHII", 0x011A, 5, 4_000_000, 26)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + entry + bytes(32_000_000)
    blocks = [exif[i : i + 65_000] for i in range(0, len(exif), 65_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(b) + 8) + b"Exif\0\0" + b for b in blocks)
    strips = bytearray(tiff)
    position = struct.unpack_from("<I", tiff, 4)[0] + 2
    for at in range(position, position + 12 * struct.unpack_from("<H", tiff, position - 2)[0], 12):
        if struct.unpack_from("<H", tiff, at)[0] in (273, 279):
            strips[at + 2 : at + 12] = struct.pack("<HII", 4, 4_000_000, 8)
    vp8x = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\x00" * 2
    return {
        "JPEG of 65,500 × 65,500": jpeg[: frame + 5] + struct.pack(">HH", 65_500, 65_500) + jpeg[frame + 9 :],
        "JPEG with 4 million EXIF fractions": jpeg[:2] + segments + jpeg[2:],
        "JPEG of a million empty comments": jpeg[:2] + b"\xff\xfe\0\2" * 1_000_000 + jpeg[2:],
        "PNG of 60,000 × 60,000": repair_checksums(bytes(wide)),
        "PNG whose pixels unfold to 60 MB": repair_checksums(
            png[:33] + struct.pack(">I", len(zeros)) + b"IDAT" + zeros + bytes(4) + png[33:]
        ),
        "PNG with a text of 60 MB": repair_checksums(
            png[:33] + struct.pack(">I", len(zeros) + 3) + b"zTXtx\0\0" + zeros + bytes(4) + png[33:]
        ),
        "PNG with a profile of 60 MB": repair_checksums(
            png[:33] + struct.pack(">I", len(zeros) + 3) + b"iCCPx\0\0" + zeros + bytes(4) + png[33:]
        ),
        "PNG of a million chunks": png[:33]
        + repair_checksums(b"x" * 8 + b"\0\0\0\0teXt\0\0\0\0" * 1_000_000)[8:]
        + png[33:],
        "TIFF of 4 million strips": bytes(strips) + bytes(16_000_000),
        "WebP of 16,384 × 16,384": b"RIFF" + struct.pack("<I", len(webp) + 10) + b"WEBP" + vp8x + webp[12:],
    }


def outcome(data: bytes) -> str:
    """Decode and say what came of it; only ``WbcError`` is caught."""
    try:
        decoded = decode_image(data, "mutated.jpg", max_bytes=64_000_000, max_pixels=MOST_PIXELS)
    except WbcError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert re.fullmatch(r"[^\n]+\.", refused.message)
        assert re.fullmatch(r"[^\n]+\.", refused.hint)
        return "refused"
    height, width = decoded.pixels.shape[:2]
    assert decoded.pixels.shape == (height, width, 3)
    assert decoded.pixels.dtype == np.uint8
    assert LEAST_SIDE <= min(height, width) <= max(height, width) <= LONGEST_SIDE
    assert height * width <= MOST_PIXELS
    return "decoded"


@settings(max_examples=500)
@given(st.binary(max_size=600))
def test_random_bytes(data: bytes) -> None:
    outcome(data)


@settings(max_examples=500)
@given(
    st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"II*\0\x08\0\0\0", b"BM          "]
    ),
    st.binary(max_size=400),
)
def test_random_bytes_after_a_real_signature(signature: bytes, rest: bytes) -> None:
    outcome(signature + rest)


@settings(max_examples=1000)
@given(
    st.sampled_from([seed for seeds in SEEDS.values() for seed in seeds]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
)
def test_overwritten_pictures(seed: bytes, patches: list[tuple[float, bytes]]) -> None:
    changed = bytearray(seed)
    for place, patch in patches:
        at = int(place * place * len(seed))  # squared: headers are hit more often
        changed[at : at + len(patch)] = patch
    outcome(repair_checksums(bytes(changed)) if seed[1:4] == b"PNG" else bytes(changed))


def run_alone(*arguments: str) -> str:
    """Run this file as a program of its own and return the last line it prints."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, __file__, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.splitlines()[-1]


def test_thousands_of_mutations_and_bombs_stay_within_time_and_memory(tmp_path: Path) -> None:
    # Made here and read there one by one: making them takes more memory than decoding them may.
    bombs = make_bombs()
    for name, bomb in bombs.items():
        (tmp_path / name).write_bytes(bomb)
    report = json.loads(run_alone(str(tmp_path)))
    assert set(report["outcomes"]) == set(SEEDS)
    for form, counts in report["outcomes"].items():
        # Both must occur in every format: else the mutations would be too mild or too crude to show anything.
        assert counts["decoded"] > 50, form
        assert counts["refused"] > 50, form
    assert sum(sum(counts.values()) for counts in report["outcomes"].values()) == MUTATIONS
    assert set(report["bombs"]) == set(bombs)
    assert report["slowest_s"] < 5, report
    assert report["growth_mb"] < MOST_MEMORY_MB, report


def test_the_measure_of_memory_sees_a_large_block() -> None:
    assert float(run_alone("--measure")) > 90


def peak_mb() -> float:
    """Peak resident memory of this process so far in MB.

    Linux hands the parent's peak down in ``ru_maxrss``, which would hide all growth below it; ``VmHWM`` starts anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure_a_block() -> None:
    before = peak_mb()
    block = b"x" * 100_000_000
    print(peak_mb() - before if block else 0)


def decode_everything(folder: Path) -> None:
    chance = random.Random(20)
    for seeds in SEEDS.values():
        for seed in seeds:
            assert outcome(seed) == "decoded"
    before, slowest = peak_mb(), 0.0
    results: dict[str, Counter[str]] = {form: Counter() for form in SEEDS}
    for number in range(MUTATIONS):
        form = list(SEEDS)[number % len(SEEDS)]
        data = mutate(chance.choice(SEEDS[form]), chance)
        start = time.perf_counter()
        results[form][outcome(data)] += 1
        slowest = max(slowest, time.perf_counter() - start)
    growth, bombs = peak_mb() - before, {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        start, at = time.perf_counter(), peak_mb()
        bombs[path.name] = (outcome(data), round(peak_mb() - at, 1))
        growth += peak_mb() - at
        slowest = max(slowest, time.perf_counter() - start)
        del data
    print(json.dumps({"outcomes": results, "slowest_s": slowest, "growth_mb": growth, "bombs": bombs}))


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        measure_a_block()
    else:
        decode_everything(Path(sys.argv[1]))
