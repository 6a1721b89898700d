"""The home page: what there is, each with one picture made by the model that ships."""

from __future__ import annotations

import streamlit as st

from core import discovery
from core.types import Problem
from explorer import exports, pages
from explorer.live import render, store
from explorer.live.protocol import Dial

WIDE = 384
"""Pixels of the picture where the field comes in several sizes."""
SEED = 7


@st.cache_data(show_spinner=False, max_entries=32)
def cover(name: str, digest: str) -> tuple[bytes, float]:
    """PNG of one structure at the defaults, and the seconds it took to make; cached for each version of a checkpoint."""
    model = store.MODELS.get(name)
    assert digest == model.digest, "the digest is part of the cache's key"
    fitting = [s for s in store.sizes(model) if s <= WIDE]
    timed = store.timed(model, Dial(seed=SEED))
    sample = store.take(model, Dial(seed=SEED, size=max(fitting, default=model.field.shape[0])))
    return exports.png(render.picture(model.field, sample), model.field, 2), timed


def card(problem: Problem) -> None:
    """One problem: its picture, its sentence, a door; or what to do when its model is not there."""
    name = f"{problem.name}/{problem.presets[0].name}"
    picture, text = st.columns([5, 6], gap="large", vertical_alignment="center")
    try:
        model = store.MODELS.get(name)
        image, seconds = cover(name, model.digest)
    except (FileNotFoundError, ValueError) as error:
        text.subheader(problem.title)
        text.warning(str(error))
        return
    picture.image(image, width="stretch", alt=f"{problem.title}, made by the model")
    with text:
        st.subheader(problem.title)
        st.write(problem.summary)
        size = model.field.shape[0]
        st.caption(f"Made here, by the model that ships: {1e3 * seconds:.0f} ms per sample of {size} × {size} px on this machine.")
        door = st.Page(pages.view(problem.name), url_path=problem.name, title=problem.title)
        st.page_link(door, label="Open and drag", icon=":material/tune:")
        st.caption(problem.citation)


def show() -> None:
    """The page."""
    st.title("Materials that hold what was asked", anchor=False)
    st.write(
        "Drag a slider and a structure with exactly the requested statistics follows. What is delivered is measured on the "
        "delivered array, and drawn beside held-out simulations."
    )
    names = discovery.problems()
    if not names:
        st.info("There is no problem in core/problems yet. Add a file that defines PROBLEM, and it appears here.")
    for name in names:
        card(discovery.problem(name))


if __name__ == "__main__":
    show()
