"""A custom motif, drawn or uploaded, in digits that the network arranges around it; exact after correction."""

from __future__ import annotations

import numpy as np
import streamlit as st
from torch import Tensor

from core import discovery
from core.metrics.digits import motif_error
from core.sampling import Model
from core.sampling.custom_motif import with_motif
from core.simulation import motifs
from core.types import Array, Field
from explorer import palette, routes, session
from explorer.files import exports

WRITTEN = "#######\n#ooooo#\n#o###o#\n#o#.#o#\n#o###o#\n#ooooo#\n#######"
PICTURES, SCALE = 8, 8


@st.fragment
def show(name: str) -> None:
    """The section of the model `name`, whose generator takes the motif as input."""
    st.markdown("##### Custom motif")
    model = session.loaded(name)
    if model is None:
        return
    left, right = st.columns([3, 7], gap="large")
    with left:
        try:
            mask = read_mask()
            placed, seed, exact = place(mask, model.field)
        except ValueError as error:
            st.error(str(error), icon=":material/broken_image:")
            return
    with right:
        draw(with_motif(model, placed), placed, seed, exact)


def read_mask() -> Tensor:
    """The mask (h, w) from the file, else from the text; `ValueError` with a sentence."""
    help_ = (
        "At most 32 × 32 pixels, as grey values. Transparent pixels are free; if nothing is transparent, black ones "
        "are."
    )
    file = st.file_uploader("From a PNG", ["png"], key="motif:file", help=help_)
    text = st.text_area(
        "Or draw it: # white, o black, . free",
        WRITTEN,
        height=190,
        key="motif:text",
        disabled=file is not None,
        max_chars=1100,
    )
    return motifs.read(file.getvalue()) if file is not None else motifs.written(text)


def place(mask: Tensor, field: Field) -> tuple[Tensor, int, bool]:
    """The motif (H, W) at the chosen place, the seed, and whether it is corrected."""
    rows, columns = mask.shape
    most_x, most_y = field.shape[1] - columns, field.shape[0] - rows
    across, down, drawn = st.columns(3)
    x = across.number_input(
        "x", 0, most_x, min(2, most_x), key=f"motif:x:{columns}", help="Column of the left edge, px."
    )
    y = down.number_input("y", 0, most_y, min(2, most_y), key=f"motif:y:{rows}", help="Row of the upper edge, px.")
    seed = drawn.number_input("Seed", 0, 2**31 - 1, 0, key="motif:seed")
    label, help_text = discovery.problem("motif").projection.label, "Off: the output of the network before correction."
    exact = st.checkbox(label, True, key="motif:exact", help=help_text)
    return motifs.placed(mask, int(x), int(y), field.shape), int(seed), exact


def draw(model: Model, motif: Tensor, seed: int, exact: bool) -> None:
    """The images, the error on the motif, and the file."""
    sample = model.sample(n=PICTURES, seed=seed, project=exact)
    st.image(tiled(sample.array, model.field, routes.dark()), width="stretch", output_format="PNG")
    raw, made = (
        float(motif_error(arrays, motif.expand(PICTURES, *motif.shape)).mean())
        for arrays in (sample.soft[:, 0], sample.array)
    )
    pixels, share = int((motif >= 0).sum()), float((motif >= 0).float().mean())
    st.caption(
        f"Mean squared error on the {pixels} pixels of the motif: **{raw:.2g}** before correction, **{made:.2g}** as "
        "delivered."
    )
    most = motifs.BOX[1] ** 2 / motif.numel()
    if share > most:
        st.warning(
            f"The motif covers {100 * share:.0f} % of the image; in training, motifs covered at most {100 * most:.0f} "
            "%."
        )
    st.download_button(
        "NPY of these",
        exports.npy(sample.array),
        f"motif_own_seed{seed}.npy",
        "application/octet-stream",
        key="motif:npy",
        on_click="ignore",
        icon=":material/download:",
    )


def tiled(arrays: Array, field: Field, dark: bool) -> bytes:
    """Images (n, H, W) in two rows, as PNG."""
    framed = np.pad(palette.indices(field, arrays), ((0, 0), (1, 1), (1, 1)), constant_values=96)
    rows = [np.concatenate(list(row), 1) for row in np.split(framed, 2)]
    return exports.png(np.concatenate(rows), field, SCALE, dark)
