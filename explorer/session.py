"""What a session holds: its models, the dial of each, and the latest dial of each problem."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.sampling import Model
from explorer import link
from explorer.live.dial import Dial
from explorer.live.models import MODELS


def loaded(name: str) -> Model | None:
    """The model of that name; None, and a sentence on the page, when it is missing or damaged."""
    try:
        return MODELS.get(name)
    except (FileNotFoundError, ValueError) as error:
        st.warning(str(error), icon=":material/model_training:")
        return None


def remembered(model: Model) -> tuple[Dial, tuple[str, ...]]:
    """The dial to start from, and notes on it.

    It is the link's when there is one; else the session's dial of this model with the latest request of its problem;
    else the defaults.
    """
    query = st.query_params.to_dict()
    if query:
        return link.from_query(model, query)
    own, latest = (st.session_state.get(key) for key in (f"dial:{model.name}", f"last:{model.problem.name}"))
    return link.transfer_dial(model, own or Dial(), latest), ()


def remember(model: Model, dial: Dial) -> None:
    """Keeps the dial for this session and writes it into the address: same address, same pixels.

    Conditions of one preset are kept while another is open that does not have them: the one after may.
    """
    st.session_state[f"dial:{model.name}"] = dial
    key = f"last:{model.problem.name}"
    before = st.session_state[key].conditions if key in st.session_state else {}
    own = {q.name for q in model.conditions}
    others = {name: v for name, v in before.items() if name not in own}
    st.session_state[key] = replace(dial, conditions=others | dict(dial.conditions))
    query = link.to_query(model, dial)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def remember_for(model: Model, dial: Dial) -> None:
    """The problem's page will open with this preset at this dial."""
    st.session_state[f"dial:{model.name}"] = st.session_state[f"last:{model.problem.name}"] = dial
    st.session_state[f"preset:{model.problem.name}"] = model.preset.name
    st.session_state[f"switched:{model.problem.name}"] = True
