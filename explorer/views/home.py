"""The home page: what there is, each with pictures made by the model that ships."""

from __future__ import annotations

import contextlib

import streamlit as st

from core import discovery
from core.sampling import Model
from core.types import Problem, Quantity
from explorer import routes
from explorer.files import exports
from explorer.live import frames, models
from explorer.live.dial import Dial, Value, resolve, sizes

WIDE = 192
"""Largest size of a picture here, in pixels of the field."""
SHARP = 384
"""Least height of a picture in screen pixels: small ones keep the edges of their cells."""
SEED = 3
MOST = 0.8
"""How far towards 1 a share grows here."""
SHARES = (0.1, 0.5, 0.85)
"""Where in the trained range of the first condition the pictures lie."""


def dials(model: Model) -> list[tuple[Dial, str]]:
    """Three dials that show the range: the first scalar condition at three values, else a growing first share of the
    first simplex; other seeds of the default request where there is neither, or the model refuses the value."""
    size = max((s for s in sizes(model) if s <= WIDE), default=model.field.shape[0])
    made = [(Dial(seed=SEED + i, size=size), f"seed {SEED + i}") for i in range(len(SHARES))]
    q = next((q for kind in ("scalar", "simplex") for q in model.conditions if q.kind == kind), None)
    for i, share in enumerate(SHARES if q else ()):
        assert q is not None
        value, caption = at(q, share)
        dial = Dial({q.name: value}, seed=SEED + i, size=size)
        with contextlib.suppress(ValueError):
            resolve(model, dial)
            made[i] = (dial, caption)
    return made


def at(q: Quantity, share: float) -> tuple[Value, str]:
    """The value at that share of the trained range, and the words for it; of a simplex the first component grows from
    its even share, the others stay alike."""
    low, high = q.trained or (q.low, q.high)
    if q.kind == "scalar":
        value = round((low + share * (high - low)) / q.step) * q.step
        return value, f"{q.label} {value:g} {q.unit}"
    first = round(1 / q.size + share * MOST * (1 - 1 / q.size), 2)
    values = (first, *[(1 - first) / (q.size - 1)] * (q.size - 1))
    return values, f"{q.label} {' / '.join(f'{v:.2g}' for v in values)}"


@st.cache_data(show_spinner=False, max_entries=32)
def covers(name: str, digest: str, dark: bool) -> tuple[list[tuple[bytes, str]], float]:
    """The pictures of a model (PNG, sentence below it) and its seconds per sample; kept for each version of it."""
    model = models.MODELS.get(name)
    assert digest == model.digest, "the digest is part of the cache's key"
    seconds = models.seconds_per_sample(model, resolve(model, Dial(seed=SEED)))
    made = []
    for dial, caption in dials(model):
        sample = models.sample_dial(model, dial)
        picture = frames.picture(model.field, sample)
        made.append((exports.png(picture, model.field, max(3, SHARP // len(picture)), dark), caption))
    return made, seconds


def card(problem: Problem) -> None:
    """One problem: its sentence, a door and its pictures; or what to do when its model is not there."""
    name = f"{problem.name}/{problem.presets[0].name}"
    text, *pictures = st.columns([4, 3, 3, 3], gap="medium", vertical_alignment="center")
    try:
        model = models.MODELS.get(name)
        made, seconds = covers(name, model.digest, routes.dark())
    except (FileNotFoundError, ValueError) as error:
        text.subheader(problem.title, anchor=False)
        text.write(problem.summary)
        st.warning(str(error), icon=":material/model_training:")
        return
    for (image, caption), column in zip(made, pictures, strict=True):
        column.image(image, caption, width="stretch", alt=f"{problem.title}, {caption}")
    with text:
        st.subheader(problem.title, anchor=False)
        st.write(problem.summary)
        door = st.Page(routes.view(problem.name), url_path=problem.name, title=problem.title)
        st.page_link(door, label="Open and drag", icon=":material/tune:")
        rows, columns = model.field.shape
        size = f"{rows} × {columns} {model.field.unit}".strip()
        st.caption(f"Made here by the trained model: {1e3 * seconds:.0f} ms per sample of {size}.")
        st.caption(problem.citation)


def show() -> None:
    """The page."""
    st.header("Materials that hold what was asked", anchor=False)
    st.write(
        "Drag a slider, and a structure with exactly the requested statistics follows the finger. What you see is "
        "measured on "
        "the delivered array and drawn beside held-out data, and every page says where its model was not trained."
    )
    names = discovery.problems()
    if not names:
        st.info("There is no problem in core/problems yet. Add a file that defines PROBLEM, and it appears here.")
    for name in names:
        card(discovery.problem(name))
    door = "An inverse problem: which parameters explain what is observed, to drag"
    st.page_link(routes.inverse(), label=door, icon=":material/query_stats:")
    st.page_link(
        routes.linear_game(), label="The linear game: the theory of the training, to drag", icon=":material/function:"
    )
    st.page_link(
        routes.gan_lab(), label="The GAN lab: training step by step, failures and cures", icon=":material/ssid_chart:"
    )


if __name__ == "__main__":
    show()
