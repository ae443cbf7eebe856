"""Where the picture comes from: an upload, the camera, or a drawn sample."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from wbc_core.biology.statements import NO_PATIENT_DATA
from wbc_core.services.access import may
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.ui.login import show_lock
from wbc_core.ui.sample_gallery import show_gallery
from wbc_core.ui.samples import sample_name, sample_png

FILE_TYPES = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]
UPLOAD, CAMERA, SAMPLES = "Upload", "Camera", "Samples"
TABS_KEY = "single_source"
SAMPLE_KEY = "single_sample"


@dataclass(frozen=True)
class Picture:
    """A picture that waits to be classified: the bytes of its file, its name, and whether it was drawn."""

    data: bytes
    name: str
    synthetic: bool = False


def choose_sample(label: str) -> None:
    """Take the drawn sample of a type as the picture."""
    st.session_state[SAMPLE_KEY] = label
    st.session_state[TABS_KEY] = SAMPLES


def ask_for_picture() -> Picture | None:
    """Show the three ways to give a picture; the open one counts.

    Returns
    -------
    Picture or None
        None as long as the open tab has no picture.
    """
    if not may(Action.CLASSIFY):  # a viewer looks at the drawn samples alone
        st.session_state.setdefault(TABS_KEY, SAMPLES)
    upload, camera, samples = st.tabs([UPLOAD, CAMERA, SAMPLES], key=TABS_KEY, on_change="rerun")
    picture = None
    with upload:
        uploaded = st.file_uploader(
            f"One picture of one stained cell, up to {settings().max_upload_mb} MB"
            " (JPEG, PNG, BMP, TIFF or WebP). Drop it here or browse.",
            type=FILE_TYPES,
            max_upload_size=settings().max_upload_mb,
            key="single_upload",
            disabled=not may(Action.CLASSIFY),
        )
        st.markdown(f":material/privacy_tip: {NO_PATIENT_DATA}")
        show_lock(Action.CLASSIFY)
        if upload.open and uploaded is not None:
            picture = Picture(uploaded.getvalue(), uploaded.name)
    if camera.open:  # only then, because the widget asks for the camera as soon as it is shown
        with camera:
            st.caption("Hold the camera to the eyepiece until one cell fills about half of the picture.")
            photo = st.camera_input(
                "Take a picture through the microscope",
                key="single_camera",
                resolution="1080p",
                width=560,
                disabled=not may(Action.CLASSIFY),
            )
            if photo is not None:
                picture = Picture(photo.getvalue(), "camera.jpg")
    if samples.open:  # eight pictures that a visitor with an own one need not wait for
        with samples:
            show_gallery("single", choose_sample, columns=8)
    if samples.open and SAMPLE_KEY in st.session_state:
        label = st.session_state[SAMPLE_KEY]
        picture = Picture(sample_png(label), sample_name(label), synthetic=True)
    return picture
