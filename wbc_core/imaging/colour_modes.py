"""From the values a picture file stores to upright 8-bit RGB.

- Transparent parts lie on white, the colour of an empty slide.
- 16-bit values are divided by the full scale of the smallest camera depth (8, 10, 12, 14 or 16 bits) that holds the
  brightest one. Cameras store 12 or 14 bits in 16-bit files, where the upper byte alone would be almost black;
  stretching each picture to its own range would instead hide over- and under-exposure and shift colours.
- CMYK comes from printing programs, inverted in JPEG as Adobe does; LAB is taken as CIE L*a*b* (D50), as TIFF says.
- Colour profiles are not applied: the networks are trained to bear other cameras' colours.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from wbc_core.imaging.headers import Header, RefusedContent

CAMERA_DEPTHS: Final = (8, 10, 12, 14, 16)
"""Bits per sample that cameras deliver."""


def orient(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn stored pixels upright.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        As stored.
    orientation : int
        1 to 8: where the stored first row and first column belong (CIPA DC-008, tag 274).

    Returns
    -------
    ndarray of uint8, shape (height, width, 3) or (width, height, 3)
        A view.
    """
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    return pixels.transpose(1, 0, 2) if orientation >= 5 else pixels


def to_rgb(image: Image.Image, header: Header) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert a loaded picture of any accepted kind to RGB.

    Parameters
    ----------
    image : Image
        As Pillow decoded it.
    header : Header
        What its file states.

    Returns
    -------
    image : Image
        Mode RGB.
    notes : tuple of str
        Sentences on what was assumed.

    Raises
    ------
    RefusedContent
        If 16-bit colour is stored in a way that cannot be read reliably.
    """
    notes: list[str] = []
    if header.bits == 16:
        image, depth = _from_16_bits(image, header)
        if depth < 16:
            notes.append(f"The 16-bit file holds {depth}-bit values; they were scaled to the full range.")
    if image.mode == "LAB":
        return _from_lab(image), tuple(notes)
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
        return image if image.mode == "RGB" else image.convert("RGB"), tuple(notes)
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    if not alpha.any():
        # Some programs leave an unused alpha channel at zero; taken at its word it would hide the whole picture.
        notes.append("The transparency was ignored: it would hide the whole picture.")
        return image.convert("RGB"), tuple(notes)
    if alpha.min() < 255:
        notes.append("Transparent parts were placed on white.")
    on_white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return on_white.convert("RGB"), tuple(notes)


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("LAB cannot be converted")
    return converted


def _from_16_bits(image: Image.Image, header: Header) -> tuple[Image.Image, int]:
    """Return the image with 8 bits per sample and the depth in bits that its values had."""
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)
        depth = _camera_depth(int(grey.max()))
        scaled = _scale(grey, depth)
        return Image.fromarray(255 - scaled if header.white_is_zero else scaled), depth
    if image.mode not in ("RGB", "LA", "RGBA"):
        return image, 16
    upper = np.asarray(image.convert("RGBA") if image.mode == "LA" else image)
    read = cv2.imdecode(np.frombuffer(header.payload, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is not None and read.dtype == np.uint16 and read.shape == upper.shape:
        colour: NDArray[np.uint16] = read.astype(np.uint16, copy=False)[..., [2, 1, 0, 3][: upper.shape[2]]]
        # Pillow keeps the upper bytes: both libraries must have read the same picture.
        if np.array_equal((colour >> 8).astype(np.uint8), upper):
            depth = _camera_depth(int(colour[..., :3].max()))
            scaled = _scale(colour, depth)
            scaled[..., 3:] = upper[..., 3:]
            return Image.fromarray(scaled), depth
    raise RefusedContent("stores 16-bit colour in an unusual way", "Save it as an 8-bit RGB TIFF or as PNG.")


def _camera_depth(brightest: int) -> int:
    return next(depth for depth in CAMERA_DEPTHS if brightest < 2**depth)


def _scale(values: NDArray[np.uint16], depth: int) -> NDArray[np.uint8]:
    """Map 0 to ``2 ** depth - 1`` onto 0 to 255, rounded; a table instead of floating-point pixels."""
    table = np.round(np.arange(2**16) * (255 / (2**depth - 1))).clip(0, 255).astype(np.uint8)
    scaled: NDArray[np.uint8] = table[values]
    return scaled
