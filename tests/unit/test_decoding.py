"""Decoding promises: known pixels for every kind of picture, one exact sentence and a hint for every bad file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from wbc_core.errors import ImageError
from wbc_core.imaging import decoding
from wbc_core.imaging.decoding import decode_image, read_image
from wbc_core.imaging.recognition import plain_name

ACCEPTED = "Use a JPEG, PNG, BMP, TIFF or WebP picture."
ONE_FRAME = "Save one frame as PNG and use that."
COPY_AGAIN = "Copy or export it again from where it was taken."
CONVERT = "Save it as an 8-bit RGB TIFF or as PNG."


def smear(height: int = 40, width: int = 32) -> NDArray[np.uint8]:
    """A smooth picture whose every pixel differs from its mirror images."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([60 + 4 * columns, 80 + 3 * rows, 200 - 2 * rows - columns], axis=-1).astype(np.uint8)


def encode(pixels: NDArray[np.generic] | Image.Image, form: str, **options: object) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: its header may claim what its data does not hold."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(entries: dict[int, tuple[int, int, int]], tail: bytes = b"") -> bytes:
    """A little-endian TIFF made by hand from ``{tag: (type, count, value)}``; ``tail`` begins at byte 1000."""
    block = struct.pack("<H", len(entries))
    block += b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(entries.items()))
    return (b"II*\0" + struct.pack("<I", 8) + block + bytes(4)).ljust(1000, b"\0") + tail


GREY_TIFF = {256: (4, 1, 32), 257: (4, 1, 32), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 273: (4, 1, 1000)} | {
    277: (3, 1, 1),
    278: (4, 1, 32),
    279: (4, 1, 1024),
}


@pytest.mark.parametrize(
    ("form", "options", "name"),
    [
        ("PNG", {}, "PNG"),
        ("BMP", {}, "BMP"),
        ("TIFF", {}, "TIFF"),
        ("TIFF", {"compression": "tiff_lzw"}, "TIFF"),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, "TIFF"),
        ("TIFF", {"compression": "packbits"}, "TIFF"),
        ("TIFF", {"big_tiff": True}, "TIFF"),
        ("WEBP", {"lossless": True}, "WebP"),
    ],
)
def test_lossless_formats_keep_every_pixel(form: str, options: dict[str, object], name: str) -> None:
    decoded = decode_image(encode(smear(), form, **options))
    assert decoded.format == name
    assert (decoded.width, decoded.height) == (32, 40)
    assert decoded.notes == ()
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.flags.c_contiguous
    assert not decoded.pixels.flags.writeable
    np.testing.assert_array_equal(decoded.pixels, smear())


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_lossy_formats_stay_close(form: str, options: dict[str, object]) -> None:
    decoded = decode_image(encode(smear(), form, **options))
    assert np.abs(decoded.pixels.astype(int) - smear()).mean() < 4


UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.swapaxes(np.rot90(stored, 2), 0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_orientation_is_applied(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    lossless = {"lossless": True} if form == "WEBP" else {}
    decoded = decode_image(encode(smear(), form, exif=exif, **lossless))
    stored = decode_image(encode(smear(), form, **lossless)).pixels
    expected = UPRIGHT[orientation](stored)
    assert (decoded.height, decoded.width) == expected.shape[:2]
    np.testing.assert_array_equal(decoded.pixels, expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    np.testing.assert_array_equal(decode_image(encode(smear(), "PNG", exif=exif)).pixels, smear())


def test_damaged_exif_does_not_cost_the_picture() -> None:
    data = encode(smear(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(decode_image(data).pixels, smear())


GREY = smear()[..., 1]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # 1-bit and 8-bit grey become equal channels
        (encode(Image.fromarray(GREY > 128), "PNG"), np.where(GREY > 128, 255, 0)),
        (encode(Image.fromarray(GREY > 128), "BMP"), np.where(GREY > 128, 255, 0)),
        (encode(Image.fromarray(GREY > 128), "TIFF"), np.where(GREY > 128, 255, 0)),
        (encode(GREY, "PNG"), GREY),
        (encode(GREY, "TIFF"), GREY),
        (encode(GREY, "BMP"), GREY),
        # 16-bit grey that uses its whole range: 257 levels to one
        (encode(GREY.astype(np.uint16) * 257, "PNG"), GREY),
        (encode(GREY.astype(np.uint16) * 257, "TIFF"), GREY),
        (encode(GREY.astype(np.uint16) * 257, "TIFF", compression="tiff_lzw"), GREY),
    ],
)
def test_grey_becomes_equal_channels(data: bytes, expected: NDArray[np.generic]) -> None:
    decoded = decode_image(data)
    np.testing.assert_array_equal(decoded.pixels, np.repeat(expected[..., None], 3, axis=2))
    assert decoded.notes == ()


@pytest.mark.parametrize("depth", [8, 10, 12, 14])
@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("channels", ["grey", "colour"])
def test_camera_depth_in_a_16_bit_file_is_scaled(depth: int, ending: str, channels: str) -> None:
    pixels = GREY if channels == "grey" else smear()
    pixels = np.where(pixels == pixels.max(), 255, pixels).astype(np.float64)
    stored = np.round(pixels * (2**depth - 1) / 255).astype(np.uint16)
    done, data = cv2.imencode(ending, stored if channels == "grey" else stored[..., ::-1])
    assert done
    decoded = decode_image(data.tobytes())
    expected = np.repeat(pixels[..., None], 3, axis=2) if channels == "grey" else pixels
    assert np.abs(decoded.pixels - expected).max() <= 1
    assert decoded.notes == (f"The 16-bit file holds {depth}-bit values; they were scaled to the full range.",)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_16_bit_colour_of_full_range_needs_no_note(ending: str) -> None:
    _, data = cv2.imencode(ending, smear()[..., ::-1].astype(np.uint16) * 257)
    decoded = decode_image(data.tobytes())
    np.testing.assert_array_equal(decoded.pixels, smear())
    assert decoded.notes == ()


def test_16_bit_grey_with_alpha() -> None:
    samples = np.zeros((32, 32, 2), ">u2")
    samples[..., 0] = 4095
    samples[:, 16:, 1] = 65535
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    decoded = decode_image(png(32, 32, 16, 4, rows))
    assert (decoded.pixels == 255).all()  # half of it white by its value, half by the slide behind it
    assert decoded.notes == (
        "The 16-bit file holds 12-bit values; they were scaled to the full range.",
        "Transparent parts were placed on white.",
    )


def test_white_is_zero_tiff_is_inverted() -> None:
    stored = np.full((32, 32), 65535, "<u2")
    stored[0, 0] = 0
    data = tiff(GREY_TIFF | {258: (3, 1, 16), 262: (3, 1, 0), 279: (4, 1, 2048)}, stored.tobytes())
    decoded = decode_image(data)
    assert decoded.pixels[0, 0].tolist() == [255, 255, 255]
    assert decoded.pixels[5, 5].tolist() == [0, 0, 0]


def test_palette_gives_its_colours() -> None:
    image = Image.new("P", (30, 30))
    image.putpalette([200, 10, 20, 90, 100, 220])
    image.paste(1, (10, 0, 30, 30))
    for form in ("PNG", "BMP", "TIFF"):
        pixels = decode_image(encode(image, form)).pixels
        assert pixels[5, 5].tolist() == [200, 10, 20]
        assert pixels[5, 20].tolist() == [90, 100, 220]


def test_palette_transparency_lies_on_white() -> None:
    image = Image.new("P", (30, 30))
    image.putpalette([200, 10, 20, 90, 100, 220])
    image.paste(1, (10, 0, 30, 30))
    for transparency in (0, bytes([0, 255])):
        decoded = decode_image(encode(image, "PNG", transparency=transparency))
        assert decoded.pixels[5, 5].tolist() == [255, 255, 255]
        assert decoded.pixels[5, 20].tolist() == [90, 100, 220]
        assert decoded.notes == ("Transparent parts were placed on white.",)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_composited_over_white(form: str) -> None:
    stored = np.full((30, 30, 4), (100, 0, 200, 255), np.uint8)
    stored[:10, :, 3] = 0
    stored[10:20, :, 3] = 51  # a fifth
    decoded = decode_image(encode(stored, form, **({"lossless": True, "exact": True} if form == "WEBP" else {})))
    assert decoded.pixels[5, 5].tolist() == [255, 255, 255]
    assert decoded.pixels[15, 5].tolist() == [224, 204, 244]
    assert decoded.pixels[25, 5].tolist() == [100, 0, 200]
    assert decoded.notes == ("Transparent parts were placed on white.",)


def test_unused_alpha_does_not_hide_the_picture() -> None:
    stored = np.dstack([smear(), np.zeros((40, 32), np.uint8)])
    decoded = decode_image(encode(stored, "PNG"))
    np.testing.assert_array_equal(decoded.pixels, smear())
    assert decoded.notes == ("The transparency was ignored: it would hide the whole picture.",)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_the_right_way_round(form: str) -> None:
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))  # no cyan, full magenta and yellow: red
    red, green, blue = decode_image(encode(image, form)).pixels[16, 16].tolist()
    assert red > 250
    assert max(green, blue) < 5


def test_lab_tiff_becomes_srgb() -> None:
    image = Image.new("LAB", (32, 32), (138, 208, 195))  # L* 54, a* 80, b* 67: pure red of sRGB, in D50
    red, green, blue = decode_image(encode(image, "TIFF")).pixels[16, 16].tolist()
    assert red > 240
    assert max(green, blue) < 40


def test_several_pages_use_the_first_and_say_so() -> None:
    data = encode(smear(), "TIFF", save_all=True, append_images=[Image.new("RGB", (50, 50))])
    decoded = decode_image(data)
    np.testing.assert_array_equal(decoded.pixels, smear())
    assert decoded.notes == ("The file has several pages; the first one is used.",)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("cell.jpg", ("The name ends in .jpg, but the content is PNG.",)),
        ("cell.TIFF", ("The name ends in .tiff, but the content is PNG.",)),
        ("cell.PNG", ()),
        ("cell", ()),
        ("cell.dat", ()),
    ],
)
def test_content_decides_and_a_wrong_ending_is_noted(name: str, note: tuple[str, ...]) -> None:
    decoded = decode_image(encode(smear(), "PNG"), name)
    assert decoded.format == "PNG"
    assert decoded.notes == note


@pytest.mark.parametrize(
    ("data", "microns"),
    [
        (encode(smear(), "TIFF", resolution_unit=3, resolution=100_000), 0.1),  # pixels per centimetre
        (encode(smear(), "TIFF", resolution_unit=2, resolution=254_000), 0.1),  # pixels per inch
        (encode(smear(), "TIFF", resolution_unit=2, resolution=300), None),  # a print resolution
        (encode(smear(), "TIFF", resolution_unit=3, x_resolution=100_000, y_resolution=50_000), None),
        (encode(smear(), "TIFF", description='<Pixels PhysicalSizeX="0.065" PhysicalSizeXUnit="um"/>'), 0.065),
        (
            # OME-XML is UTF-8; Pillow writes ASCII only
            encode(smear(), "TIFF", description='<Pixels PhysicalSizeX="0.065" PhysicalSizeXUnit="@@m"/>').replace(
                b"@@m", "µm".encode()
            ),
            0.065,
        ),
        (encode(smear(), "TIFF", description='<Pixels PhysicalSizeX="65" PhysicalSizeXUnit="nm"/>'), 0.065),
        (encode(smear(), "TIFF", description="ImageJ=1.53\nunit=micron\n", resolution_unit=1, resolution=10), 0.1),
        (encode(smear(), "PNG", dpi=(254_000, 254_000)), 0.1),
        (encode(smear(), "PNG", dpi=(72, 72)), None),
        (encode(smear(), "JPEG", dpi=(25_400, 25_400)), None),  # a JPEG's resolution is not trusted by itself
        (encode(smear(), "PNG"), None),
    ],
)
def test_scale_is_taken_only_where_a_microscope_can_have_it(data: bytes, microns: float | None) -> None:
    assert decode_image(data).microns_per_pixel == (None if microns is None else pytest.approx(microns, rel=1e-3))


def _with_exif_resolution(per_centimetre: int) -> bytes:
    exif = Image.Exif()
    exif[282] = exif[283] = float(per_centimetre)
    exif[296] = 3
    # JFIF segments of Pillow state the shape of a pixel alone.
    return encode(smear(), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("data", "microns"),
    [
        (encode(smear(), "JPEG", dpi=(254, 254)), 100.0),
        (encode(smear(), "JPEG", dpi=(72, 72)), 352.8),
        (_with_exif_resolution(50_000), 0.2),
        (encode(smear(), "JPEG"), None),
        (encode(smear(), "JPEG", dpi=(72, 144)), None),  # pixels are not square
        (encode(smear(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), None),
        (encode(smear(), "PNG", dpi=(72, 72)), 352.8),
        (encode(smear(), "TIFF", description='<Pixels PhysicalSizeX="65" PhysicalSizeXUnit="nm"/>'), 0.065),
    ],
)
def test_what_a_file_states_is_known_though_it_is_a_screens(data: bytes, microns: float | None) -> None:
    stated = decode_image(data).stated_microns_per_pixel
    assert stated == (None if microns is None else pytest.approx(microns, rel=1e-3))


def huge_png() -> bytes:
    """20,000 × 20,000 grey pixels, complete and valid, in some 200 kB."""
    packer = zlib.compressobj(9)
    block = packer.compress(bytes(20_001 * 1000))
    body = block + b"".join(packer.compress(bytes(20_001 * 1000)) for _ in range(19)) + packer.flush()
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    parts = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animation(form: str) -> bytes:
    frames = [Image.fromarray(np.roll(smear(), shift, axis=0)) for shift in (0, 3, 6)]
    return encode(frames[0], form, save_all=True, append_images=frames[1:], duration=100, loop=0)


JPEG = encode(smear(120, 120), "JPEG", quality=90)
DAMAGED = "'cell.jpg' is cut off, damaged or an unusual kind of JPEG."
NOT_A_PICTURE = "'cell.jpg' is not an accepted picture: it looks like {}."


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "'cell.jpg' is empty.", "Choose the file again; its copy or upload may have been interrupted."),
        (b"patient notes, not a picture\n", NOT_A_PICTURE.format("a text file"), ACCEPTED),
        ("BM is the start of this text, grüße".encode(), NOT_A_PICTURE.format("a text file"), ACCEPTED),
        (JPEG[: len(JPEG) // 2], DAMAGED, COPY_AGAIN),
        (JPEG[: len(JPEG) // 2] + b"\xff\xd9", DAMAGED, COPY_AGAIN),  # an end marker makes it no more whole
        (JPEG[:60], DAMAGED, COPY_AGAIN),
        (JPEG[:3], DAMAGED, COPY_AGAIN),
        (
            huge_png(),
            "'cell.jpg' has 20,000 × 20,000 pixels (400 megapixels); the limit is 50.",
            "Crop it to the cell or to one field and try again.",
        ),
        (animation("GIF"), NOT_A_PICTURE.format("an animated GIF"), ONE_FRAME),
        (encode(smear(), "GIF"), NOT_A_PICTURE.format("a GIF picture"), ONE_FRAME),
        (animation("PNG"), "'cell.jpg' is an animation.", "Save one frame as PNG or JPEG and use that."),
        (animation("WEBP"), "'cell.jpg' is an animation.", "Save one frame as PNG or JPEG and use that."),
        (
            encode(Image.new("RGB", (1, 1)), "PNG"),
            "'cell.jpg' has 1 × 1 pixels; at least 24 × 24 are needed to show a cell.",
            "Use the original picture, not a thumbnail.",
        ),
        (
            encode(Image.new("RGB", (300, 23)), "PNG"),
            "'cell.jpg' has 300 × 23 pixels; at least 24 × 24 are needed to show a cell.",
            "Use the original picture, not a thumbnail.",
        ),
        (
            encode(Image.new("L", (40_000, 24)), "PNG"),
            "'cell.jpg' has 40,000 × 24 pixels; no side may exceed 32,767.",
            "Crop it to the cell and try again.",
        ),
        (b"%PDF-1.7 ...", NOT_A_PICTURE.format("a PDF document"), ACCEPTED),
        (b"PK\x03\x04\x14\0", NOT_A_PICTURE.format("a ZIP archive or an Office document"), ACCEPTED),
        (b"\0\0\0\x18ftypheic\0\0\0\0", NOT_A_PICTURE.format("a HEIC picture"), ACCEPTED),
        (b"\0\0\0\x18ftypavif\0\0\0\0", NOT_A_PICTURE.format("an AVIF picture"), ACCEPTED),
        (b"\0\0\0\x18ftypisom\0\0\0\0", NOT_A_PICTURE.format("a video"), ACCEPTED),
        (bytes(128) + b"DICM", NOT_A_PICTURE.format("a DICOM file"), ACCEPTED),
        (b"ZISRAWFILE\0\0", NOT_A_PICTURE.format("a Zeiss CZI file"), ACCEPTED),
        (b"\0\0\0\x0cjP  \r\n", NOT_A_PICTURE.format("a JPEG 2000 picture"), ACCEPTED),
        (b"<?xml?><svg onload=alert(1)>", NOT_A_PICTURE.format("an SVG drawing"), ACCEPTED),
        (b"<!DOCTYPE html><p>", NOT_A_PICTURE.format("a web page"), ACCEPTED),
        (b"\0\1\2\3 unknown", NOT_A_PICTURE.format("a file of unknown kind"), ACCEPTED),
        (
            encode(GREY.astype(np.float32), "TIFF"),
            "'cell.jpg' holds 32-bit floating-point values, whose black and white are not stated.",
            CONVERT,
        ),
        (
            encode(GREY.astype(np.int32), "TIFF"),
            "'cell.jpg' holds 32-bit values, whose black and white are not stated.",
            CONVERT,
        ),
        (
            encode(Image.fromarray(GREY > 128), "TIFF", compression="group4"),
            "'cell.jpg' uses a TIFF compression that is not supported (number 4).",
            CONVERT,
        ),
        (
            tiff(GREY_TIFF | {254: (4, 1, 1)}, bytes(1024)),
            "'cell.jpg' begins with a thumbnail page.",
            "Export the full picture as TIFF or PNG.",
        ),
    ],
)
def test_bad_file_gets_one_sentence_and_a_hint(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(data, "cell.jpg")
    assert caught.value.message == message
    assert caught.value.hint == hint


def test_too_many_bytes_are_refused_before_anything_else() -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(bytes(300_000_000), "field.tif")
    assert caught.value.message == "'field.tif' has 300 MB; the limit is 25 MB."
    assert caught.value.hint == "Crop it to the cell or save it as JPEG or PNG."


def test_limits_can_be_given() -> None:
    data = encode(smear(100, 100), "PNG")
    with pytest.raises(ImageError) as caught:
        decode_image(bytes(50_001), max_bytes=50_000)
    assert caught.value.message == "'image' has 0.06 MB; the limit is 0.05 MB."
    with pytest.raises(ImageError) as caught:
        decode_image(data, max_pixels=5000)
    assert caught.value.message == "'image' has 100 × 100 pixels (0.01 megapixels); the limit is 0.005."
    assert decode_image(data, max_bytes=len(data), max_pixels=10_000).width == 100


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_cut_off_file_never_gives_part_of_a_picture(form: str, options: dict[str, object]) -> None:
    data = encode(smear(), form, **options)
    whole = decode_image(data).pixels
    lengths = range(1, len(data), max(1, len(data) // 150))
    refused = 0
    for length in lengths:
        try:
            # What is missing at the very end may be padding only: then every pixel must be right.
            np.testing.assert_array_equal(decode_image(data[:length]).pixels, whole)
        except ImageError:
            refused += 1
    assert refused > 0.9 * len(lengths)


def test_a_changed_png_pixel_is_noticed() -> None:
    data = bytearray(encode(smear(), "PNG"))
    data[data.index(b"IDAT") + 40] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        decode_image(bytes(data))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert('x')</script>.png", "<script>alert('x')</script>.png"),  # plain text, never interpreted
        ("a\r\nb\tc.png", "a b c.png"),
        ("\x1b[31mred\x07.png", "[31mred.png"),
        ("cell\u202egnp.exe", "cellgnp.exe"),  # turns the reading direction
        ("\ud800lone.png", "lone.png"),
        ("\u200b\0", "image"),
        ("", "image"),
        ("x" * 300 + ".png", "x" * 55 + "…" + "x" * 20 + ".png"),
        ("Präparat 7 ✓.png", "Präparat 7 ✓.png"),
    ],
)
def test_names_are_plain_and_short(name: str, shown: str) -> None:
    assert plain_name(name) == shown
    with pytest.raises(ImageError) as caught:
        decode_image(b"", name)
    assert caught.value.message == f"'{shown}' is empty."


@pytest.mark.parametrize(
    "entries",
    [
        {322: (4, 1, 65_536), 323: (4, 1, 65_536), 324: (4, 1, 1000), 325: (4, 1, 1024)},  # a tile of 4 gigapixels
        {322: (4, 1, 0), 323: (4, 1, 16), 324: (4, 1, 1000), 325: (4, 1, 1024)},
        {278: (4, 1, 1)},  # one strip where 32 are needed
        {278: (4, 1, 0)},
        {273: (4, 6_000_000, 1000)},  # six million strips
        {256: (4, 6_000_000, 1000)},
        {258: (3, 12_000_000, 1000)},
        {259: (3, 1, 8)},  # not deflated at all
    ],
)
def test_tiff_with_a_lying_directory_is_refused(entries: dict[int, tuple[int, int, int]]) -> None:
    assert decode_image(tiff(GREY_TIFF, bytes(1024))).width == 32
    with pytest.raises(ImageError, match="is cut off, damaged or an unusual kind of TIFF"):
        decode_image(tiff(GREY_TIFF | entries, bytes(100_000)))


def test_metadata_that_unfolds_to_much_never_reaches_the_decoder() -> None:
    bomb = zlib.compress(bytes(40_000_000), 9)
    rows = b"".join(b"\0" + row.tobytes() for row in smear(32, 32))
    extra = [(b"iCCP", b"x\0\0" + bomb), (b"zTXt", b"Comment\0\0" + bomb)] * 3
    decoded = decode_image(png(32, 32, 8, 2, rows, *extra))
    np.testing.assert_array_equal(decoded.pixels, smear(32, 32))


def test_progressive_jpeg_with_thousands_of_scans_is_refused() -> None:
    data = encode(smear(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageError) as caught:
        decode_image(data[:-2] + scan * 1000 + data[-2:], "slow.jpg")
    assert caught.value.message == "'slow.jpg' has far more scans than a picture needs."


def test_large_run_length_bitmap_is_refused() -> None:
    header = b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, 3000, 3000, 1, 8, 1, 0, 0, 0, 0, 0)
    with pytest.raises(ImageError) as caught:
        decode_image(header + info + bytes(2000), "run.bmp")
    assert caught.value.message == "'run.bmp' is a run-length coded bitmap of unusual size."


def test_multi_picture_jpeg_of_a_phone_is_its_first_picture() -> None:
    first, second = Image.fromarray(smear()), Image.new("RGB", (32, 40))
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second], quality=95)
    decoded = decode_image(buffer.getvalue(), "phone.jpg")
    assert decoded.format == "JPEG"
    assert np.abs(decoded.pixels.astype(int) - smear()).mean() < 4


def test_nothing_of_the_metadata_is_kept() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Patient", "Jane Doe")
    decoded = decode_image(encode(smear(), "PNG", pnginfo=note), "cell.png")
    assert "Jane" not in repr(vars(decoded))


def test_running_out_of_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "to_rgb", exhausted)
    with pytest.raises(ImageError) as caught:
        decode_image(encode(smear(), "PNG"), "big.png")
    assert caught.value.message == "There is not enough memory to decode 'big.png'."


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "cell.png"
    path.write_bytes(encode(smear(), "PNG"))
    np.testing.assert_array_equal(read_image(path).pixels, smear())
    with pytest.raises(ImageError, match=r"^'cell.png' has 0.01 MB; the limit is 0.0001 MB"):
        read_image(path, max_bytes=100)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "'missing.png' was not found."),
        (".", "is a folder or a device."),
        ("nul\0.png", "'nul.png' "),
    ],
)
def test_files_that_cannot_be_opened(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / name)
    assert message in caught.value.message
