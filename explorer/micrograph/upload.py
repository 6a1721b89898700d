"""The upload that a session holds: the last one that could be read; what could not be is a sentence beside it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from core.descriptors import windows
from core.readers import uploads
from core.readers.curves import Curve
from core.readers.uploads import Picture

ENDINGS = ["png", "tif", "tiff", "npy", "h5", "hdf5", "mat", "csv", "txt", "tsv"]
HELD, SEEN, FLAW = "upload:held", "upload:seen", "upload:flaw"
EXAMPLE = "discs.png"
ABOUT = (
    "A grey picture (PNG, TIFF, NPY), the HDF5 file of Zenodo 2580293, or a two-point correlation: a table (CSV, "
    "PoreSpy's too) of "
    "distance and S2, or a map (NPY, as PyMKS makes it)."
)


@dataclass(frozen=True)
class Held:
    """What was read, from which bytes, and a number that tells this upload from all others of the session."""

    found: Picture | Curve
    name: str
    content: bytes
    serial: int


def take(name: str, content: bytes, number: int = 0, array: str = "") -> None:
    """Reads the bytes and holds them; where they cannot be used, what is held stays and a sentence is kept."""
    held: Held | None = st.session_state.get(HELD)
    try:
        found = uploads.read(name, content, number, array)
    except ValueError as error:
        st.session_state[FLAW] = f"{error} What was read before is still here." if held else str(error)
        return
    st.session_state[FLAW] = ""
    st.session_state[HELD] = Held(found, name, content, held.serial + 1 if held else 1)


def example() -> None:
    """Holds a picture of overlapping discs."""
    out = io.BytesIO()
    Image.fromarray(windows.example()).save(out, "PNG")
    take(EXAMPLE, out.getvalue())


def heading() -> None:
    """The title of the page, with the example beside it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown("##### Your micrograph", width="content")
        st.caption(
            "Measured here, and structures made that have exactly its volume fraction and correlation.", width="stretch"
        )
        st.button(
            "Try an example",
            on_click=example,
            icon=":material/grain:",
            help="Overlapping discs, made by code of our own.",
        )


def offer() -> Held | None:
    """The drop zone, and which picture of the file where it has several; what is held."""
    file = st.file_uploader(
        "Micrograph or correlation", ENDINGS, key="upload:file", label_visibility="collapsed", help=ABOUT
    )
    if file is not None and st.session_state.get(SEEN) != file.file_id:
        st.session_state[SEEN] = file.file_id
        take(file.name, file.getvalue())
    if flaw := st.session_state.get(FLAW):
        st.error(flaw, icon=":material/broken_image:")
    held: Held | None = st.session_state.get(HELD)
    if held and isinstance(held.found, Picture):
        another(held, held.found)
    return st.session_state.get(HELD)


def another(held: Held, picture: Picture) -> None:
    """Boxes for the array and the picture of a file that has several."""
    array, number = picture.array, picture.number
    if len(picture.arrays) > 1:
        array = st.selectbox("Array", picture.arrays, picture.arrays.index(array), key=f"upload:array:{held.serial}")
    if picture.count > 1:
        number = (
            st.number_input(
                f"Picture, of {picture.count}", 1, picture.count, number + 1, key=f"upload:no:{held.serial}"
            )
            - 1
        )
    if (array, number) != (picture.array, picture.number):
        take(held.name, held.content, number if array == picture.array else 0, array)
